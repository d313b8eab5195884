"""Rows that dispose of specimens, and rows that correct what was said of it (spec 04 §5.17, §5.24)."""

from collections.abc import Sequence

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from specimens.specimen import rules
from specimens.specimen.detail import DisposalEventRow, DisposalRow, SpecimenDetail, SpecimenStatusChange
from specimens.specimen.rules import CLOSED
from specimens.specimen.writes.doors import plan_specimens
from specimens.specimen.writes.drafts import Draft, Node
from specimens.specimen.writes.store import store

_EVENT = {"time": "date", "comments": "comments", "user": "user"}


def plan_disposals(changes: Sequence[Change[DisposalRow]], actor: Actor) -> list[Draft | Refusal]:
    """Close specimens, or delete them with all that was made of them."""
    wrong = [rules.dispose_problem(change.detail.status) for change in changes]
    nodes = [
        Node(
            SpecimenDetail(activity_status=change.detail.status),
            change.pk,
            disposal=change.detail,
            force=True,
        )
        for change, problem in zip(changes, wrong, strict=True)
        if problem is None
    ]
    planned = iter(plan_specimens(nodes, actor))
    return [next(planned) if problem is None else Refusal((problem,)) for problem in wrong]


def plan_events(changes: Sequence[Change[DisposalEventRow]], actor: Actor) -> list[Draft | Refusal]:
    """Who disposed of a closed specimen, when, and what was remarked: what a row names is changed."""
    return plan_specimens([_correction(change) for change in changes], actor)


def _correction(change: Change[DisposalEventRow]) -> Node:
    event = change.detail
    sent = {_EVENT[name]: getattr(event, name) for name in event.model_fields_set & _EVENT.keys()}
    detail = SpecimenDetail(activity_status=CLOSED)
    return Node(detail, change.pk, disposal=SpecimenStatusChange(**sent), amends=True)


DISPOSALS: Door[DisposalRow, Draft] = Door("specimenDisposal", plan_disposals, store)
DISPOSAL_EVENTS: Door[DisposalEventRow, Draft] = Door("specimenDisposalEvent", plan_events, store)
