"""CSV import of participants, visits and specimens in one table (spec 04 §5.16)."""

from biobank.batch.schema import ALL, Cell, Column, ImportSchema, Sub, register
from specimens.master.detail import MasterDetail
from specimens.master.writes import MASTER

MASTER_SPECIMEN = register(
    ImportSchema(
        name="masterSpecimen",
        label="Participants, Visits, and Specimens",
        detail=MasterDetail,
        door=MASTER,
        operations=ALL,
        about=(
            "Each row names a participant, a visit and a specimen; what is not there yet is created, what is there "
            "gets the values of the filled cells. A row fails as a whole. Participants are found by PPID, else by "
            "eMPI, National ID or medical record numbers; visits by name, else by event and day; specimens by label, "
            "else by barcode. Rows whose Lineage is Derived or Aliquot are only about a specimen and its parent, "
            "which must stand before it. Rows without any specimen cell make no specimen."
        ),
        columns=(
            Column(
                "CP Short Title",
                "cpShortTitle",
                codes=("CP_SHORT_TITLE_REQUIRED", "CP_NOT_FOUND", "CPR_CP_CLOSED"),
                hint="the protocol's short title; needed unless the row is a derived specimen or an aliquot",
            ),
            Column(
                "PPID",
                "ppid",
                codes=(
                    "CPR_PPID_REQUIRED",
                    "CPR_DUP_PPID",
                    "CPR_INVALID_PPID",
                    "CPR_MANUAL_PPID_NOT_ALLOWED",
                ),
                hint="blank where the protocol makes PPIDs, or where another identifier finds the participant",
            ),
            Column("Registration Date", "registrationDate", Cell.DAY, codes=("CPR_REG_DATE_REQUIRED",)),
            Column("Registration Site", "regSite", codes=("SITE_NOT_FOUND",)),
            Column("External Subject ID", "externalSubjectId"),
            Column("First Name", "firstName"),
            Column("Last Name", "lastName"),
            Column("Middle Name", "middleName"),
            Column("Email Address", "emailAddress", codes=("PARTICIPANT_INVALID_EMAIL_ID",)),
            Column("Receive Emails", "emailOptIn", Cell.FLAG, hint="yes or no"),
            Column("Phone Number", "phoneNumber"),
            Column("Receive SMSes", "textOptIn", Cell.FLAG, hint="yes or no"),
            Column("Date Of Birth", "birthDate", Cell.DAY, codes=("PARTICIPANT_INVALID_BIRTH_DATE",)),
            Column("Death Date", "deathDate", Cell.DAY, codes=("PARTICIPANT_INVALID_DEATH_DATE",)),
            Column("Gender", "gender", codes=("PARTICIPANT_INVALID_GENDER",)),
            Column("Race", "races", multiple=True, codes=("PARTICIPANT_INVALID_RACE",)),
            Column("Vital Status", "vitalStatus", codes=("PARTICIPANT_INVALID_VITAL_STATUS",)),
            Column("Ethnicity", "ethnicities", multiple=True, codes=("PARTICIPANT_INVALID_ETHNICITY",)),
            Column(
                "National ID",
                "uid",
                aliases=("SSN",),
                codes=("PARTICIPANT_INVALID_UID", "PARTICIPANT_DUP_UID", "PARTICIPANT_UID_REQUIRED"),
            ),
            Column(
                "eMPI",
                "empi",
                codes=(
                    "PARTICIPANT_INVALID_MPI",
                    "PARTICIPANT_DUP_EMPI",
                    "PARTICIPANT_MANUAL_MPI_NOT_ALLOWED",
                ),
            ),
            Column(
                "Event Label",
                "eventLabel",
                codes=("CPE_NOT_FOUND", "CPE_CLOSED"),
                hint="blank: any event when the visit is looked for, the first one when it is created",
            ),
            Column(
                "Visit Name",
                "visitName",
                codes=(
                    "VISIT_NAME_REQUIRED",
                    "VISIT_DUP_NAME",
                    "VISIT_INVALID_NAME",
                    "VISIT_MANUAL_NAME_NOT_ALLOWED",
                ),
                hint="blank: the visit is found by event and day",
            ),
            Column("Visit Date", "visitDate", Cell.DATE, hint="blank: the collection date"),
            Column("Collection Site", "collectionSite"),
            Column("Visit Status", "status", codes=("VISIT_INVALID_STATUS",), hint="blank: Complete"),
            Column(
                "Clinical Diagnosis",
                "clinicalDiagnoses",
                multiple=True,
                codes=("VISIT_INVALID_CLINICAL_DIAGNOSIS",),
            ),
            Column("Clinical Status", "clinicalStatus", codes=("VISIT_INVALID_CLINICAL_STATUS",)),
            Column("Path. Number", "surgicalPathologyNumber"),
            Column("Visit Comments", "visitComments"),
            Column("Specimen Requirement Code", "reqCode", codes=("SR_NOT_FOUND",)),
            Column(
                "Specimen Label",
                "label",
                codes=("SPECIMEN_LABEL_REQUIRED", "SPECIMEN_DUP_LABEL", "SPECIMEN_DUP_LABEL_IN_CP"),
            ),
            Column("Barcode", "barcode", codes=("SPECIMEN_DUP_BARCODE",)),
            Column("Class", "specimenClass", codes=("SPECIMEN_INVALID_CLASS", "SPECIMEN_CLASS_REQUIRED")),
            Column("Type", "type", codes=("SPECIMEN_INVALID_TYPE", "SPECIMEN_TYPE_REQUIRED")),
            Column(
                "Lineage",
                "lineage",
                codes=("SPECIMEN_INVALID_LINEAGE",),
                hint="New (or blank), Derived or Aliquot",
            ),
            Column(
                "Parent Specimen Label",
                "parentLabel",
                codes=("SPECIMEN_PARENT_REQUIRED", "SPECIMEN_NOT_FOUND"),
                hint="only for derived specimens and aliquots",
            ),
            Column("Anatomic Site", "anatomicSite"),
            Column("Laterality", "laterality"),
            Column("Pathological Status", "pathology"),
            Column("Quantity", "initialQty", Cell.NUMBER, aliases=("Initial Quantity",)),
            Column("Available Quantity", "availableQty", Cell.NUMBER),
            Column("Concentration", "concentration", Cell.NUMBER),
            Column("Freeze/Thaw Cycles", "freezeThawCycles", Cell.WHOLE),
            Column("Created On", "createdOn", Cell.INSTANT, hint="of derived specimens and aliquots"),
            Column("Comments", "comments"),
            Column("Collection Status", "collectionStatus", hint="blank: Collected"),
            Column("Container", "container"),
            Column("Row", "positionY"),
            Column("Column", "positionX"),
            Column("Position", "position", Cell.WHOLE),
            Column(
                "Collection Date",
                "collectionDate",
                Cell.INSTANT,
                codes=("SPECIMEN_COLL_DATE_REQUIRED",),
                hint="blank: the visit date",
            ),
            Column("Collection Procedure", "collectionProcedure"),
            Column("Collection Container", "collectionContainer"),
            Column("Collector", "collector", hint="an e-mail address; ##set_to_blank##: whoever imports"),
            Column("Received Date", "receivedDate", Cell.INSTANT, hint="blank: the visit date"),
            Column("Received Quality", "receivedQuality"),
            Column("Receiver", "receiver", hint="an e-mail address; ##set_to_blank##: whoever imports"),
            Sub(
                "pmis",
                (Column("Site Name", "siteName"), Column("MRN", "mrn", codes=("PARTICIPANT_MRN_DIFF",))),
                caption="PMI",
                multiple=True,
            ),
            Sub("createdBy", (Column("Email Address", "emailAddress"),), caption="Created By"),
            Sub(
                "externalIds",
                (Column("Name", "name"), Column("Value", "value")),
                caption="External IDs",
                multiple=True,
            ),
        ),
    )
)
