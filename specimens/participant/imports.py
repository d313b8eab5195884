"""CSV import of registrations (spec 04 §5.9)."""

from biobank.batch.schema import Cell, Column, ImportSchema, Sub, register
from specimens.participant.detail import RegistrationDetail
from specimens.participant.writes import REGISTRATIONS

PERSON = (
    Column("First Name", "firstName"),
    Column("Last Name", "lastName"),
    Column("Middle Name", "middleName"),
    Column("Email Address", "emailAddress"),
    Column("Receive Emails", "emailOptIn", Cell.FLAG),
    Column("Phone Number", "phoneNumber"),
    Column("Receive SMSes", "textOptIn", Cell.FLAG),
    Column("Date Of Birth", "birthDate", Cell.DAY),
    Column("Death Date", "deathDate", Cell.DAY),
    Column("Gender", "gender"),
    Column("Race", "races", multiple=True),
    Column("Vital Status", "vitalStatus"),
    Column("Ethnicity", "ethnicities", multiple=True),
    Column("National ID", "uid", aliases=("SSN",)),
    Column("eMPI", "empi"),
    Sub("pmis", (Column("Site Name", "siteName"), Column("MRN", "mrn")), caption="PMI", multiple=True),
)

CPR = register(
    ImportSchema(
        name="cpr",
        label="Participant Registrations",
        detail=RegistrationDetail,
        door=REGISTRATIONS,
        columns=(
            Column("Identifier", "id"),
            Column("CP Short Title", "cpShortTitle"),
            Column("PPID", "ppid"),
            Column("Registration Date", "registrationDate", Cell.DAY),
            Column("Registration Site", "site"),
            Column("External Subject ID", "externalSubjectId"),
            Column("Activity Status", "activityStatus"),
            Column("Data Entry Status", "dataEntryStatus"),
            Column("Reason", "opComments"),
            Sub("participant", PERSON),
        ),
    )
)
