"""Events of a protocol and their details (spec 02 part B)."""

from collections.abc import Sequence

from biobank.access import Actor
from biobank.wire.errors import ACCESS_DENIED, Refused
from specimens.protocol.detail.events import EventQuery, ProtocolEventDetail
from specimens.protocol.models import CollectionProtocol, Event
from specimens.protocol.reads.lookups import allowed_among, find_protocol, known_events
from specimens.protocol.reads.scopes import PROTOCOL, READ
from specimens.protocol.rules import codes
from specimens.protocol.rules.events import place


def event(pk: int, actor: Actor, operation: str = READ) -> Event:
    """The event a request addresses, protocol loaded. Raises CPE_NOT_FOUND, then RBAC_ACCESS_DENIED."""
    found = known_events().select_related("protocol").filter(pk=pk).first()
    if found is None:
        raise Refused(codes.CPE_NOT_FOUND.missing(key=pk))
    if not allowed_among(actor, [found.protocol_id], PROTOCOL, operation):
        raise Refused(ACCESS_DENIED())
    return found


def addressed_protocol(pk: int | None, short_title: str | None, actor: Actor) -> CollectionProtocol:
    """The protocol that a list names. Raises CP_SHORT_TITLE_REQUIRED, CP_NOT_FOUND, RBAC_ACCESS_DENIED."""
    if pk is None and not short_title:
        raise Refused(codes.CP_SHORT_TITLE_REQUIRED())
    found = find_protocol(pk, short_title=short_title)
    if found is None:
        raise Refused(codes.CP_NOT_FOUND.missing(key=pk if pk is not None else short_title))
    if not allowed_among(actor, [found.pk], PROTOCOL, READ):
        raise Refused(ACCESS_DENIED())
    return found


def events_of(protocol_ids: Sequence[int], *, closed: bool = True) -> list[Event]:
    """The events of protocols by their point in days, those without last; `protocol` is loaded."""
    rows = known_events().select_related("protocol").filter(protocol_id__in=protocol_ids)
    if not closed:
        rows = rows.exclude(activity_status="Closed")
    return sorted(rows, key=lambda row: place(row.point, row.point_unit, row.pk, row.sort_order))


def listed(query: EventQuery, actor: Actor) -> list[Event]:
    """The events of a list; the one behind a specimen-centric protocol stays hidden (spec 02 §B3)."""
    found = addressed_protocol(query.cp_id, query.cp_short_title, actor)
    if found.specimen_centric:
        return []
    return events_of([found.pk], closed=query.include_closed_events is not False)


def event_details(pks: Sequence[int]) -> list[ProtocolEventDetail]:
    """Details in the order of `pks`, one query; deleted ones too."""
    rows = Event.objects.select_related("protocol", "default_site").in_bulk(list(pks))
    return [event_detail(rows[pk]) for pk in pks]


def event_detail(row: Event) -> ProtocolEventDetail:
    """`protocol` and `default_site` should be loaded."""
    return ProtocolEventDetail.model_construct(
        id=row.pk,
        event_label=row.label,
        code=row.code,
        event_point=row.point,
        event_point_unit=row.point_unit,
        cp_id=row.protocol_id,
        collection_protocol=row.protocol.title,
        cp_short_title=row.protocol.short_title,
        default_site=row.default_site.name if row.default_site else None,
        clinical_diagnosis=row.clinical_diagnosis,
        clinical_status=row.clinical_status,
        visit_name_print_mode=row.visit_name_print_mode,
        visit_name_print_copies=row.visit_name_print_copies,
        activity_status=row.activity_status,
        sort_order=row.sort_order,
        offset=0,
        offset_unit="DAYS",
    )


def with_offset(row: Event) -> ProtocolEventDetail:
    """The event with the point of the protocol's first event as its offset."""
    detail = event_detail(row)
    if row.point is not None:
        first = events_of([row.protocol_id])[0]
        detail.offset, detail.offset_unit = first.point, first.point_unit
    return detail
