"""Carts as they go over the wire (spec 03 §4.3)."""

from collections.abc import Iterable, Sequence

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Lower

from biobank.access import Actor
from sessions_auth.detail import UserSummary
from sessions_auth.models import UserGroup
from sessions_auth.reads import summaries
from specimens.cart import rules
from specimens.cart.detail import CartDetail, CartGroup, CartQuery, CartSummary
from specimens.cart.models import Cart, CartItem
from specimens.cart.reads.scopes import carts_for, folder
from specimens.protocol.below import counted


def listed(query: CartQuery, actor: Actor) -> QuerySet[Cart]:
    """The rows of a list call in its order. Raises SPECIMEN_LISTS_FOLDER_NOT_FOUND, RBAC_ACCESS_DENIED."""
    rows = carts_for(actor)
    if query.name:
        rows = rows.filter(name__icontains=query.name)
    if query.folder_id is not None:
        rows = rows.filter(folders=folder(actor, query.folder_id))
    first = ["-starred"] if query.order_by_starred else []
    return starred(rows, actor).order_by(*first, Lower("name"), "pk")


def starred(rows: QuerySet[Cart], actor: Actor) -> QuerySet[Cart]:
    """The carts with `starred`: whether the caller marked them."""
    stars = Cart.starred_by.through._default_manager.filter(cart=OuterRef("pk"), user=actor.user_id)
    return rows.annotate(starred=Exists(stars))


def summaries_of(rows: Sequence[Cart], *, stats: bool = False) -> list[CartSummary]:
    """Carts as lists show them; two queries at most."""
    owners = summaries(row.owner_id for row in rows)
    counts = specimen_counts(rows) if stats else {}
    return [_summary(row, owners, counts.get(row.pk, 0)) for row in rows]


def _summary(row: Cart, owners: dict[int, UserSummary], count: int) -> CartSummary:
    return CartSummary.model_construct(
        id=row.pk,
        name=row.name,
        description=row.description,
        created_on=row.created_on,
        last_updated_on=row.last_updated_on,
        owner=owners.get(row.owner_id),
        default_list=row.name == rules.default_name(row.owner_id),
        specimen_count=count,
        starred=getattr(row, "starred", None),
        send_digest_notifs=row.send_digest_notifs,
        source_entity_type=row.source_entity_type,
        source_entity_id=row.source_entity_id,
    )


def specimen_counts(rows: Sequence[Cart]) -> dict[int, int]:
    """How many specimens each cart holds, deleted ones apart; one query."""
    held = CartItem.objects.exclude(specimen__activity_status="Disabled")
    return counted(held, "cart", [row.pk for row in rows])


def details(pks: Sequence[int], actor: Actor) -> list[CartDetail]:
    """Carts in full in the order of `pks`, deleted ones too; five queries."""
    found = starred(Cart.objects.all(), actor).in_bulk(list(pks))
    people = sharing(pks)
    groups = group_sharing(pks)
    owners = summaries(row.owner_id for row in found.values())
    return [
        CartDetail.model_construct(
            **{
                **dict(_summary(found[pk], owners, 0)),
                "last_updated_on": None,
                "shared_with": people.get(pk, []),
                "shared_with_groups": groups.get(pk, []),
            }
        )
        for pk in pks
    ]


def sharing(pks: Iterable[int]) -> dict[int, list[UserSummary]]:
    """The users each cart is shared with, in the order of their ids; two queries."""
    links = Cart.shared_with.through._default_manager.filter(cart__in=list(pks)).order_by("user")
    pairs = list(links.values_list("cart", "user"))
    people = summaries(user for _, user in pairs)
    found: dict[int, list[UserSummary]] = {}
    for cart, user in pairs:
        found.setdefault(cart, []).append(people[user])
    return found


def group_sharing(pks: Iterable[int]) -> dict[int, list[CartGroup]]:
    """The groups each cart is shared with; one query."""
    links = Cart.shared_with_groups.through._default_manager.filter(cart__in=list(pks))
    links = links.exclude(usergroup__activity_status="Disabled").select_related("usergroup")
    found: dict[int, list[CartGroup]] = {}
    for link in links.order_by("usergroup"):
        found.setdefault(link.cart_id, []).append(group(link.usergroup))
    return found


def group(row: UserGroup) -> CartGroup:
    return CartGroup.model_construct(id=row.pk, name=row.name, description=row.description)
