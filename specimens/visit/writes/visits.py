"""The door of visits, and the writes that are made of it (spec 03 §2)."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from biobank.access import Actor
from biobank.batch.door import Door
from biobank.batch.insert import insert
from biobank.batch.reasons import Traces
from biobank.batch.update import update
from biobank.records import disable, stamp
from biobank.wire.errors import Refused
from specimens.participant.writes.naming import distinct_labels
from specimens.visit import below, rules
from specimens.visit.detail import VisitDetail
from specimens.visit.models import Visit
from specimens.visit.writes.known import VisitRemoval, names_in_use
from specimens.visit.writes.planning import VisitPlan, plan_visits

T = TypeVar("T")


def apply_visits(plans: Sequence[VisitPlan], actor: Actor) -> list[int]:
    """Write the planned visits, then let the packages below follow; a fixed number of statements."""
    reason = next((plan.reason for plan in plans if plan.reason), None)
    if reason:
        stamp(actor, reason=reason)
    _give_names([plan for plan in plans if plan.naming is not None])
    insert([plan.row for plan in plans if plan.is_new])
    changed = [plan for plan in plans if plan.changed]
    rows = {plan.row.pk: plan.row for plan in changed}
    update(list(rows.values()), {name for plan in changed for name in plan.changed})
    remove([plan.row for plan in plans if plan.gone], actor)
    _tell([plan for plan in plans if not plan.gone], actor)
    return [plan.row.pk for plan in plans]


def _give_names(plans: Sequence[VisitPlan]) -> None:
    """Raises `Refused(VISIT_DUP_NAME)` when a template has no free name to give."""
    work = [plan.naming for plan in plans if plan.naming is not None]
    for plan, text in zip(plans, distinct_labels(work, [0] * len(work), names_in_use), strict=True):
        if text is None:
            raise Refused(rules.DUP_NAME(name="generated"))
        plan.row.name = text


def remove(rows: Sequence[Visit], actor: Actor) -> None:
    """Disable visits and everything below them; set-based."""
    if not rows:
        return
    for follow in below.deleted:
        follow([row.pk for row in rows], actor)
    update(rows, disable(rows, name=255, surgical_pathology_number=50))


def _tell(plans: Sequence[VisitPlan], actor: Actor) -> None:
    """What the specimens below have to know."""
    statuses = [
        below.StatusChange(plan.row, plan.old_status)
        for plan in plans
        if (
            plan.pre_printed or plan.row.status in rules.UNCOLLECTED
            if plan.is_new
            else plan.old_status != plan.row.status
        )
    ]
    _call(below.protocol_changed, [plan.row for plan in plans if plan.new_protocol], actor)
    _call(below.event_changed, [plan.row for plan in plans if plan.new_event], actor)
    _call(below.status_changed, statuses, actor)
    changed = [plan for plan in plans if plan.is_new or plan.old_status != plan.row.status]
    _call(below.saved, [below.StatusChange(plan.row, plan.old_status) for plan in changed], actor)


def _call(
    followers: Sequence[Callable[[Sequence[T], Actor], None]], about: Sequence[T], actor: Actor
) -> None:
    if about:
        for follow in followers:
            follow(about, actor)


VISITS: Door[VisitDetail, VisitPlan] = Door("visit", plan_visits, apply_visits, traces=Traces(Visit))


def delete_visit(pk: int, actor: Actor, *, force: bool, reason: str | None) -> int:
    """Delete a visit; `force` takes its specimens along. Raises SPECIMEN_REF_ENTITY_FOUND."""
    detail = VisitRemoval(activity_status="Disabled", forced=force, op_comments=reason)
    return VISITS.write_one(detail, actor, pk)
