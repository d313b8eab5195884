"""CSV of the events of protocols (spec 04 §5.7)."""

from collections.abc import Collection, Iterator, Sequence

from django.db.models import QuerySet
from django.db.models.functions import Lower

from biobank.access import Actor
from biobank.batch.batches import in_batches
from biobank.batch.door import Refusal
from biobank.batch.matching import by_id_or_key
from biobank.batch.patching import patching
from biobank.batch.schema import ALL, Cell, Column, Export, ImportSchema, Matching, Wanted, register
from biobank.wire.errors import Problem
from specimens.protocol.detail.events import ProtocolEventDetail
from specimens.protocol.models import CollectionProtocol, Event
from specimens.protocol.reads.events import event_details, events_of
from specimens.protocol.reads.lookups import allowed_among, known_events
from specimens.protocol.reads.scopes import PROTOCOL as RESOURCE
from specimens.protocol.reads.scopes import UPDATE, exportable_protocols, protocols_for
from specimens.protocol.rules import codes
from specimens.protocol.writes.events import EVENTS

_Key = tuple[str, str]  # short title and label, in lower case
_PROTOCOLS = 50  # whose events are put in order at a time


def _find(details: Sequence[ProtocolEventDetail], actor: Actor) -> list[int | Refusal | None]:
    visible = known_events().filter(protocol__in=protocols_for(actor))

    def find(keys: Collection[_Key]) -> dict[_Key, int]:
        rows = visible.annotate(low_title=Lower("protocol__short_title"), low_label=Lower("label"))
        found = rows.filter(
            low_title__in={title for title, _ in keys}, low_label__in={label for _, label in keys}
        )
        return {(title, label): pk for pk, title, label in found.values_list("pk", "low_title", "low_label")}

    return by_id_or_key(
        details,
        known=lambda ids: visible.filter(pk__in=ids).values_list("pk", flat=True),
        key=lambda detail: next(_keys(detail), None),
        find=find,
    )


def _keys(detail: ProtocolEventDetail) -> Iterator[_Key]:
    if detail.cp_short_title and detail.event_label:
        yield detail.cp_short_title.lower(), detail.event_label.lower()


def _missing(detail: ProtocolEventDetail) -> Problem:
    if detail.id is None and not detail.cp_short_title:
        return codes.CPE_CP_REQUIRED()
    if detail.id is None and not detail.event_label:
        return codes.CPE_LABEL_REQUIRED()
    return codes.CPE_NOT_FOUND.missing(key=detail.id or detail.event_label)


def _known(pks: Sequence[int]) -> dict[int, ProtocolEventDetail]:
    """Events that were not deleted, in full; their protocol by its short title alone, which a row may name, too."""
    there = list(known_events().filter(pk__in=pks).values_list("pk", flat=True))
    found = dict(zip(there, event_details(there), strict=True))
    for detail in found.values():
        detail.collection_protocol = None
    return found


def _changeable(pks: Sequence[int], actor: Actor) -> set[int]:
    protocols = dict(known_events().filter(pk__in=pks).values_list("pk", "protocol_id"))
    allowed = allowed_among(actor, protocols.values(), RESOURCE, UPDATE)
    return {pk for pk, protocol_id in protocols.items() if protocol_id in allowed}


def wanted_protocols(wanted: Wanted, actor: Actor) -> QuerySet[CollectionProtocol]:
    """The protocols whose plan is asked for: record ids are theirs, else the parameter `cpId` (spec 04 §6.1)."""
    rows = exportable_protocols(actor)
    if wanted.record_ids is not None:
        return rows.filter(pk__in=wanted.record_ids)
    return rows if wanted.cp_id is None else rows.filter(pk=wanted.cp_id)


def events_in_order(rows: QuerySet[CollectionProtocol]) -> Iterator[list[Event]]:
    """The events of protocols, some protocols at a time: protocols by id, their events in their own order."""
    for keys in in_batches(rows.order_by("pk").values_list("pk", flat=True), list):
        for start in range(0, len(keys), _PROTOCOLS):
            yield sorted(events_of(keys[start : start + _PROTOCOLS]), key=lambda row: row.protocol_id)


def _export(wanted: Wanted, actor: Actor) -> Iterator[Sequence[ProtocolEventDetail]]:
    """Closed ones too; those behind specimen-centric protocols stay hidden."""
    for events in events_in_order(wanted_protocols(wanted, actor).filter(specimen_centric=False)):
        yield from in_batches([row.pk for row in events], event_details)


_COLUMNS = (
    Column("Identifier", "id", Cell.WHOLE, codes=(codes.CPE_NOT_FOUND.code,)),
    Column(
        "CP Short Title", "cpShortTitle", codes=(codes.CPE_CP_REQUIRED.code, codes.CP_NOT_FOUND.code),
        hint="A protocol that exists; events do not move to another one",
    ),
    Column("Event Code", "code", codes=(codes.CPE_DUP_CODE.code,), hint="Unique in the protocol"),
    Column("Event Point", "eventPoint", Cell.WHOLE, hint="A whole number, also a negative one"),
    Column(
        "Event Point Unit", "eventPointUnit",
        codes=(codes.CPE_POINT_UNIT_REQUIRED.code, codes.CPE_INVALID_POINT_UNIT.code),
        hint="DAYS, WEEKS, MONTHS or YEARS",
    ),
    Column(
        "Event Label", "eventLabel", codes=(codes.CPE_LABEL_REQUIRED.code, codes.CPE_DUP_LABEL.code),
        hint="Unique in the protocol; with its short title it finds the event",
    ),
    Column("Clinical Diagnosis", "clinicalDiagnosis", codes=(codes.CPE_INVALID_CLINICAL_DIAGNOSIS.code,)),
    Column("Clinical Status", "clinicalStatus", codes=(codes.CPE_INVALID_CLINICAL_STATUS.code,)),
    Column("Default Site", "defaultSite", codes=(codes.SITE_NOT_FOUND.code,), hint="A site that exists"),
    Column(
        "When to Print", "visitNamePrintMode", codes=(codes.CP_INVALID_VISIT_NAME_PRINT_MODE.code,),
        hint="PRE_PRINT, ON_COMPLETION or NONE",
    ),
    Column("Print Copies", "visitNamePrintCopies", Cell.WHOLE),
    Column(
        "Activity Status", "activityStatus",
        codes=("ACTIVITY_STATUS_INVALID", codes.CPE_CLOSED.code, codes.CPE_HAS_VISITS.code),
        hint="Active, Closed (its requirements, too) or Disabled, which deletes an event without visits",
    ),
)  # fmt: skip

EVENT = register(
    ImportSchema(
        name="cpe",
        label="Collection Protocol Events",
        detail=ProtocolEventDetail,
        door=EVENTS,
        columns=_COLUMNS,
        operations=ALL,
        matching=Matching(find=_find, missing=_missing, keys=_keys),
        update_door=patching(EVENTS, Event, _COLUMNS, stored=_known, may=_changeable),
        export=Export(_export),
        about="An update finds the event by Identifier, else by CP Short Title and Event Label.",
    )
)
