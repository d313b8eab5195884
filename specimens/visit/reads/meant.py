"""Which stored visit a row of a file means (spec 04 §3.4); what the caller may not see is as absent."""

from collections.abc import Hashable, Iterator, Sequence

from biobank.access import Actor
from specimens.visit.detail import VisitDetail
from specimens.visit.reads.scopes import visits_for


def visits_meant(details: Sequence[VisitDetail], actor: Actor) -> list[int | None]:
    """By identifier, else by name, which is unique everywhere; two queries at most."""
    ids = {detail.id for detail in details if detail.id is not None}
    known = set(visits_for(actor).filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
    names = {detail.name for detail in details if detail.id is None and detail.name}
    named = dict(visits_for(actor).filter(name__in=names).values_list("name", "pk")) if names else {}
    return [
        named.get(detail.name or "") if detail.id is None else detail.id if detail.id in known else None
        for detail in details
    ]


def visit_keys(detail: VisitDetail) -> Iterator[Hashable]:
    """What rows about the same visit have in common."""
    if detail.name:
        yield detail.name
