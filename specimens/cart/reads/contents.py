"""The specimens of a cart, filtered by what the caller may read (spec 03 §4.3)."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from biobank.access import Actor
from biobank.wire.errors import Refused, refuse_if
from specimens.cart import rules
from specimens.cart.detail import CartSpecimensQuery
from specimens.cart.models import Cart, CartItem
from specimens.cart.reads.scopes import DEFAULT, default_cart, reachable
from specimens.specimen.detail import SpecimenSearch
from specimens.specimen.models import Specimen
from specimens.specimen.reads import matching, shown, specimens_for
from specimens.specimen.reads.rows import Json

_FILTERS = ("label", "cp_id", "ppid", "lineage", "type", "anatomic_site", "container", "available", "no_qty")


def items(row: Cart, query: CartSpecimensQuery, actor: Actor) -> QuerySet[CartItem]:
    """What the cart holds of the specimens that the query means and the caller may read."""
    criteria = SpecimenSearch(**{name: getattr(query, name) for name in _FILTERS})
    return CartItem.objects.filter(cart=row, specimen__in=matching(criteria, actor)).order_by("pk")


def specimens(row: Cart, query: CartSpecimensQuery, actor: Actor) -> list[Json]:
    """A page of the cart, in the order in which the specimens were added."""
    first, last = query.bounds(query.PAGE)
    ids = items(row, query, actor).values_list("specimen_id", flat=True)[first:last]
    return shown(list(ids), actor)


def held_by(pk: int, actor: Actor) -> QuerySet[Any]:
    """The ids of what is in a cart that a search names.

    Raises SPECIMEN_LIST_NOT_FOUND, SPECIMEN_LIST_ACCESS_NOT_ALLOWED.
    """
    if pk == DEFAULT:
        pk = default_cart(actor).pk
    refuse_if(reachable(actor, [pk]).problems([pk]))
    return CartItem.objects.filter(cart=pk).values("specimen")


def readable(ids: Iterable[int], actor: Actor) -> list[int]:
    """The ids without repeats. Raises SPECIMEN_LIST_INVALID_SPECIMENS unless the caller may read them all."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return []
    known = set(specimens_for(actor).filter(pk__in=wanted).values_list("pk", flat=True))
    if len(known) < len(wanted):
        raise Refused(rules.INVALID_SPECIMENS(ids=rules.few(pk for pk in wanted if pk not in known)))
    return wanted


def sorted_by_relationship(row: Cart, actor: Actor) -> list[Json]:
    """The cart's specimens, each after what it was made of; three queries and those of a list.

    Raises SPECIMEN_LIST_EXCEEDS_REL_SORT_SIZE above 250 specimens.
    """
    held = items(row, CartSpecimensQuery(), actor)
    ids = list(held.values_list("specimen_id", flat=True)[: rules.REL_SORT_LIMIT + 1])
    if len(ids) > rules.REL_SORT_LIMIT:
        raise Refused(rules.TOO_MANY_TO_SORT(limit=rules.REL_SORT_LIMIT))
    return shown(_by_relationship(ids), actor)


def _by_relationship(ids: list[int]) -> list[int]:
    """Families in the order of their first member, within them parents before children."""
    above = Specimen.objects.filter(pk__in=ids).values_list("pk", "primary")
    roots = {pk: primary or pk for pk, primary in above}
    below: dict[int, list[int]] = {}
    family = Specimen.objects.filter(primary__in=set(roots.values())).order_by("pk")
    for pk, parent in family.values_list("pk", "parent"):
        below.setdefault(parent or 0, []).append(pk)
    wanted = set(ids)
    found: list[int] = []
    for root in dict.fromkeys(roots[pk] for pk in ids):
        stack = [root]
        while stack:
            pk = stack.pop()
            if pk in wanted:
                found.append(pk)
            stack += reversed(below.get(pk, ()))
    return found
