"""What visits do when their registrations are created, deleted, merged or anonymized (spec 03 §1.7, §1.8, §1.10)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time

from biobank.access import SUPER, Actor
from biobank.batch.door import Change
from biobank.batch.update import update
from biobank.records import past
from biobank.wire.dates import server_zone
from specimens.participant import below as registrations
from specimens.participant.models import Registration
from specimens.protocol.models import Event
from specimens.visit import rules
from specimens.visit.detail import VisitDetail
from specimens.visit.models import Visit
from specimens.visit.writes import reports
from specimens.visit.writes.planning import is_pre_printed
from specimens.visit.writes.visits import VISITS, remove

_NOBODY: dict[str, None] = dict.fromkeys(("surgical_pathology_number", "spr_name", "spr_file"))


def follow_registrations() -> None:
    """Join in the writes of registrations; called once when the app starts."""
    registrations.created.append(plan_ahead)
    registrations.deleted.append(go_with)
    registrations.merged.append(move)
    registrations.anonymized.append(forget)


def plan_ahead(rows: Sequence[Registration], actor: Actor) -> None:
    """One pending visit for each open event, where the protocol labels its specimens on registration."""
    early = [row for row in rows if row.protocol.spmn_label_pre_print_mode == "ON_REGISTRATION"]
    early = [row for row in early if is_pre_printed(row.protocol)]
    if not early:
        return
    found = Event.objects.filter(protocol_id__in={row.protocol_id for row in early}, activity_status="Active")
    events: dict[int, list[Event]] = {}
    for event in found.order_by("pk"):
        events.setdefault(event.protocol_id, []).append(event)
    wanted = [Change(detail) for row in early for detail in _pending(row, events.get(row.protocol_id, []))]
    VISITS.write(wanted, replace(actor, kind=SUPER))  # whoever may register need not have rights on visits


def _pending(row: Registration, events: Sequence[Event]) -> Iterator[VisitDetail]:
    """Visits on the registration date plus each event's point, counted from the smallest one."""
    days = [rules.point_in_days(event.point, event.point_unit) for event in events]
    base = min((day for day in days if day is not None), default=0)
    for event in events:
        due = rules.moved(row.registration_date, event.point or 0, event.point_unit)
        due = rules.moved(due, -base, "DAYS") if event.point is not None else due
        yield VisitDetail(
            cpr_id=row.pk,
            event_id=event.pk,
            status=rules.PENDING,
            visit_date=datetime.combine(due, time.min, server_zone()),
        )


def go_with(registration_ids: Sequence[int], actor: Actor) -> None:
    """Deleted registrations take their visits along, and these their specimens."""
    remove(list(_of(registration_ids)), actor)


def move(registrations: Mapping[int, int], actor: Actor) -> None:
    """Visits of a merged registration go to the one that takes over, in the same protocol."""
    rows = list(_of(list(registrations)))
    for row in rows:
        row.registration_id = registrations[row.registration_id]
    update(rows, ["registration_id"])


def forget(registration_ids: Sequence[int], actor: Actor) -> None:
    """Accession numbers and pathology reports identify people; those of deleted visits go too, and earlier ones."""
    rows = Visit.objects.filter(registration_id__in=registration_ids)
    reports.forget(rows.exclude(spr_file=None))
    rows.update(spr_locked=False, **_NOBODY)
    past(Visit).filter(pgh_obj__in=rows.values("pk")).update(**_NOBODY)


def _of(registration_ids: Sequence[int]) -> Iterator[Visit]:
    yield from Visit.objects.filter(registration_id__in=registration_ids).exclude(activity_status="Disabled")
