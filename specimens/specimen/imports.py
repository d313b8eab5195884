"""CSV imports of specimens and of aliquots (spec 04 §5.13, §5.14)."""

from biobank.batch.schema import Cell, Column, ImportSchema, Sub, register
from specimens.specimen.detail import AliquotSpec, SpecimenDetail
from specimens.specimen.writes import ALIQUOTS, SPECIMENS

_USER = Sub("user", (Column("Email Address", "emailAddress"),), caption="User")
_CREATED_BY = Sub("createdBy", (Column("Email Address", "emailAddress"),), caption="Created By")

SPECIMEN = register(
    ImportSchema(
        name="specimen",
        label="Specimens",
        detail=SpecimenDetail,
        door=SPECIMENS,
        columns=(
            Column("Identifier", "id"),
            Column("CP Short Title", "cpShortTitle"),
            Column("Visit Name", "visitName"),
            Column("Specimen Requirement Code", "reqCode"),
            Column("Specimen Label", "label"),
            Column("Barcode", "barcode"),
            Column("Class", "specimenClass"),
            Column("Type", "type"),
            Column("Lineage", "lineage"),
            Column("Parent Specimen Label", "parentLabel"),
            Column("Anatomic Site", "anatomicSite"),
            Column("Laterality", "laterality"),
            Column("Collection Status", "status"),
            Column("Pathological Status", "pathology"),
            Column("Initial Quantity", "initialQty", Cell.NUMBER),
            Column("Available Quantity", "availableQty", Cell.NUMBER),
            Column("Concentration", "concentration", Cell.NUMBER),
            Column("Biohazard", "biohazards", multiple=True),
            Column("Freeze/Thaw Cycles", "freezeThawCycles", Cell.WHOLE),
            Column("Created On", "createdOn", Cell.INSTANT),
            Column("Comments", "comments"),
            Column("Activity Status", "activityStatus"),
            Column("Reason", "opComments"),
            _CREATED_BY,
            Sub(
                "externalIds",
                (Column("Name", "name"), Column("Value", "value")),
                caption="External IDs",
                multiple=True,
            ),
            Sub(
                "storageLocation",
                (
                    Column("Container", "name"),
                    Column("Row", "positionY"),
                    Column("Column", "positionX"),
                    Column("Position", "position", Cell.WHOLE),
                ),
                caption="Location",
            ),
            Sub(
                "collectionEvent",
                (
                    Column("Date and Time", "time", Cell.INSTANT),
                    Column("Comments", "comments"),
                    Column("Procedure", "procedure"),
                    Column("Container", "container"),
                    _USER,
                ),
                caption="Collection Event",
            ),
            Sub(
                "receivedEvent",
                (
                    Column("Date and Time", "time", Cell.INSTANT),
                    Column("Comments", "comments"),
                    Column("Quality", "receivedQuality"),
                    _USER,
                ),
                caption="Received Event",
            ),
        ),
    )
)

SPECIMEN_ALIQUOT = register(
    ImportSchema(
        name="specimenAliquot",
        label="Specimen Aliquots",
        detail=AliquotSpec,
        door=ALIQUOTS,
        columns=(
            Column("CP Short Title", "cpShortTitle"),
            Column("Parent Specimen Label", "parentLabel"),
            Column("Specimen Labels", "labels"),
            Column("Specimen Barcodes", "barcodes"),
            Column("Number of Aliquots", "noOfAliquots", Cell.WHOLE),
            Column("Quantity per Aliquot", "qtyPerAliquot", Cell.NUMBER),
            Column("Class", "specimenClass"),
            Column("Type", "type"),
            Column("Concentration", "concentration", Cell.NUMBER),
            Column("Container", "containerName"),
            Column("Start Row", "positionY"),
            Column("Start Column", "positionX"),
            Column("Start Position", "position", Cell.WHOLE),
            Column("Created On", "createdOn", Cell.INSTANT),
            Column("Freeze/Thaw Cycles", "freezeThawCycles", Cell.WHOLE),
            Column("Increment Parent Freeze/Thaw Cycles", "incrParentFreezeThaw", Cell.WHOLE),
            Column("Close Parent", "closeParent", Cell.FLAG),
            _CREATED_BY,
        ),
    )
)
