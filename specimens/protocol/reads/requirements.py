"""Requirements as trees (spec 02 part C)."""

from collections.abc import Iterable, Sequence

import orjson

from biobank.access import Actor
from biobank.wire.errors import ACCESS_DENIED, Refused
from sessions_auth.detail import UserSummary
from sessions_auth.reads import summaries
from specimens.protocol import below
from specimens.protocol.detail.requirements import RequirementDetail, RequirementQuery
from specimens.protocol.models import Event, Requirement
from specimens.protocol.reads.events import addressed_protocol, event, events_of
from specimens.protocol.reads.lookups import (
    allowed_among,
    events_by_label,
    in_order,
    known_requirements,
    requirements_of,
)
from specimens.protocol.reads.scopes import PROTOCOL, READ
from specimens.protocol.reads.units import NO_UNITS, UnitKey, Units, units_for
from specimens.protocol.rules import codes

SHARED = (
    "name", "code", "lineage", "specimen_class", "type", "anatomic_site", "laterality", "pathology", "storage_type",
    "initial_qty", "concentration", "collection_procedure", "collection_container", "label_fmt",
    "label_auto_print_mode", "label_print_copies", "sort_order", "pre_barcoded_tube", "event_id",
    "default_custom_field_values", "activity_status",
)  # fmt: skip


def requirement(pk: int, actor: Actor, operation: str = READ) -> Requirement:
    """The requirement a request addresses. Raises SR_NOT_FOUND, then RBAC_ACCESS_DENIED."""
    rows = Requirement.objects.exclude(activity_status="Disabled").select_related("event__protocol")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Refused(codes.SR_NOT_FOUND.missing(key=pk))
    if not allowed_among(actor, [found.event.protocol_id], PROTOCOL, operation):
        raise Refused(ACCESS_DENIED())
    return found


def listed(query: RequirementQuery, actor: Actor) -> list[RequirementDetail]:
    """Top requirements with their children: of an event, else of all events of a protocol (spec 02 §C1)."""
    if query.event_id is not None:
        events = [event(query.event_id, actor)]
    elif query.event_label:
        if query.cp_id is None:
            raise Refused(codes.CP_REQUIRED())
        protocol = addressed_protocol(query.cp_id, None, actor)
        found = events_by_label([(protocol.pk, query.event_label)])
        if not found:
            raise Refused(codes.CPE_NOT_FOUND.missing(key=query.event_label))
        events = events_of([protocol.pk])
        events = [row for row in events if row.label.lower() == query.event_label.lower()]
    elif query.cp_id is not None:
        events = events_of([addressed_protocol(query.cp_id, None, actor).pk])
    else:
        return []
    trees = requirement_trees(events, children=query.include_child_reqs is not False)
    return [tree for row in events for tree in trees[row.pk]]


def requirement_trees(
    events: Sequence[Event], *, children: bool = True
) -> dict[int, list[RequirementDetail]]:
    """Per event its top requirements, their children nested; three queries. `protocol` must be loaded."""
    rows = requirements_of([row.pk for row in events])
    by_event = {row.pk: row for row in events}
    people = _people(row for of_event in rows.values() for row in of_event)
    units = _units((by_event[event_id], row) for event_id, of_event in rows.items() for row in of_event)
    found: dict[int, list[RequirementDetail]] = {}
    for event_id, of_event in rows.items():
        details = {
            row.pk: _detail(row, by_event[event_id], people, units, [] if children else None)
            for row in of_event
        }
        if children:
            for row in of_event:
                if row.parent_id in details:
                    siblings = details[row.parent_id].children
                    assert siblings is not None  # noqa: S101
                    siblings.append(details[row.pk])
        found[event_id] = [details[row.pk] for row in of_event if row.parent_id not in details]
    return found


def requirement_details(pks: Sequence[int]) -> list[RequirementDetail]:
    """Details in the order of `pks` with all their descendants; deleted ones too."""
    rows = Requirement.objects.select_related("event__protocol").in_bulk(list(pks))
    events = {row.event_id: row.event for row in rows.values()}
    family = [
        row
        for row in Requirement.objects.filter(event_id__in=events)
        if row.pk in rows or row.activity_status != "Disabled"
    ]
    people = _people(family)
    units = _units((events[row.event_id], row) for row in family)
    details = {row.pk: _detail(row, events[row.event_id], people, units, []) for row in family}
    for row in sorted(family, key=in_order):
        if row.parent_id in details and row.activity_status != "Disabled":
            siblings = details[row.parent_id].children
            assert siblings is not None  # noqa: S101
            siblings.append(details[row.pk])
    return [details[pk] for pk in pks]


def requirement_rows(pks: Sequence[int]) -> list[RequirementDetail]:
    """Details in the order of `pks` as files have them: one by one, named by event label and the parent's code.

    Four queries. Hidden events have no label, and default custom values are JSON text.
    """
    rows = Requirement.objects.select_related("event__protocol", "parent").in_bulk(list(pks))
    found = [rows[pk] for pk in pks]
    people = _people(found)
    units = _units((row.event, row) for row in found)
    return [_row(row, _detail(row, row.event, people, units, None)) for row in found]


def _row(row: Requirement, detail: RequirementDetail) -> RequirementDetail:
    detail.event_label = None if row.event.protocol.specimen_centric else row.event.label
    detail.parent_sr_code = row.parent.code if row.parent else None
    values, detail.default_custom_field_values = detail.default_custom_field_values, None
    detail.def_custom_field_values_json = None if values is None else orjson.dumps(values).decode()
    return detail


def requirements_known(pks: Sequence[int]) -> dict[int, RequirementDetail]:
    """Requirements that were not deleted as files have them, by key."""
    there = list(known_requirements().filter(pk__in=pks).values_list("pk", flat=True))
    return dict(zip(there, requirement_rows(there), strict=True))


def parents_first(events: Sequence[Event]) -> list[int]:
    """The requirements of events, by event; each tree from its root down. One query."""
    found: list[int] = []
    for rows in requirements_of([row.pk for row in events]).values():
        children: dict[int, list[Requirement]] = {}
        for row in rows:
            children.setdefault(row.parent_id or 0, []).append(row)
        waiting = children.get(0, [])[::-1]
        while waiting:
            row = waiting.pop()
            found.append(row.pk)
            waiting += children.get(row.pk, [])[::-1]
    return found


def _people(rows: Iterable[Requirement]) -> dict[int, UserSummary]:
    return summaries(user_id for row in rows for user_id in (row.collector_id, row.receiver_id))


def _units(rows: Iterable[tuple[Event, Requirement]]) -> dict[UnitKey, Units]:
    wanted: dict[int, set[tuple[str, str | None]]] = {}
    for of_event, row in rows:
        wanted.setdefault(of_event.protocol_id, set()).add((row.specimen_class, row.type))
    return units_for(wanted)


def _detail(
    row: Requirement,
    of_event: Event,
    people: dict[int, UserSummary],
    units: dict[UnitKey, Units],
    children: list[RequirementDetail] | None,
) -> RequirementDetail:
    own = units.get((of_event.protocol_id, row.specimen_class, row.type), NO_UNITS)
    return RequirementDetail.model_construct(
        id=row.pk,
        cp_id=of_event.protocol_id,
        cp_short_title=of_event.protocol.short_title,
        collector=people.get(row.collector_id or 0),
        receiver=people.get(row.receiver_id or 0),
        uid=f"sr_{row.pk}",
        parent_uid=f"sr_{row.parent_id}" if row.parent_id else None,
        services=[],
        quantity_unit=own.quantity,
        concentration_unit=own.concentration,
        children=children,
        **{name: getattr(row, name) for name in SHARED},
    )


def specimens_count(pk: int) -> int:
    """How many specimens of the requirement were collected."""
    return below.specimens().filter(requirement=pk, status="Collected").count()
