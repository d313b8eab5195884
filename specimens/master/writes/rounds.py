"""One round over rows that can be written at once: all is planned before anything is written.

Registrations are planned first, visits on the planned registrations, specimens on the planned visits. What a
failing row would have made alone is never written; a fixed number of statements, however many rows fail.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo

from biobank.access import Actor
from biobank.batch.door import Change, Refusal
from biobank.batch.insert import take_keys
from biobank.wire.errors import INVALID_REQUEST, Refused
from specimens.master.writes.groups import Batch, Group, Unit, settle
from specimens.master.writes.rows import Row, changed_visit, new_visit, registration_detail, specimen_detail
from specimens.master.writes.stored import find_registrations, find_specimens, find_visits
from specimens.participant.models import Participant, Registration
from specimens.participant.reads.mrn_sites import is_restricted
from specimens.participant.writes import REGISTRATIONS
from specimens.participant.writes.planning import RegistrationPlan
from specimens.protocol.models import CollectionProtocol
from specimens.specimen.writes import SPECIMENS
from specimens.specimen.writes.doors import plan_specimens
from specimens.specimen.writes.drafts import Draft, VisitFacts, all_of
from specimens.visit.detail import VisitDetail
from specimens.visit.models import Visit
from specimens.visit.rules import UNCOLLECTED
from specimens.visit.writes import VISITS
from specimens.visit.writes.known import Ahead
from specimens.visit.writes.planning import VisitPlan, is_pre_printed, plan_visits


class Unplannable(Refused):
    """The rows must be written one by one: what one brings about beside itself may matter to the next."""


class Round:
    """Plans and writes the rows of one batch; afterwards each has its record, its problems, or has to wait."""

    def __init__(self, batch: Batch, actor: Actor, zone: tzinfo) -> None:
        self._batch = batch
        self._actor = actor
        self._zone = zone
        self._protocols: dict[str, CollectionProtocol] = {}
        self._unit_of: dict[int, tuple[Group, Unit]] = {
            id(row): (group, unit)
            for group in batch.groups
            for unit in group.units.values()
            for row in unit.rows
        }
        self._group_of = {id(row): group for group in batch.groups for row in group.rows}
        self._facts: dict[int, VisitFacts] = {}
        self._drafts: dict[int, Draft] = {}  # by row

    def run(self) -> None:
        """Raises `Unplannable` with nothing written."""
        self._registrations()
        self._visits()
        self._specimens([row for row in self._batch.rows if row.specimen and row.is_good])
        settle(self._batch)
        self._refuse_shared_people()
        if any(row.is_open and id(row) in self._drafts for row in self._batch.rows):
            self._plan_again()
        self._apply()

    # --- Planning -----------------------------------------------------------------------------------------

    def _registrations(self) -> None:
        groups = self._batch.groups
        if not groups:
            return
        self._protocols = find_registrations(groups)
        if is_restricted(self._actor) or any(is_pre_printed(one) for one in self._protocols.values()):
            raise Unplannable(INVALID_REQUEST(reason="one by one"))
        asked = [group for group in _each_once(groups) if not group.problems]
        changes = [Change(registration_detail(group.leader), group.pk) for group in asked]
        for group, planned in zip(asked, REGISTRATIONS.plan(changes, self._actor), strict=True):
            if isinstance(planned, Refusal):
                group.problems = planned.problems
            elif planned.merged_into is not None:
                group.leader.alone = True
            else:
                group.plan = planned
        for group in groups:
            for row in group.rows if group.problems else ():
                row.problems = group.problems
        _give_keys([group.plan for group in groups if group.plan is not None])

    def _visits(self) -> None:
        units = [
            (group, unit)
            for group in self._batch.groups
            if group.plan is not None
            for unit in group.units.values()
        ]
        if not units:
            return
        first_events = find_visits(units, self._zone)
        changes = [Change(self._visit_detail(group, unit, first_events), unit.pk) for group, unit in units]
        for (_, unit), planned in zip(
            units, plan_visits(changes, self._actor, ahead=self._ahead()), strict=True
        ):
            if isinstance(planned, Refusal):
                for row in unit.rows:
                    row.problems = planned.problems
            elif _touches_specimens(planned):
                unit.leader.alone = True
            else:
                unit.plan = planned
        fresh = [unit.plan for _, unit in units if unit.plan is not None and unit.plan.is_new]
        for plan, key in zip(fresh, take_keys(Visit, len(fresh)) if fresh else [], strict=True):
            plan.row.pk = key
        for group, unit in units:
            if unit.plan is not None and group.plan is not None:
                self._facts[unit.plan.row.pk] = _facts(unit.plan.row, group.plan.row)

    def _visit_detail(self, group: Group, unit: Unit, first_events: dict[int, int]) -> VisitDetail:
        assert group.plan is not None and group.protocol is not None  # noqa: S101 - units of planned groups only
        if unit.pk is not None:
            return changed_visit(unit.leader, group.plan.row.pk)
        return new_visit(unit.leader, group.plan.row.pk, first_events.get(group.protocol.pk))

    def _ahead(self) -> Ahead:
        plans = [group.plan for group in self._batch.groups if group.plan is not None]
        return Ahead(
            registrations={plan.row.pk: plan.row for plan in plans},
            first_sites={plan.person.row.pk: next(iter(plan.person.numbers), None) for plan in plans},
        )

    def _specimens(self, rows: Sequence[Row]) -> None:
        self._drafts.clear()
        ready = [row for row in rows if not row.primary or self._visit_of(row) is not None]
        if not ready:
            return
        find_specimens(ready, self._protocols)
        ready = [row for row in ready if not row.problems]
        changes = [
            Change(specimen_detail(row, plan.row.pk if (plan := self._visit_of(row)) else None), row.pk)
            for row in ready
        ]
        planned = plan_specimens(changes, self._actor, visits=self._facts.values())
        for row, draft in zip(ready, planned, strict=True):
            if isinstance(draft, Refusal):
                row.problems = draft.problems
            else:
                self._drafts[id(row)] = draft

    def _visit_of(self, row: Row) -> VisitPlan | None:
        found = self._unit_of.get(id(row))
        return None if found is None else found[1].plan

    def _plan_again(self) -> None:
        """Plan the specimens without those that wait after all. Raises `Unplannable` when more fail."""
        rows = [row for row in self._batch.rows if row.specimen and row.is_good]
        self._specimens(rows)
        if not all(row.is_good for row in rows):
            raise Unplannable(INVALID_REQUEST(reason="one by one"))

    def _refuse_shared_people(self) -> None:
        """A person two registrations change can only be stored with both changes."""
        holders: dict[int, list[Group]] = {}
        for group in self._batch.groups:
            if group.plan is not None:
                holders.setdefault(id(group.plan.person), []).append(group)
        for held in holders.values():
            if len(held) > 1 and not all(group.alive for group in held):
                raise Unplannable(INVALID_REQUEST(reason="one by one"))

    # --- Writing ------------------------------------------------------------------------------------------

    def _apply(self) -> None:
        groups = [group for group in self._batch.groups if group.alive]
        units = [(group, unit) for group in groups for unit in group.units.values() if unit.alive]
        plans = [group.plan for group in groups if group.plan is not None]
        if plans:
            REGISTRATIONS.apply(plans, self._actor)
        named: dict[int, VisitFacts] = {}
        visits: list[VisitPlan] = []
        for group, unit in units:
            if unit.plan is not None and group.plan is not None:
                if unit.plan.naming is not None:
                    fmt, values = unit.plan.naming
                    unit.plan.naming = fmt, replace(values, ppid=group.plan.row.ppid)
                visits.append(unit.plan)
        if visits:
            VISITS.apply(visits, self._actor)
        for group, unit in units:
            if unit.plan is not None and group.plan is not None:
                named[unit.plan.row.pk] = _facts(unit.plan.row, group.plan.row)
        drafts = [self._drafts[id(row)] for row in self._batch.rows if row.is_good and row.specimen]
        if not drafts:
            return
        for draft in all_of(drafts):  # what was generated is known only now
            draft.visit = named.get(draft.visit.id, draft.visit)
        SPECIMENS.apply(drafts, self._actor)

    def key(self, row: Row) -> int | None:
        """The record a good row ended with: its specimen, else its visit, else its registration."""
        draft = self._drafts.get(id(row))
        if draft is not None:
            return draft.row.pk
        visit = self._visit_of(row)
        if visit is not None:
            return visit.row.pk
        plan = self._group_of[id(row)].plan
        return None if plan is None else plan.row.pk


def _give_keys(plans: Sequence[RegistrationPlan]) -> None:
    """Take the keys of new registrations and participants, so that visits can refer to them."""
    people = list({id(plan.person): plan.person for plan in plans if plan.person.is_new}.values())
    for person, key in zip(people, take_keys(Participant, len(people)) if people else [], strict=True):
        person.row.pk = key
    fresh = [plan for plan in plans if plan.is_new]
    for plan, key in zip(fresh, take_keys(Registration, len(fresh)) if fresh else [], strict=True):
        plan.row.pk = key
        plan.row.participant_id = plan.person.row.pk


def _each_once(groups: Sequence[Group]) -> list[Group]:
    """The groups without those that turn out to mean the registration of an earlier one; these wait."""
    seen: set[int] = set()
    found = []
    for group in groups:
        if group.pk is not None and group.pk in seen:
            for row in group.rows:
                row.later = True
            continue
        if group.pk is not None:
            seen.add(group.pk)
        found.append(group)
    return found


def _touches_specimens(plan: VisitPlan) -> bool:
    """Whether storing the visit changes specimens beside those of its rows."""
    if plan.is_new:
        return plan.row.status in UNCOLLECTED
    return plan.old_status != plan.row.status or plan.new_event or plan.new_protocol


def _facts(visit: Visit, registration: Registration) -> VisitFacts:
    return VisitFacts(
        visit.pk,
        visit.name,
        visit.status,
        visit.visit_date,
        visit.protocol_id,
        visit.event_id,
        registration.pk,
        registration.ppid,
    )
