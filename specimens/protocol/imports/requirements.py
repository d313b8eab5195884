"""CSV of specimen requirements (spec 04 §5.8)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.db.models.functions import Lower

from biobank.access import Actor
from biobank.batch.batches import in_batches
from biobank.batch.door import Refusal
from biobank.batch.patching import patching
from biobank.batch.schema import ALL, Cell, Column, Export, ImportSchema, Matching, Sub, Wanted, register
from biobank.wire.errors import Problem
from specimens.protocol.detail.requirements import RequirementDetail
from specimens.protocol.imports.events import events_in_order, wanted_protocols
from specimens.protocol.models import Requirement
from specimens.protocol.reads.lookups import allowed_among, known_requirements
from specimens.protocol.reads.requirements import parents_first, requirement_rows, requirements_known
from specimens.protocol.reads.scopes import PROTOCOL as RESOURCE
from specimens.protocol.reads.scopes import UPDATE, protocols_for
from specimens.protocol.rules import codes
from specimens.protocol.writes.requirements import REQUIREMENTS


@dataclass(slots=True)
class _Stored:
    """What of the stored requirements a batch may mean: names are in lower case."""

    by_id: dict[int, tuple[str, str]]  # short title, event label
    by_label: dict[tuple[str, str, str], int]  # short title, event label, code
    by_code: dict[tuple[str, str], list[int]]  # short title, code

    def find(self, detail: RequirementDetail) -> int | Refusal | None:
        title, label = (detail.cp_short_title or "").lower(), (detail.event_label or "").lower()
        if detail.id is not None:  # protocol and event, when they are named, must be its own
            own_title, own_label = self.by_id.get(detail.id, ("", ""))
            same = own_title and title in ("", own_title) and label in ("", own_label)
            return detail.id if same else None
        if label:
            return self.by_label.get((title, label, detail.code or ""))
        found = self.by_code.get((title, detail.code or ""), [])
        if len(found) > 1:
            return Refusal((codes.SR_CPE_REQUIRED(),))
        return found[0] if found else None


def _find(details: Sequence[RequirementDetail], actor: Actor) -> list[int | Refusal | None]:
    """By identifier, else by protocol, event and code; the event may be left out where the code is used once."""
    rows = known_requirements().filter(event__protocol__in=protocols_for(actor))
    rows = rows.annotate(title=Lower("event__protocol__short_title"), label=Lower("event__label"))
    named = [one for one in details if one.id is None and one.cp_short_title and one.code]
    titles, used = {(one.cp_short_title or "").lower() for one in named}, {one.code for one in named}
    rows = rows.filter(
        Q(pk__in=[one.id for one in details if one.id is not None]) | Q(title__in=titles, code__in=used)
    )
    stored = _Stored({}, {}, {})
    for pk, title, label, code in rows.values_list("pk", "title", "label", "code"):
        stored.by_id[pk] = (title, label)
        if code:
            stored.by_label[title, label, code] = pk
            stored.by_code.setdefault((title, code), []).append(pk)
    return [stored.find(detail) for detail in details]


def _keys(detail: RequirementDetail) -> Iterator[tuple[str, str, str]]:
    if detail.cp_short_title and detail.code:
        yield detail.cp_short_title.lower(), (detail.event_label or "").lower(), detail.code


def _missing(detail: RequirementDetail) -> Problem:
    if detail.id is None and not (detail.cp_short_title and detail.code):
        return codes.SR_ID_CODE_REQ()
    return codes.SR_NOT_FOUND.missing(key=detail.id or detail.code)


def _changeable(pks: Sequence[int], actor: Actor) -> set[int]:
    protocols = dict(known_requirements().filter(pk__in=pks).values_list("pk", "event__protocol_id"))
    allowed = allowed_among(actor, protocols.values(), RESOURCE, UPDATE)
    return {pk for pk, protocol_id in protocols.items() if protocol_id in allowed}


def _export(wanted: Wanted, actor: Actor) -> Iterator[Sequence[RequirementDetail]]:
    """By event, parents before their children; closed ones too."""
    for events in events_in_order(wanted_protocols(wanted, actor)):
        yield from in_batches(parents_first(events), requirement_rows)


def _coded(caption: str, attribute: str, *wrong: str, of: str = "") -> Column:
    return Column(caption, attribute, codes=wrong, hint=f"A value of the pick list {of or attribute}")


_COLUMNS = (
    Column("Identifier", "id", Cell.WHOLE, codes=(codes.SR_NOT_FOUND.code, codes.SR_ID_CODE_REQ.code)),
    Column(
        "CP Short Title", "cpShortTitle", codes=(codes.SR_CPE_REQUIRED.code,), hint="A protocol that exists"
    ),
    Column(
        "Event Label", "eventLabel", codes=(codes.CPE_NOT_FOUND.code, codes.CPE_CLOSED.code),
        hint="An event of the protocol; blank in a specimen-centric one",
    ),
    Column(
        "Parent Code", "parentSrCode", codes=(codes.SR_PARENT_NOT_FOUND.code, codes.SR_PARENT_REQ_REQUIRED.code),
        hint="Of Derived and Aliquot: the code of a requirement of the event, stored or on a line above",
    ),
    Column("Name", "name"),
    Column(
        "Code", "code", codes=(codes.SR_DUP_CODE.code,),
        hint="Unique in the event; finds the requirement when Identifier is blank",
    ),
    Column("Lineage", "lineage", codes=(codes.SR_INVALID_LINEAGE.code,), hint="New, Derived or Aliquot; blank: New"),
    _coded(
        "Specimen Class", "specimenClass", codes.SR_SPECIMEN_CLASS_REQUIRED.code,
        codes.SR_INVALID_SPECIMEN_CLASS.code, of="specimen_type, a root",
    ),
    _coded(
        "Specimen Type", "type", codes.SR_SPECIMEN_TYPE_REQUIRED.code, codes.SR_INVALID_SPECIMEN_TYPE.code,
        codes.SR_CANNOT_CHANGE_CLASS_OR_TYPE.code, of="specimen_type, of the class",
    ),
    _coded(
        "Anatomic Site", "anatomicSite", codes.SR_ANATOMIC_SITE_REQUIRED.code,
        codes.SR_INVALID_ANATOMIC_SITE.code, of="anatomic_site, a leaf",
    ),
    _coded("Laterality", "laterality", codes.SR_LATERALITY_REQUIRED.code, codes.SR_INVALID_LATERALITY.code),
    _coded(
        "Pathology", "pathology", codes.SR_PATHOLOGY_STATUS_REQUIRED.code, codes.SR_INVALID_PATHOLOGY_STATUS.code,
        of="pathology_status",
    ),
    Column(
        "Storage Type", "storageType", codes=(codes.SR_STORAGE_TYPE_REQUIRED.code,),
        hint="Virtual, Manual, Auto or another text",
    ),
    Column(
        "Initial Quantity", "initialQty", Cell.NUMBER,
        codes=(codes.SR_INVALID_QTY.code, codes.SR_INSUFFICIENT_QTY.code),
        hint="In the unit of the type; aliquots take theirs from their parent's",
    ),
    Column("Concentration", "concentration", Cell.NUMBER, codes=(codes.SR_CONCENTRATION_MUST_BE_POSITIVE.code,)),
    _coded(
        "Collection Container", "collectionContainer", codes.SR_COLL_CONT_REQUIRED.code,
        codes.SR_INVALID_COLL_CONT.code, of="collection_container",
    ),
    _coded(
        "Collection Procedure", "collectionProcedure", codes.SR_COLL_PROC_REQUIRED.code,
        codes.SR_INVALID_COLL_PROC.code, of="collection_procedure",
    ),
    Column(
        "Label Format", "labelFmt", codes=(codes.SR_INVALID_LABEL_FMT.code,), hint="Blank: the protocol's"
    ),
    Column(
        "Label Auto Print Mode", "labelAutoPrintMode", codes=(codes.CP_INVALID_SPMN_LABEL_PRINT_MODE.code,),
        hint="PRE_PRINT, ON_COLLECTION, ON_RECEIVE or NONE",
    ),
    Column("Label Print Copies", "labelPrintCopies", Cell.WHOLE),
    Column("Sort Order", "sortOrder", Cell.WHOLE),
    Column(
        "Activity Status", "activityStatus",
        codes=("ACTIVITY_STATUS_INVALID", codes.SR_CLOSED.code, codes.SR_HAS_SPECIMENS.code),
        hint="Active, Closed or Disabled; what is made of it follows; Disabled deletes one without specimens",
    ),
    Column("Quantity Unit", "quantityUnit", hint="Printed, not read"),
    Column("Concentration Unit", "concentrationUnit", hint="Printed, not read"),
    Column("Default Custom Field Values", "defCustomFieldValuesJson", hint="A JSON object"),
    Column("Parent UID", "parentUid", hint="The UID of a line above, for a parent that has no code"),
    Column("UID", "uid", hint="Any text that lines below name their parent by; not read by updates"),
    Sub(
        "collector",
        (Column("Email Address", "emailAddress", codes=(codes.SR_COLLECTOR_NOT_FOUND.code,)),),
        caption="Collector",
    ),
    Sub(
        "receiver",
        (Column("Email Address", "emailAddress", codes=(codes.SR_RECEIVER_NOT_FOUND.code,)),),
        caption="Receiver",
    ),
)  # fmt: skip

REQUIREMENT = register(
    ImportSchema(
        name="sr",
        label="Specimen Requirements",
        detail=RequirementDetail,
        door=REQUIREMENTS,
        columns=_COLUMNS,
        operations=ALL,
        matching=Matching(find=_find, missing=_missing, keys=_keys),
        update_door=patching(REQUIREMENTS, Requirement, _COLUMNS, stored=requirements_known, may=_changeable),
        export=Export(_export),
        about=(
            "Lineage says what is made; lines with parents stand before those with their children. An update finds the "
            "requirement by Identifier, else by CP Short Title, Event Label and Code; lineage, event and parent stay."
        ),
    )
)
