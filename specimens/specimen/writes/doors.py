"""The doors of specimens: rows of details, and rows that each make several aliquots."""

from collections.abc import Iterable, Sequence

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.batch.reasons import Traces
from specimens.specimen.detail import SpecimenDetail
from specimens.specimen.models import Specimen
from specimens.specimen.writes.drafts import Draft, VisitFacts
from specimens.specimen.writes.planner import Planner
from specimens.specimen.writes.store import store
from specimens.specimen.writes.wanted import Wanted


def plan_specimens(
    changes: Sequence[Change[SpecimenDetail]], actor: Actor, visits: Iterable[VisitFacts] = ()
) -> list[Draft | Refusal]:
    """Decide what becomes of each specimen; `Node`s among the changes may hang on nodes before them.

    `visits` are as they will be, planned with the specimens and not stored yet.
    """
    return Planner(Wanted(changes), actor, visits).plan(changes)


SPECIMENS: Door[SpecimenDetail, Draft] = Door("specimen", plan_specimens, store, traces=Traces(Specimen))
