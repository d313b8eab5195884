"""With whom carts are shared, and who marked them (spec 03 §4.3)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from biobank.access import Actor
from biobank.records import stamp
from biobank.wire.errors import Refused
from sessions_auth.reads import known_users
from specimens.cart import notices, rules
from specimens.cart.models import Cart
from specimens.cart.writes.contents import touch


def save_sharing(
    people: Mapping[int, Sequence[int]], groups: Mapping[int, Sequence[int]], actor: Actor
) -> None:
    """Replace the users and the groups that carts (by id) are shared with, and tell those whom it concerns."""
    members = _by_cart(Cart.shared_with.through._default_manager.all(), "user_id", people)
    teams = _by_cart(Cart.shared_with_groups.through._default_manager.all(), "usergroup_id", groups)
    _replace(Cart.shared_with.through, "user_id", people)
    _replace(Cart.shared_with_groups.through, "usergroup_id", groups)
    for pk in dict.fromkeys((*people, *groups)):
        now, then = set(people.get(pk, ())), members.get(pk, set())
        notices.sharing_changed(
            pk,
            actor,
            users=(now - then if pk in people else set(), then - now if pk in people else set()),
            groups=set(groups.get(pk, ())) - teams.get(pk, set()),
        )


def _by_cart(links: QuerySet[Any], column: str, wanted: Mapping[int, Sequence[int]]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    if wanted:
        for cart, other in links.filter(cart__in=list(wanted)).values_list("cart_id", column):
            found.setdefault(cart, set()).add(other)
    return found


def _replace(link: Any, column: str, wanted: Mapping[int, Sequence[int]]) -> None:
    if not wanted:
        return
    link._default_manager.filter(cart__in=list(wanted)).delete()
    rows = [
        link(**{"cart_id": cart, column: other})
        for cart, others in wanted.items()
        for other in dict.fromkeys(others)
    ]
    link._default_manager.bulk_create(rows, ignore_conflicts=True)


def share(row: Cart, ids: Iterable[int], operation: str, actor: Actor) -> None:
    """Set, add or take away users a cart is shared with. Raises SPECIMEN_LIST_INVALID_USERS_LIST."""
    wanted = list(dict.fromkeys(ids))
    known = set(known_users().filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else set()
    if len(known) < len(wanted):
        raise Refused(rules.INVALID_USERS(keys=rules.few(pk for pk in wanted if pk not in known)))
    with transaction.atomic():
        stamp(actor)
        Cart.objects.select_for_update(no_key=True).get(pk=row.pk)  # one change of sharing at a time
        before = set(row.shared_with.values_list("pk", flat=True))
        if operation == rules.REMOVE:
            after = before - set(wanted)
        else:
            after = set(wanted) | (before if operation == rules.ADD else set())
        save_sharing({row.pk: sorted(after - {row.owner_id})}, {}, actor)
        touch(row)


def star(row: Cart, actor: Actor, *, on: bool) -> None:
    """Mark a cart for the caller, or unmark it."""
    link = Cart.starred_by.through
    if on:
        link._default_manager.bulk_create(
            [link(cart_id=row.pk, user_id=actor.user_id)], ignore_conflicts=True
        )
    else:
        link._default_manager.filter(cart=row.pk, user=actor.user_id).delete()
