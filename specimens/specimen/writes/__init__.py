"""Writing specimens: every change is a batch that is planned, then stored (spec 03 §3.4 - §3.9)."""

from collections.abc import Sequence

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from specimens.specimen.detail import SpecimenDetail
from specimens.specimen.writes.drafts import Draft, Node
from specimens.specimen.writes.planner import Planner
from specimens.specimen.writes.store import store


def plan_specimens(changes: Sequence[Change[SpecimenDetail]], actor: Actor) -> list[Draft | Refusal]:
    """Decide what becomes of each specimen; `Node`s among the changes may hang on nodes before them."""
    return Planner(changes, actor).plan(changes)


SPECIMENS: Door[SpecimenDetail, Draft] = Door("specimen", plan_specimens, store)

__all__ = ["SPECIMENS", "Draft", "Node", "plan_specimens"]
