"""One row, one derived specimen of a parent (spec 04 §5.15)."""

from collections.abc import Sequence
from itertools import count

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from specimens.specimen import rules
from specimens.specimen.detail import SpecimenDetail
from specimens.specimen.rules import DERIVED
from specimens.specimen.writes.doors import plan_specimens
from specimens.specimen.writes.drafts import Draft, Node
from specimens.specimen.writes.store import store

_requests = count(1)


def plan_derivatives(changes: Sequence[Change[SpecimenDetail]], actor: Actor) -> list[Draft | Refusal]:
    """As specimens are planned, but a row need not say that it derives, and may close its parent."""
    nodes = [_node(change.detail) for change in changes]
    planned = iter(plan_specimens([node for node in nodes if node is not None], actor))
    return [Refusal((rules.PARENT_REQUIRED(),)) if node is None else next(planned) for node in nodes]


def _node(detail: SpecimenDetail) -> Node | None:
    """The row as a node; None when it names no parent."""
    if detail.parent_id is None and not detail.parent_label:
        return None
    derived = detail.model_copy(update={"lineage": DERIVED})
    return Node(derived, request=next(_requests), closing=bool(detail.close_parent))


DERIVATIVES: Door[SpecimenDetail, Draft] = Door("specimenDerivative", plan_derivatives, store)
