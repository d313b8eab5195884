"""CSV imports of protocols, events and requirements (spec 04 §5.6-§5.8)."""

from biobank.batch.schema import Cell, Column, ImportSchema, Sub, register
from specimens.protocol.detail.events import ProtocolEventDetail
from specimens.protocol.detail.protocols import ProtocolDetail
from specimens.protocol.detail.requirements import RequirementDetail
from specimens.protocol.writes.events import EVENTS
from specimens.protocol.writes.protocols import PROTOCOLS
from specimens.protocol.writes.requirements import REQUIREMENTS

PROTOCOL = register(
    ImportSchema(
        name="cp",
        label="Collection Protocols",
        detail=ProtocolDetail,
        door=PROTOCOLS,
        columns=(
            Column("Identifier", "id"),
            Column("Title", "title"),
            Column("Short Title", "shortTitle"),
            Column("Code", "code"),
            Column("Start Date", "startDate", Cell.DAY),
            Column("End Date", "endDate", Cell.DAY),
            Column("Ethics ID", "irbId", aliases=("IRB ID",)),
            Column("Anticipated Participants Count", "anticipatedParticipantsCount", Cell.WHOLE),
            Column("PPID Format", "ppidFmt"),
            Column("Visit Name Format", "visitNameFmt"),
            Column("Label Format", "specimenLabelFmt"),
            Column("Derivative Label Format", "derivativeLabelFmt"),
            Column("Aliquot Label Format", "aliquotLabelFmt"),
            Column("User inputs PPID", "manualPpidEnabled", Cell.FLAG),
            Column("User inputs Visit Name", "manualVisitNameEnabled", Cell.FLAG),
            Column("User inputs Specimen Label", "manualSpecLabelEnabled", Cell.FLAG),
            Column("Label Pre-print Mode", "spmnLabelPrePrintMode"),
            Column("Description URL", "descriptionUrl"),
            Column("Specimen Centric", "specimenCentric", Cell.FLAG),
            Column("Store SPR", "storeSprEnabled", Cell.FLAG),
            Column("Extract SPR Text", "extractSprText", Cell.FLAG),
            Column("Close Parent Specimens", "closeParentSpecimens", Cell.FLAG),
            Column("Set Quantity to Zero", "setQtyToZero", Cell.FLAG),
            Column("Additional Label Format", "additionalLabelFmt"),
            Column("Enable Specimen Barcoding", "barcodingEnabled", Cell.FLAG),
            Column("Specimen Barcode Format", "specimenBarcodeFmt"),
            Column("Label Sequence Key", "labelSequenceKey"),
            Column("Kit Labels", "kitLabelsEnabled", Cell.FLAG),
            Column("Visit Collection Mode", "visitCollectionMode"),
            Column("Storage Site Based Access", "storageSiteBasedAccess", Cell.FLAG),
            Column("Draft Data Entry", "draftDataEntry", Cell.FLAG),
            Column("Container Selection Strategy", "containerSelectionStrategy"),
            Column("Store Aliquots in Same Box", "aliquotsInSameContainer", Cell.FLAG),
            Column("Activity Status", "activityStatus"),
            Sub(
                "cpSites",
                (Column("Name", "siteName"), Column("Code", "code")),
                caption="Sites",
                multiple=True,
            ),
            Sub("principalInvestigator", (Column("PI Email", "emailAddress"),), caption="PI"),
            Sub(
                "coordinators",
                (Column("Coordinator Email", "emailAddress"),),
                caption="Coordinator",
                multiple=True,
            ),
            Sub(
                "spmnLabelPrintSettings",
                (
                    Column("Lineage", "lineage"),
                    Column("Print Mode", "printMode"),
                    Column("Copies", "copies", Cell.WHOLE),
                ),
                caption="Label Print Setting",
                multiple=True,
            ),
        ),
    )
)

EVENT = register(
    ImportSchema(
        name="cpe",
        label="Collection Protocol Events",
        detail=ProtocolEventDetail,
        door=EVENTS,
        columns=(
            Column("Identifier", "id"),
            Column("CP Short Title", "cpShortTitle"),
            Column("Event Code", "code"),
            Column("Event Point", "eventPoint", Cell.WHOLE),
            Column("Event Point Unit", "eventPointUnit"),
            Column("Event Label", "eventLabel"),
            Column("Clinical Diagnosis", "clinicalDiagnosis"),
            Column("Clinical Status", "clinicalStatus"),
            Column("Default Site", "defaultSite"),
            Column("When to Print", "visitNamePrintMode"),
            Column("Print Copies", "visitNamePrintCopies", Cell.WHOLE),
            Column("Activity Status", "activityStatus"),
        ),
    )
)

# Lineage picks what is made; Parent Code names a requirement of the same event, stored or on a line above.
REQUIREMENT = register(
    ImportSchema(
        name="sr",
        label="Specimen Requirements",
        detail=RequirementDetail,
        door=REQUIREMENTS,
        columns=(
            Column("Identifier", "id"),
            Column("CP Short Title", "cpShortTitle"),
            Column("Event Label", "eventLabel"),
            Column("Parent Code", "parentSrCode"),
            Column("Name", "name"),
            Column("Code", "code"),
            Column("Lineage", "lineage"),
            Column("Specimen Class", "specimenClass"),
            Column("Specimen Type", "type"),
            Column("Anatomic Site", "anatomicSite"),
            Column("Laterality", "laterality"),
            Column("Pathology", "pathology"),
            Column("Storage Type", "storageType"),
            Column("Initial Quantity", "initialQty", Cell.NUMBER),
            Column("Concentration", "concentration", Cell.NUMBER),
            Column("Collection Container", "collectionContainer"),
            Column("Collection Procedure", "collectionProcedure"),
            Column("Label Format", "labelFmt"),
            Column("Label Auto Print Mode", "labelAutoPrintMode"),
            Column("Label Print Copies", "labelPrintCopies", Cell.WHOLE),
            Column("Sort Order", "sortOrder", Cell.WHOLE),
            Column("Default Custom Field Values", "defCustomFieldValuesJson"),
            Column("Activity Status", "activityStatus"),
            Sub("collector", (Column("Email Address", "emailAddress"),), caption="Collector"),
            Sub("receiver", (Column("Email Address", "emailAddress"),), caption="Receiver"),
        ),
    )
)
