"""A registration's visits: those that took place, and one for each event still to come (spec 03 §2.6)."""

from collections.abc import Sequence
from datetime import date, datetime, time

from django.db.models import Count, Q

from biobank.access import Actor
from biobank.wire.dates import server_zone
from specimens.participant.models import Registration
from specimens.protocol.models import Event
from specimens.visit import rules
from specimens.visit.detail import VisitDetail
from specimens.visit.models import Visit
from specimens.visit.reads.details import (
    Context,
    Counts,
    described,
    diagnoses,
    event_keys,
    visible,
    visit_detail,
    with_parts,
)

_FAR = float("inf")


def calendar(
    registration: Registration, actor: Actor, *, stats: bool = False, by_date: bool = False
) -> list[VisitDetail]:
    """All visits of a registration (`protocol` loaded), in order; a fixed number of queries.

    A specimen-centric protocol has none to show.
    """
    if registration.protocol.specimen_centric:
        return []
    known = with_parts(Visit.objects.filter(registration=registration).exclude(activity_status="Disabled"))
    stored = list(known)
    seen = {row.event_id for row in stored if row.event_id is not None}
    events = Event.objects.filter(protocol=registration.protocol_id, activity_status="Active")
    coming = [event for event in events.select_related("default_site") if event.pk not in seen]
    context = Context.of(stored, phi=visible(actor, stored), stats=stats, events=coming)
    base = _smallest_point([*(row.event for row in stored if row.event), *coming])
    wanted = _wanted(coming) if stats else {}
    entries = [_stored(row, registration, base, context) for row in stored]
    entries += [_coming(event, registration, base, context, wanted.get(event.pk, {})) for event in coming]
    return sorted(entries, key=_by_date if by_date else _by_event)


def _smallest_point(events: Sequence[Event]) -> int:
    points = [days for e in events if (days := rules.point_in_days(e.point, e.point_unit)) is not None]
    return min(points, default=0)


def _due(event: Event | None, registration: Registration, base: int) -> date | None:
    if event is None:
        return None
    return rules.anticipated_day(registration.registration_date, event.point, event.point_unit, base)


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min, server_zone())


def _stored(row: Visit, registration: Registration, base: int, context: Context) -> VisitDetail:
    detail = visit_detail(row, context)
    detail.anticipated_visit_date = _midnight(_due(row.event, registration, base))
    return detail


def _coming(
    event: Event, registration: Registration, base: int, context: Context, counts: Counts
) -> VisitDetail:
    """An event without visit: no id, name, status, registration or date."""
    protocol = registration.protocol
    texts = [event.clinical_diagnosis] if event.clinical_diagnosis else []
    due = _due(event, registration, base)
    return VisitDetail.model_construct(
        cp_id=protocol.pk,
        cp_title=protocol.title,
        cp_short_title=protocol.short_title,
        **event_keys(event),
        code=event.code,
        anticipated_visit_date=_midnight(due),
        site=event.default_site.name if event.default_site else None,
        clinical_diagnoses=texts,
        diagnosis_list=diagnoses(texts, context),
        clinical_status=event.clinical_status,
        description=described(event, None, context),
        **counts,
    )


def _wanted(events: Sequence[Event]) -> dict[int, Counts]:
    """How many specimens the events ask for, all and primary ones; one query."""
    rows = Event.objects.filter(pk__in=[event.pk for event in events]).annotate(
        all_of_them=Count("requirements", filter=Q(requirements__activity_status="Active")),
        primary=Count(
            "requirements", filter=Q(requirements__activity_status="Active", requirements__lineage="New")
        ),
    )
    return {
        pk: {"total_pending_spmns": total, "pending_primary_spmns": primary}
        for pk, total, primary in rows.values_list("pk", "all_of_them", "primary")
    }


def _when(entry: VisitDetail) -> float:
    when = entry.visit_date or entry.anticipated_visit_date
    return _FAR if when is None else when.timestamp()


def _by_event(entry: VisitDetail) -> tuple[float, float, float]:
    days = rules.point_in_days(entry.event_point, entry.event_point_unit)
    return (
        _FAR if days is None else days,
        _FAR if entry.event_id is None else entry.event_id,
        _when(entry),
    )


def _by_date(entry: VisitDetail) -> tuple[float, float]:
    return _when(entry), entry.id or _FAR
