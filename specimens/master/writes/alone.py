"""One row by itself, step by step: each record is written before the next one is looked for (spec 04 §5.16)."""

from datetime import tzinfo
from typing import TypeVar

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.wire.errors import Refused
from specimens.master.writes.groups import Group, Unit, visit_key
from specimens.master.writes.rows import Row, changed_visit, new_visit, registration_detail, specimen_detail
from specimens.master.writes.stored import find_registrations, find_specimens, find_visits
from specimens.participant.writes import REGISTRATIONS
from specimens.specimen.writes import SPECIMENS
from specimens.visit.writes import VISITS

D = TypeVar("D")
P = TypeVar("P")


def write_alone(row: Row, actor: Actor, zone: tzinfo) -> int:
    """The key of the last record written. Raises `Refused`; the caller takes back what was written till then."""
    visit_pk: int | None = None
    protocols = {}
    if row.primary:
        group = Group((), rows=[row])
        protocols = find_registrations([group])
        if group.problems:
            raise Refused(*group.problems)
        group.pk = _write(REGISTRATIONS, Change(registration_detail(row), group.pk), actor)
        if not row.has_visit:
            return group.pk
        visit_pk = _visit(row, group, group.pk, actor, zone)
        if not row.specimen:
            return visit_pk
    find_specimens([row], protocols)
    if row.problems:
        raise Refused(*row.problems)
    return _write(SPECIMENS, Change(specimen_detail(row, visit_pk), row.pk), actor)


def _visit(row: Row, group: Group, registration_pk: int, actor: Actor, zone: tzinfo) -> int:
    unit = Unit(visit_key(row, zone), rows=[row])
    first_events = find_visits([(group, unit)], zone)
    if unit.pk is not None:
        detail = changed_visit(row, registration_pk)
    else:
        event = first_events.get(group.protocol.pk) if group.protocol is not None else None
        detail = new_visit(row, registration_pk, event)
    return _write(VISITS, Change(detail, unit.pk), actor)


def _write(door: Door[D, P], change: Change[D], actor: Actor) -> int:
    planned = door.plan([change], actor)[0]
    if isinstance(planned, Refusal):
        raise Refused(*planned.problems)
    return door.apply([planned], actor)[0]
