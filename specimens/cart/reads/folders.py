"""Folders of carts as they go over the wire (spec 03 §4.4)."""

from collections.abc import Sequence

from django.db.models import QuerySet
from django.db.models.functions import Lower

from biobank.access import Actor
from sessions_auth.reads import summaries
from specimens.cart.detail import CartFolderDetail, CartFolderQuery, CartGroup
from specimens.cart.models import CartFolder
from specimens.cart.reads.carts import group
from specimens.cart.reads.scopes import folders_for
from specimens.protocol.below import counted


def listed(query: CartFolderQuery, actor: Actor) -> QuerySet[CartFolder]:
    """The rows of a list call, in its order."""
    rows = folders_for(actor)
    if query.name:
        rows = rows.filter(name__icontains=query.name)
    return rows.order_by(Lower("name"), "pk")


def details(rows: Sequence[CartFolder], *, stats: bool = True) -> list[CartFolderDetail]:
    """Folders in the order given; three queries at most."""
    owners = summaries(row.owner_id for row in rows)
    groups = _groups(rows)
    counts = _carts(rows) if stats else {}
    return [
        CartFolderDetail.model_construct(
            id=row.pk,
            name=row.name,
            description=row.description,
            owner=owners.get(row.owner_id),
            creation_time=row.creation_time,
            carts_count=counts.get(row.pk, 0),
            activity_status=row.activity_status,
            user_groups=groups.get(row.pk, []),
        )
        for row in rows
    ]


def _groups(rows: Sequence[CartFolder]) -> dict[int, list[CartGroup]]:
    links = CartFolder.user_groups.through._default_manager.filter(cartfolder__in=[row.pk for row in rows])
    links = links.exclude(usergroup__activity_status="Disabled").select_related("usergroup")
    found: dict[int, list[CartGroup]] = {}
    for link in links.order_by("usergroup"):
        found.setdefault(link.cartfolder_id, []).append(group(link.usergroup))
    return found


def _carts(rows: Sequence[CartFolder]) -> dict[int, int]:
    """How many carts each folder holds, deleted ones apart."""
    links = CartFolder.carts.through._default_manager.exclude(cart__activity_status="Disabled")
    return counted(links, "cartfolder", [row.pk for row in rows])
