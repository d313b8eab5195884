"""Which stored visit a row of a file means (spec 04 §3.4); what the caller may not see is as absent."""

from collections.abc import Hashable, Iterator, Sequence

from biobank.access import Actor
from biobank.batch.door import Refusal
from biobank.batch.matching import by_id_or_key
from specimens.visit.detail import VisitDetail
from specimens.visit.reads.scopes import visits_for


def visits_meant(details: Sequence[VisitDetail], actor: Actor) -> list[int | Refusal | None]:
    """By identifier, else by name, which is unique everywhere; two queries at most."""
    rows = visits_for(actor)
    return by_id_or_key(
        details,
        known=lambda ids: set(rows.filter(pk__in=ids).values_list("pk", flat=True)),
        key=lambda detail: detail.name or None,
        find=lambda names: dict(rows.filter(name__in=names).values_list("name", "pk")),
    )


def visit_keys(detail: VisitDetail) -> Iterator[Hashable]:
    """What rows about the same visit have in common."""
    if detail.name:
        yield detail.name
