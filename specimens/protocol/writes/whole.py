"""Protocols as wholes: copied, or made from a definition file (spec 02 §A6, §A7)."""

from collections.abc import Sequence

from django.db import transaction

from biobank.access import Actor
from biobank.batch.door import Change
from biobank.batch.insert import insert, take_keys
from biobank.records import stamp
from biobank.wire.errors import Refused, refuse_if
from specimens.protocol.detail.protocols import ProtocolDetail
from specimens.protocol.detail.requirements import RequirementDetail
from specimens.protocol.detail.units import UnitBody, UnitDetail
from specimens.protocol.detail.versions import Definition, EventDefinition
from specimens.protocol.models import CollectionProtocol, ConsentTier, Event, SpecimenTypeUnit
from specimens.protocol.reads.events import events_of
from specimens.protocol.reads.protocols import protocol, protocol_details
from specimens.protocol.rules import codes
from specimens.protocol.rules.protocols import title_problems
from specimens.protocol.writes.consents import add_tiers
from specimens.protocol.writes.copies import copy_requirements
from specimens.protocol.writes.events import EVENTS
from specimens.protocol.writes.hidden import hidden_events, hidden_label, is_hidden_label
from specimens.protocol.writes.protocols import PROTOCOLS
from specimens.protocol.writes.requirements import REQUIREMENTS
from specimens.protocol.writes.units import UNITS
from specimens.protocol.writes.workflows import by_name

_IF_GIVEN = ("cp_sites", "principal_investigator", "coordinators", "irb_id", "start_date", "end_date")
_FROM_BODY = (
    "title", "short_title", "code", "sop_document_url", "sop_document_name", "distribution_protocols",
    "extension_detail",
)  # fmt: skip


# --- Copies -----------------------------------------------------------------------------------------


def copy_protocol(pk: int, overrides: ProtocolDetail, actor: Actor) -> int:
    """A new protocol planned like this one; participants and roles are not copied.

    Raises `Refused`: CP_NOT_FOUND, and what creating a protocol raises.
    """
    with transaction.atomic():
        source = protocol(pk, actor)
        refuse_if(title_problems(overrides))
        detail = protocol_details([pk])[0]
        for name in _FROM_BODY:
            setattr(detail, name, getattr(overrides, name))
        for name in _IF_GIVEN:
            if getattr(overrides, name) is not None:
                setattr(detail, name, getattr(overrides, name))
        if source.consents_source is not None and source.consents_source.activity_status == "Disabled":
            detail.consents_source = None  # what was deleted cannot be named again
        new = PROTOCOLS.write_one(detail, actor)
        _copy_contents(source, new)
    return new


def _copy_contents(source: CollectionProtocol, new: int) -> None:
    CollectionProtocol.objects.filter(pk=new).update(workflows=source.workflows)
    if source.consents_source_id is None:
        tiers = ConsentTier.objects.filter(protocol=source, activity_status="Active").order_by("pk")
        insert([ConsentTier(protocol_id=new, statement_id=tier.statement_id) for tier in tiers])
    events = events_of([source.pk], closed=False)
    keys = dict(zip((row.pk for row in events), take_keys(Event, len(events)), strict=True))
    insert([_event_copy(row, keys[row.pk], new) for row in events])
    copy_requirements(keys, keep_order=True)
    units = SpecimenTypeUnit.objects.filter(protocol=source).order_by("pk")
    insert([_unit_copy(row, new) for row in units])


def _unit_copy(row: SpecimenTypeUnit, protocol_id: int) -> SpecimenTypeUnit:
    return SpecimenTypeUnit(
        protocol_id=protocol_id,
        specimen_class=row.specimen_class,
        type=row.type,
        quantity_unit=row.quantity_unit,
        concentration_unit=row.concentration_unit,
    )


def _event_copy(row: Event, pk: int, protocol_id: int) -> Event:
    same = {field.attname: getattr(row, field.attname) for field in Event._meta.concrete_fields}
    copy = Event(**{**same, "id": pk, "protocol_id": protocol_id})
    if is_hidden_label(row.label):
        copy.label = copy.code = hidden_label(protocol_id)
    return copy


# --- Definition files -------------------------------------------------------------------------------


def import_definition(found: Definition, actor: Actor) -> int:
    """Create a protocol with all that a definition file holds; all or nothing.

    Closed and deleted events and requirements are passed over. Raises `Refused` with the codes of what is
    created.
    """
    with transaction.atomic():
        stamp(actor)
        found.distribution_protocols = None
        pk = PROTOCOLS.write_one(found, actor)
        row = CollectionProtocol.objects.get(pk=pk)
        if found.consents and not row.consents_waived and row.consents_source_id is None:
            for tier in found.consents:
                tier.statement_id = None
            add_tiers(row, found.consents, actor)
        for name, item in (found.workflows or {}).items():
            item.name = item.name or name
        row.workflows = by_name(list((found.workflows or {}).values()))
        row.save(update_fields=["workflows"])
        _import_events([event for event in found.events or () if _is_open(event)], row, actor)
        UNITS.write([Change(_own_unit(unit, row)) for unit in found.units or ()], actor)
    return pk


def _own_unit(unit: UnitDetail, row: CollectionProtocol) -> UnitBody:
    return UnitBody(**{**dict(unit), "id": None, "cp_short_title": row.short_title})


def _is_open(detail: EventDefinition | RequirementDetail) -> bool:
    return detail.activity_status not in ("Closed", "Disabled")


def _import_events(events: Sequence[EventDefinition], row: CollectionProtocol, actor: Actor) -> None:
    if row.specimen_centric:
        events = [event for event in events if is_hidden_label(event.event_label)]
        keys = [hidden_events([row], actor)[row.pk].pk for _ in events]
    else:
        for event in events:
            event.collection_protocol, event.cp_short_title = None, row.short_title
        keys = EVENTS.write([Change(event) for event in events], actor)
    level = [
        _under(top, event_id=key, parent_id=None)
        for event, key in zip(events, keys, strict=True)
        for top in event.specimen_requirements or ()
        if _is_open(top)
    ]
    while level:
        made = REQUIREMENTS.write([Change(detail) for detail in level], actor)
        level = [
            _under(child, event_id=None, parent_id=parent_id)
            for detail, parent_id in zip(level, made, strict=True)
            for child in detail.children or ()
            if _is_open(child)
        ]


def _under(detail: RequirementDetail, *, event_id: int | None, parent_id: int | None) -> RequirementDetail:
    detail.event_id, detail.parent_sr_id, detail.parent_sr_code = event_id, parent_id, None
    if parent_id is None:
        detail.lineage = "New"
    elif detail.lineage not in ("Derived", "Aliquot"):
        raise Refused(codes.SR_INVALID_LINEAGE(value=detail.lineage))
    return detail
