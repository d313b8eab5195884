"""CSV files of specimens: imports and exports (spec 04 §5.13 - §5.15, §5.17, §5.24)."""

from collections.abc import Sequence
from dataclasses import replace

from biobank.access import Actor
from biobank.batch.door import Refusal
from biobank.batch.schema import (
    ALL,
    Cell,
    Column,
    Export,
    ImportSchema,
    Items,
    Matching,
    Operation,
    Params,
    Sub,
    Wanted,
    register,
)
from biobank.configuration.reads import flag
from biobank.wire.errors import Problem
from specimens.protocol.reads import protocols_by_id
from specimens.specimen import rules
from specimens.specimen.detail import AliquotSpec, DisposalEventRow, DisposalRow, SpecimenDetail, SpecimenRow
from specimens.specimen.reads import disposed, exported, keys, meant, missing
from specimens.specimen.writes import ALIQUOTS, DERIVATIVES, DISPOSAL_EVENTS, DISPOSALS, SPECIMENS

_UPDATES = frozenset({Operation.UPDATE, Operation.UPSERT})
_NOT_FOUND = ("SPECIMEN_NOT_FOUND", "SPECIMEN_LABEL_REQUIRED")
_NAMED = ("USER_NOT_FOUND",)
_HINT_TIME = "Date and time as the job says they are written"


def _user(caption: str = "User", attribute: str = "user") -> Sub:
    return Sub(
        attribute,
        (Column("Email Address", "emailAddress", codes=_NAMED, hint="The e-mail address of an account"),),
        caption=caption,
    )


_CREATED_BY = _user("Created By", "createdBy")
_CP = Column(
    "CP Short Title",
    "cpShortTitle",
    codes=("CP_NOT_FOUND", "CP_SHORT_TITLE_REQUIRED"),
    hint="Narrows labels and barcodes to the protocol; needed where they are unique by protocol only",
)
_PARENT = Column(
    "Parent Specimen Label",
    "parentLabel",
    codes=(
        "SPECIMEN_PARENT_REQUIRED",
        "SPECIMEN_PROC_NOT_ALLOWED",
        "SPECIMEN_NOT_COLLECTED",
        "SPECIMEN_NOT_ACTIVE",
        "SPECIMEN_REQ_PARENT_MISMATCH",
        "SPECIMEN_CHILDREN_LIMIT_MAXED",
    ),
    hint="What it was made of; it stands in the database or further up in the file",
)
_LABEL = Column(
    "Specimen Label",
    "label",
    codes=(
        "SPECIMEN_LABEL_REQUIRED",
        "SPECIMEN_DUP_LABEL",
        "SPECIMEN_DUP_LABEL_IN_CP",
        "SPECIMEN_MANUAL_LABEL_NOT_ALLOWED",
        "SPECIMEN_INVALID_LABEL",
    ),
    hint="Blank where the protocol generates labels; otherwise the specimen's name",
)
_ADDITIONAL_LABEL = Column(
    "Additional Label",
    "additionalLabel",
    codes=("SPECIMEN_DUP_ADDL_LABEL", "SPECIMEN_DUP_ADDL_LABEL_IN_CP"),
    template=False,
)
_BARCODE = Column(
    "Barcode",
    "barcode",
    codes=("SPECIMEN_DUP_BARCODE", "SPECIMEN_DUP_BARCODE_IN_CP", "SPECIMEN_MANUAL_BARCODE_NOT_ALLOWED"),
)
_CLASS = Column(
    "Class",
    "specimenClass",
    codes=("SPECIMEN_INVALID_SPECIMEN_CLASS", "SPECIMEN_SPECIMEN_CLASS_REQUIRED"),
    hint="May be blank where the type tells it",
)
_TYPE = Column(
    "Type",
    "type",
    codes=(
        "SPECIMEN_INVALID_SPECIMEN_TYPE",
        "SPECIMEN_SPECIMEN_TYPE_REQUIRED",
        "SPECIMEN_REQ_TYPE_MISMATCH",
    ),
    hint="A value of the list of specimen types",
)
_STATUS = Column(
    "Collection Status",
    "status",
    codes=(
        "SPECIMEN_INVALID_COLL_STATUS",
        "VISIT_COMPL_VISIT_REQ",
        "VISIT_COMPL_OR_MISSED_VISIT_REQ",
        "VISIT_COMPL_OR_NC_VISIT_REQ",
        "VISIT_COMPL_OR_PENDING_VISIT_REQ",
        "SPECIMEN_COLL_OR_MISSED_PARENT_REQ",
        "SPECIMEN_COLL_OR_NC_PARENT_REQ",
        "SPECIMEN_COLL_OR_PENDING_PARENT_REQ",
    ),
    hint="Collected (when blank), Pending, Missed Collection or Not Collected",
)
_PATHOLOGY = Column(
    "Pathological Status",
    "pathology",
    codes=("SPECIMEN_INVALID_PATHOLOGY_STATUS", "SPECIMEN_PATHOLOGY_NOT_SAME_AS_PARENT"),
)
_INITIAL = Column(
    "Initial Quantity",
    "initialQty",
    Cell.NUMBER,
    codes=("SPECIMEN_INVALID_QTY", "SPECIMEN_ALIQUOT_QTY_REQ"),
    hint="A number with a decimal point, without its unit",
)
_AVAILABLE = Column(
    "Available Quantity",
    "availableQty",
    Cell.NUMBER,
    codes=("SPECIMEN_AVBL_QTY_GT_INIT_QTY",),
    hint="Not above the initial quantity; blank on CREATE: all of it",
)
_CONCENTRATION = Column("Concentration", "concentration", Cell.NUMBER)
_BIOHAZARD = Column("Biohazard", "biohazards", multiple=True, codes=("SPECIMEN_INVALID_BIOHAZARDS",))
_CYCLES = Column(
    "Freeze/Thaw Cycles", "freezeThawCycles", Cell.WHOLE, codes=("SPECIMEN_INVALID_FREEZE_THAW_CYCLES",)
)
_THAWS = Column(
    "Increment Parent Freeze/Thaw Cycles",
    "incrParentFreezeThaw",
    Cell.WHOLE,
    hint="How many cycles are added to the parent's: a number, not yes or no",
)
_CREATED_ON = Column("Created On", "createdOn", Cell.INSTANT, hint=_HINT_TIME)
_COMMENTS = Column("Comments", "comments")
_IMAGE = Column("Image ID", "imageId")
_EXTERNAL_IDS = Sub(
    "externalIds",
    (
        Column("Name", "name", codes=("SPECIMEN_EXT_ID_NO_NAME_VALUE", "SPECIMEN_EXT_ID_DUP_NAME")),
        Column("Value", "value"),
    ),
    caption="External IDs",
    multiple=True,
)
_LOCATION = Sub(
    "storageLocation",
    (
        Column("Container", "name", codes=("STORAGE_CONTAINER_NOT_FOUND", "SPECIMEN_STORE_NOT_ALLOWED")),
        Column("Row", "positionY"),
        Column("Column", "positionX"),
        Column("Position", "position", Cell.WHOLE),
    ),
    caption="Location",
)
_COLLECTION = Sub(
    "collectionEvent",
    (
        Column("Date and Time", "time", Cell.INSTANT, hint=_HINT_TIME),
        Column("Comments", "comments"),
        Column("Procedure", "procedure", codes=("SPECIMEN_INVALID_COLL_PROC",)),
        Column("Container", "container", codes=("SPECIMEN_INVALID_COLL_CONTAINER",)),
        _user(),
    ),
    caption="Collection Event",
)
_RECEIPT = Sub(
    "receivedEvent",
    (
        Column("Date and Time", "time", Cell.INSTANT, hint=_HINT_TIME),
        Column("Comments", "comments"),
        Column("Quality", "receivedQuality", codes=("SPECIMEN_INVALID_RECV_QUALITY",)),
        _user(),
    ),
    caption="Received Event",
)
_VISIT = Column(
    "Visit Name",
    "visitName",
    codes=(
        "VISIT_NOT_FOUND",
        "SPECIMEN_VISIT_REQUIRED",
        "SPECIMEN_INVALID_VISIT",
        "SPECIMEN_VISIT_CHG_NOT_ALLOWED",
    ),
    hint="Needed for a new primary specimen; what is made of another one is in its visit",
)


def _specimen(*, visit: bool = True, imaging: bool = False) -> Items:
    return (
        Column(
            "Identifier",
            "id",
            Cell.WHOLE,
            codes=("SPECIMEN_NOT_FOUND",),
            hint="Which specimen to update. On CREATE it says that the row was exported: such a row takes "
            "nothing out of its parent",
            on_create="exportedId",
        ),
        _CP,
        *((_VISIT,) if visit else ()),
        Column(
            "Specimen Requirement Code",
            "reqCode",
            codes=("SR_NOT_FOUND", "SPECIMEN_REQ_LINEAGE_MISMATCH"),
            hint="The code of what the visit's event plans; blank: not planned",
        ),
        _LABEL,
        _ADDITIONAL_LABEL,
        _BARCODE,
        _CLASS,
        _TYPE,
        Column(
            "Lineage",
            "lineage",
            codes=("SPECIMEN_INVALID_LINEAGE", "SPECIMEN_CANNOT_CHG_LINEAGE"),
            hint="New (when blank), Derived or Aliquot",
        ),
        _PARENT,
        Column(
            "Anatomic Site",
            "anatomicSite",
            codes=("SPECIMEN_INVALID_ANATOMIC_SITE", "SPECIMEN_ANATOMIC_SITE_NOT_SAME_AS_PARENT"),
        ),
        Column(
            "Laterality",
            "laterality",
            codes=("SPECIMEN_INVALID_LATERALITY", "SPECIMEN_LATERALITY_NOT_SAME_AS_PARENT"),
        ),
        _STATUS,
        _PATHOLOGY,
        _INITIAL,
        _AVAILABLE,
        _CONCENTRATION,
        _BIOHAZARD,
        _CYCLES,
        _CREATED_ON,
        *((_IMAGE,) if imaging else ()),
        _COMMENTS,
        Column(
            "Activity Status",
            "activityStatus",
            codes=("ACTIVITY_STATUS_INVALID", "SPECIMEN_CREATE_DISABLED_NA"),
            hint="Active, Closed, or Disabled: this deletes the specimen and all that was made of it",
        ),
        Column("Reason", "opComments", hint="Why it is changed; kept in the history"),
        _CREATED_BY,
        _EXTERNAL_IDS,
        _LOCATION,
        _COLLECTION,
        _RECEIPT,
    )


def _columns_for(params: Params) -> Items:
    """Without visits where the protocol has none (spec 04 §4.3); with image ids where they are in use."""
    pk = Wanted(params).cp_id
    protocol = None if pk is None else protocols_by_id([pk]).get(pk)
    visit = protocol is None or not protocol.specimen_centric
    return _specimen(visit=visit, imaging=flag("biospecimen", "imaging"))


MATCHING = Matching(find=meant, missing=missing, keys=keys, upserts=True)

SPECIMEN = register(
    ImportSchema(
        name="specimen",
        label="Specimens",
        detail=SpecimenRow,
        door=SPECIMENS,
        columns=_specimen(),
        columns_for=_columns_for,
        operations=ALL,
        matching=MATCHING,
        export=Export(exported),
        about="A row is one specimen. A new primary one names its visit (in a protocol without visits: the "
        "protocol) and its type; a derived one or an aliquot names its parent, which stands further up or is "
        "stored already. Aliquots are of their parent's type and take their quantity out of it. Updates find "
        "the specimen by Identifier, else by label, else by barcode, and change only what the row names; "
        "Disabled deletes it with all that was made of it.",
    )
)

SPECIMEN_ALIQUOT = register(
    ImportSchema(
        name="specimenAliquot",
        label="Specimen Aliquots",
        detail=AliquotSpec,
        door=ALIQUOTS,
        columns=(
            _CP,
            _PARENT,
            Column(
                "Specimen Labels",
                "labels",
                codes=_LABEL.codes,
                hint="Separated by commas; blank where labels are generated",
            ),
            Column("Specimen Barcodes", "barcodes", codes=_BARCODE.codes, hint="Separated by commas"),
            Column(
                "Number of Aliquots",
                "noOfAliquots",
                Cell.WHOLE,
                codes=("SPECIMEN_ALIQUOT_CNT_N_QTY_REQ", "SPECIMEN_INVALID_QTY_OR_CNT"),
                hint="Blank: as many as the parent's quantity gives; labels count for themselves",
            ),
            Column(
                "Quantity per Aliquot",
                "qtyPerAliquot",
                Cell.NUMBER,
                codes=("SPECIMEN_ALIQUOT_QTY_REQ",),
                hint="Blank: equal shares of what the parent has",
            ),
            _CLASS,
            _TYPE,
            _CONCENTRATION,
            Column("Container", "containerName", codes=("STORAGE_CONTAINER_NOT_FOUND",)),
            Column("Start Row", "positionY"),
            Column("Start Column", "positionX"),
            Column("Start Position", "position", Cell.WHOLE),
            _CREATED_ON,
            _CYCLES,
            _THAWS,
            Column("Close Parent", "closeParent", Cell.FLAG, hint="yes or no; blank: as the protocol says"),
            _CREATED_BY,
        ),
        about="A row makes several aliquots of one parent. Number and quantity follow from each other and from "
        "what the parent has left; aliquots of another type are made of a derivative in between.",
    )
)

SPECIMEN_DERIVATIVE = register(
    ImportSchema(
        name="specimenDerivative",
        label="Derived Specimens",
        detail=SpecimenDetail,
        door=DERIVATIVES,
        columns=(
            _CP,
            _PARENT,
            _LABEL,
            _BARCODE,
            _CLASS,
            _TYPE,
            _STATUS,
            _PATHOLOGY,
            _INITIAL,
            _AVAILABLE,
            _CONCENTRATION,
            _BIOHAZARD,
            _CREATED_ON,
            _CYCLES,
            _THAWS,
            Column("Close Parent", "closeParent", Cell.FLAG, hint="yes or no; blank: no"),
            _COMMENTS,
            _EXTERNAL_IDS,
            _LOCATION,
            _CREATED_BY,
        ),
        about="A row makes one derived specimen; it names the parent and the type. Site, side and pathology are the "
        "parent's where the row does not say otherwise.",
    )
)

SPECIMEN_DISPOSAL = register(
    ImportSchema(
        name="specimenDisposal",
        label="Dispose Specimens",
        detail=DisposalRow,
        door=DISPOSALS,
        columns=(
            _CP,
            replace(
                _LABEL, attribute="name", codes=_NOT_FOUND, hint="Which specimen; blank: the barcode tells"
            ),
            replace(_BARCODE, codes=()),
            Column(
                "Activity Status",
                "status",
                codes=("SPECIMEN_INVALID_DISPOSE_STATUS",),
                hint="Closed, or Disabled: this deletes the specimen and all that was made of it",
            ),
            Column("Disposal Date", "date", Cell.INSTANT, hint="Date and time; blank: now"),
            Column(
                "Disposal Reason",
                "reason",
                codes=("SPECIMEN_INV_DISPOSE_REASON",),
                hint="A value of the list of dispose reasons",
            ),
            replace(_COMMENTS, template=False),
            _user(),
        ),
        operations=_UPDATES,
        matching=Matching(find=meant, missing=missing, keys=keys),
        about="A row closes or deletes one specimen, found by its label, else by its barcode.",
    )
)


def _no_event(detail: DisposalEventRow) -> Problem:
    return rules.EVENT_ID_REQUIRED() if detail.id is None else rules.INVALID_EVENT_ID(key=detail.id)


def _events(details: Sequence[DisposalEventRow], actor: Actor) -> Sequence[int | Refusal | None]:
    there = disposed([detail.id for detail in details if detail.id is not None], actor)
    return [detail.id if detail.id in there else None for detail in details]


SPECIMEN_DISPOSAL_EVENT = register(
    ImportSchema(
        name="specimenDisposalEvent",
        label="Specimen Disposal Events",
        detail=DisposalEventRow,
        door=DISPOSAL_EVENTS,
        columns=(
            Column(
                "Disposal Event ID",
                "id",
                Cell.WHOLE,
                aliases=("Event ID",),
                codes=("SPECIMEN_EVT_ID_REQ", "SPECIMEN_INV_EVT_ID"),
                hint="As the specimen's events tell it",
            ),
            Column("Date and Time", "time", Cell.INSTANT, hint=_HINT_TIME),
            _COMMENTS,
            _user(),
        ),
        operations=_UPDATES,
        matching=Matching(find=_events, missing=_no_event, keys=lambda detail: ()),
        about="A row corrects when a specimen was disposed of, by whom, and what was remarked.",
    )
)
