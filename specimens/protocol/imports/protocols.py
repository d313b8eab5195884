"""CSV of collection protocols (spec 04 §5.6)."""

from collections.abc import Collection, Iterator, Sequence

from django.db.models import Q
from django.db.models.functions import Lower

from biobank.access import Actor
from biobank.batch.batches import in_batches, wanted_rows
from biobank.batch.door import Refusal
from biobank.batch.matching import by_id_or_key
from biobank.batch.patching import patching
from biobank.batch.schema import ALL, Cell, Column, Export, ImportSchema, Matching, Sub, Wanted, register
from biobank.wire.errors import Problem
from specimens.protocol.detail.protocols import ProtocolDetail
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.reads.lookups import allowed_among
from specimens.protocol.reads.protocols import protocol_details, protocols_known
from specimens.protocol.reads.scopes import PROTOCOL as RESOURCE
from specimens.protocol.reads.scopes import UPDATE, exportable_protocols, protocols_for
from specimens.protocol.rules import codes
from specimens.protocol.writes.protocols import PROTOCOLS

_Key = tuple[str, str]  # which title, and the title in lower case


def _find(details: Sequence[ProtocolDetail], actor: Actor) -> list[int | Refusal | None]:
    visible = protocols_for(actor)

    def find(keys: Collection[_Key]) -> dict[_Key, int]:
        titles = [text for _, text in keys]
        rows = visible.annotate(low_short=Lower("short_title"), low_title=Lower("title"))
        found = rows.filter(Q(low_short__in=titles) | Q(low_title__in=titles))
        return {
            key: pk
            for pk, short, title in found.values_list("pk", "low_short", "low_title")
            for key in (("short", short), ("title", title))
        }

    return by_id_or_key(
        details,
        known=lambda ids: visible.filter(pk__in=ids).values_list("pk", flat=True),
        key=lambda detail: next(_keys(detail), None),
        find=find,
    )


def _keys(detail: ProtocolDetail) -> Iterator[_Key]:
    if detail.short_title:
        yield "short", detail.short_title.lower()
    if detail.title:
        yield "title", detail.title.lower()


def _missing(detail: ProtocolDetail) -> Problem:
    key = detail.id or detail.short_title or detail.title
    return codes.CP_NOT_FOUND.missing(key=key) if key else codes.CP_SHORT_TITLE_REQUIRED()


def _export(wanted: Wanted, actor: Actor) -> Iterator[Sequence[ProtocolDetail]]:
    """By id; closed ones too."""
    rows = wanted_rows(exportable_protocols(actor), wanted).order_by("pk")
    return in_batches(rows.values_list("pk", flat=True), protocol_details)


def _format(caption: str, attribute: str, code: str) -> Column:
    return Column(caption, attribute, codes=(code,), hint="Text with tokens such as %PPI% or %CP_UID(4)%")


def _flag(caption: str, attribute: str, code: str | None = None) -> Column:
    return Column(caption, attribute, Cell.FLAG, codes=(code,) if code else (), hint="yes or no")


_COLUMNS = (
    Column("Identifier", "id", Cell.WHOLE, codes=(codes.CP_NOT_FOUND.code,)),
    Column(
        "Title", "title", codes=(codes.CP_TITLE_REQUIRED.code, codes.CP_DUP_TITLE.code),
        hint="Unique, whatever its case",
    ),
    Column(
        "Short Title", "shortTitle", codes=(codes.CP_SHORT_TITLE_REQUIRED.code, codes.CP_DUP_SHORT_TITLE.code),
        hint="Unique, up to 50 characters; finds the protocol when Identifier is blank",
    ),
    Column("Code", "code", codes=(codes.CP_DUP_CODE.code,), hint="Unique, up to 32 characters"),
    Column("Start Date", "startDate", Cell.DAY, codes=(codes.CP_START_DT_GT_END_DT.code,)),
    Column("End Date", "endDate", Cell.DAY),
    Column("Ethics ID", "irbId", aliases=("IRB ID",)),
    Column("Anticipated Participants Count", "anticipatedParticipantsCount", Cell.WHOLE),
    _format("PPID Format", "ppidFmt", codes.CP_INVALID_PPID_FMT.code),
    _format("Visit Name Format", "visitNameFmt", codes.CP_INVALID_VISIT_NAME_FMT.code),
    _format("Label Format", "specimenLabelFmt", codes.CP_INVALID_SPECIMEN_LABEL_FMT.code),
    _format("Derivative Label Format", "derivativeLabelFmt", codes.CP_INVALID_DERIVATIVE_LABEL_FMT.code),
    _format("Aliquot Label Format", "aliquotLabelFmt", codes.CP_INVALID_ALIQUOT_LABEL_FMT.code),
    _flag("User inputs PPID", "manualPpidEnabled"),
    _flag("User inputs Visit Name", "manualVisitNameEnabled"),
    _flag("User inputs Specimen Label", "manualSpecLabelEnabled"),
    Column(
        "Label Pre-print Mode", "spmnLabelPrePrintMode", codes=(codes.CP_INVALID_SPMN_LABEL_PRE_PRINT_MODE.code,),
        hint="ON_REGISTRATION, ON_VISIT, ON_PRIMARY_COLL, ON_PRIMARY_RECV, ON_SHIPMENT_RECV or NONE",
    ),
    Column("Description URL", "descriptionUrl"),
    Column(
        "Activity Status", "activityStatus", codes=("ACTIVITY_STATUS_INVALID", codes.CP_REF_ENTITY_FOUND.code),
        hint="Active, Closed or Disabled; Disabled deletes, which works only while nobody is registered",
    ),
    _flag("Specimen Centric", "specimenCentric"),
    Column("SOP Document URL", "sopDocumentUrl"),
    _flag("Store SPR", "storeSprEnabled"),
    _flag("Extract SPR Text", "extractSprText"),
    _flag("Close Parent Specimens", "closeParentSpecimens"),
    _flag("Set Quantity to Zero", "setQtyToZero"),
    _format("Additional Label Format", "additionalLabelFmt", codes.CP_INVALID_ADDL_LABEL_FMT.code),
    _flag("Enable Specimen Barcoding", "barcodingEnabled", codes.CP_CANNOT_ENABLE_BARCODING.code),
    _format("Specimen Barcode Format", "specimenBarcodeFmt", codes.CP_INVALID_SPECIMEN_BARCODE_FMT.code),
    Column(
        "Label Sequence Key", "labelSequenceKey", codes=(codes.CP_INVALID_LABEL_SEQ_KEY.code,), hint="ID or LABEL"
    ),
    _flag("Kit Labels", "kitLabelsEnabled"),
    Column(
        "Visit Collection Mode", "visitCollectionMode", codes=(codes.CP_INVALID_VISIT_COLL_MODE.code,),
        hint="ALL_SPMNS or PRIMARY_SPMNS",
    ),
    _flag("Storage Site Based Access", "storageSiteBasedAccess"),
    _flag("Draft Data Entry", "draftDataEntry"),
    Column(
        "Container Selection Strategy", "containerSelectionStrategy", codes=(codes.INV_CONT_SEL_STRATEGY.code,),
        hint="least-empty or recently-used",
    ),
    _flag("Store Aliquots in Same Box", "aliquotsInSameContainer"),
    Sub(
        "cpSites",
        (
            Column(
                "Name", "siteName",
                codes=(
                    codes.CP_REPOSITORIES_REQUIRED.code, codes.CP_INVALID_REPOSITORIES.code,
                    codes.CP_USED_SITES.code,
                ),
                hint="A site that exists; the sites of a row replace the stored ones",
            ),
            Column("Code", "code", codes=(codes.CP_DUP_CP_SITE_CODES.code,)),
        ),
        caption="Sites",
        multiple=True,
    ),
    Sub(
        "principalInvestigator",
        (
            Column(
                "PI Email", "emailAddress", codes=(codes.CP_PI_REQUIRED.code, codes.CP_PI_NOT_FOUND.code),
                hint="A user's address",
            ),
        ),
        caption="PI",
    ),
    Sub(
        "coordinators",
        (
            Column(
                "Coordinator Email", "emailAddress", codes=(codes.CP_INVALID_COORDINATORS.code,),
                hint="A user's address",
            ),
        ),
        caption="Coordinator",
        multiple=True,
    ),
    Sub(
        "spmnLabelPrintSettings",
        (
            Column(
                "Lineage", "lineage",
                codes=(
                    codes.CP_SPMN_LINEAGE_REQUIRED.code, codes.CP_INVALID_SPMN_LINEAGE.code,
                    codes.CP_DUP_PRINT_SETTING.code,
                ),
                hint="New, Derived or Aliquot, each once",
            ),
            Column(
                "Print Mode", "printMode", codes=(codes.CP_INVALID_SPMN_LABEL_PRINT_MODE.code,),
                hint="PRE_PRINT, ON_COLLECTION, ON_RECEIVE or NONE",
            ),
            Column("Copies", "copies", Cell.WHOLE),
        ),
        caption="Label Print Setting",
        multiple=True,
    ),
)  # fmt: skip

PROTOCOL = register(
    ImportSchema(
        name="cp",
        label="Collection Protocols",
        detail=ProtocolDetail,
        door=PROTOCOLS,
        columns=_COLUMNS,
        operations=ALL,
        matching=Matching(find=_find, missing=_missing, keys=_keys),
        update_door=patching(
            PROTOCOLS,
            CollectionProtocol,
            _COLUMNS,
            stored=protocols_known,
            may=lambda pks, actor: allowed_among(actor, pks, RESOURCE, UPDATE),
        ),
        export=Export(_export),
        about=(
            "A new protocol needs Title, Short Title, PI and a site. An update finds the protocol by Identifier, else "
            "by Short Title, else by Title. Consents, workflows and the SOP document itself are not part of the file."
        ),
    )
)
