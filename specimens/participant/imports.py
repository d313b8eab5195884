"""CSV of registrations and consents: what imports read, templates show and exports write (spec 04 §5.9-§5.11)."""

from dataclasses import replace

from biobank.batch.schema import (
    ALL,
    Attachments,
    Cell,
    Column,
    Export,
    ImportSchema,
    Matching,
    Sub,
    register,
)
from biobank.wire.errors import ACTIVITY_STATUS_INVALID, Problem
from sites.rules import SITE_NOT_FOUND
from specimens.participant import rules
from specimens.participant.detail import ConsentsDetail, ParticipantRow, RegistrationDetail
from specimens.participant.reads.exports import consent_batches, document_files, registration_batches
from specimens.participant.reads.lookups import Protocols
from specimens.participant.reads.meant import (
    participant_keys,
    participants_meant,
    registration_keys,
    registrations_meant,
)
from specimens.participant.writes import CONSENTS, PARTICIPANTS, REGISTRATIONS
from specimens.participant.writes.documents import attach

_CODED = rules.INVALID_VALUE

PROTOCOL = Column(
    "CP Short Title",
    "cpShortTitle",
    key=True,
    codes=(
        rules.CP_REQUIRED.code,
        rules.CP_NOT_FOUND.code,
        rules.CP_CLOSED.code,
        rules.SPECIMEN_CENTRIC.code,
    ),
    hint="The short title of the collection protocol, in any case",
)
PPID = Column(
    "PPID",
    "ppid",
    key=True,
    codes=(
        rules.PPID_REQUIRED.code,
        rules.MANUAL_PPID.code,
        rules.INVALID_PPID.code,
        rules.DUP_PPID.code,
        rules.NOT_FOUND.code,
    ),
    hint="The participant's id in the protocol; blank where the protocol makes it itself",
)
STATUS = Column(
    "Activity Status",
    "activityStatus",
    codes=(ACTIVITY_STATUS_INVALID.code, rules.CREATE_DISABLED.code, rules.IN_USE.code),
    hint="Active, Closed, or Disabled: deletes the record and everything below it",
)
REASON = Column("Reason", "opComments", hint="Why; kept in the record's history")

# The static block of a participant, in `cpr`, `cprMultiple` and `masterSpecimen`
PERSON = (
    Column("First Name", "firstName"),
    Column("Last Name", "lastName"),
    Column("Middle Name", "middleName"),
    Column("Email Address", "emailAddress", codes=(rules.INVALID_EMAIL.code,)),
    Column("Receive Emails", "emailOptIn", Cell.FLAG),
    Column("Phone Number", "phoneNumber"),
    Column("Receive SMSes", "textOptIn", Cell.FLAG, codes=(rules.TEXT_OPT_OUT.code,)),
    Column("SMS Consent", "textOptInConsent", Cell.FLAG),
    Column("Date Of Birth", "birthDate", Cell.DAY, codes=(rules.INVALID_BIRTH_DATE.code,)),
    Column(
        "Death Date",
        "deathDate",
        Cell.DAY,
        codes=(rules.INVALID_DEATH_DATE.code,),
        hint="Kept only where the vital status means that the participant died",
    ),
    Column("Gender", "gender", codes=(_CODED["gender"].code,), hint="A value of the pick list gender"),
    Column("Race", "races", multiple=True, codes=(_CODED["race"].code,), hint="Values of the pick list race"),
    Column(
        "Vital Status",
        "vitalStatus",
        codes=(_CODED["vital_status"].code,),
        hint="A value of the pick list vital_status",
    ),
    Column(
        "Ethnicity",
        "ethnicities",
        multiple=True,
        codes=(_CODED["ethnicity"].code,),
        hint="Values of the pick list ethnicity",
    ),
    Column(
        "National ID",
        "uid",
        aliases=("SSN",),
        codes=(rules.INVALID_UID.code, rules.UID_REQUIRED.code, rules.DUP_UID.code),
        hint="Finds the participant who has it already",
    ),
    Column(
        "eMPI",
        "empi",
        codes=(rules.INVALID_MPI.code, rules.MANUAL_MPI.code, rules.DUP_EMPI.code),
        hint="Finds the participant who has it already",
    ),
    Sub(
        "pmis",
        (
            Column("Site Name", "siteName", codes=(SITE_NOT_FOUND.code, rules.DUP_MRN_SITE.code)),
            Column("MRN", "mrn", codes=(rules.DUP_MRN.code,)),
        ),
        caption="PMI",
        multiple=True,
    ),
)


def _missing(detail: RegistrationDetail) -> Problem:
    if detail.id is not None:
        return rules.NOT_FOUND(key=detail.id)
    key = Protocols.key(detail)
    if key is None:
        return rules.CP_REQUIRED()
    return rules.NOT_FOUND(key=f"{key}:{detail.ppid}") if detail.ppid else rules.PPID_REQUIRED()


CPR = register(
    ImportSchema(
        name="cpr",
        label="Participant Registrations",
        detail=RegistrationDetail,
        door=REGISTRATIONS,
        operations=ALL,
        matching=Matching(registrations_meant, _missing, registration_keys, upserts=True),
        columns=(
            Column("Identifier", "id", Cell.WHOLE, hint="The registration's id; blank on create"),
            PROTOCOL,
            PPID,
            Column(
                "Registration Date",
                "registrationDate",
                Cell.DAY,
                codes=(rules.REG_DATE_REQUIRED.code,),
                hint="Needed on create",
            ),
            Column("Registration Site", "site", codes=(SITE_NOT_FOUND.code,), hint="The name of a site"),
            Column("External Subject ID", "externalSubjectId"),
            STATUS,
            Column(
                "Data Entry Status",
                "dataEntryStatus",
                codes=(rules.DRAFT_NOT_ALLOWED.code,),
                hint="COMPLETE, or DRAFT where the protocol allows it",
            ),
            REASON,
            Sub("participant", PERSON),
        ),
        export=Export(registration_batches, label="Participants"),
        about="Registers participants to protocols. A row names the protocol, the PPID (unless the protocol makes it) "
        "and the registration date; everything about the person may be blank. A person who is known already by "
        "national id, eMPI or a medical record number is registered once more rather than created twice. "
        "Updates find the registration by its id, else by protocol and PPID.",
    )
)


def _no_participant(detail: ParticipantRow) -> Problem:
    if detail.id is not None:
        return rules.PARTICIPANT_NOT_FOUND(key=detail.id)
    if not detail.cp_short_title:
        return rules.CP_REQUIRED()
    return (
        rules.NOT_FOUND(key=f"{detail.cp_short_title}:{detail.ppid}")
        if detail.ppid
        else rules.PPID_REQUIRED()
    )


PARTICIPANT = register(
    ImportSchema(
        name="participant",
        label="Participants",
        detail=ParticipantRow,
        door=PARTICIPANTS,
        operations=ALL,
        matching=Matching(participants_meant, _no_participant, participant_keys),
        columns=(
            Column("Identifier", "id", Cell.WHOLE, hint="The participant's id, not the registration's"),
            PROTOCOL,
            PPID,
            *PERSON[:-1],
            Column(
                "Activity Status",
                "activityStatus",
                codes=(ACTIVITY_STATUS_INVALID.code, rules.REGISTERED.code),
                hint="Active: people go with their last registration",
            ),
            PERSON[-1],
        ),
        about="The people behind registrations. Updates find them by their own id, else by protocol and PPID of one of "
        "their registrations. Created are people who are registered later: they need a national id, an eMPI or a "
        "medical record number, by which the registration will find them.",
    )
)

_ITEM_CODES = (rules.INVALID_STATEMENT.code, rules.STATEMENT_REQUIRED.code)

_CONSENT_COLUMNS = (
    replace(
        PROTOCOL,
        codes=(*PROTOCOL.codes, rules.CONSENTS_SOURCED.code, rules.CONSENTS_WAIVED.code),
    ),
    PPID,
    Column("Consent Date", "consentSignatureDate", Cell.DAY),
    Column("Consent Comments", "comments"),
    Sub(
        "responses",
        (
            Column(
                "Consent Statement",
                "statement",
                codes=_ITEM_CODES,
                hint="Exactly as the protocol words it; not needed with a code",
            ),
            Column("Consent Statement Code", "code", codes=_ITEM_CODES),
            Column(
                "Consent Response",
                "response",
                codes=(rules.INVALID_RESPONSE.code,),
                hint="A value of the pick list consent_response; blank leaves the answer as it is",
            ),
        ),
        one_a_row=True,
    ),
    Column(
        "Signed Consent Form",
        "consentDocumentName",
        Cell.FILE,
        codes=(rules.CONSENT_FORM_NOT_FOUND.code,),
        hint="The name of a file in the folder files/ of the archive",
    ),
    Sub(
        "witness",
        (Column("Email Address", "emailAddress", codes=(rules.WITNESS_NOT_FOUND.code,)),),
        caption="Consent Witness",
    ),
)

CONSENT = register(
    ImportSchema(
        name="consent",
        label="Consents",
        detail=ConsentsDetail,
        door=CONSENTS,
        operations=ALL,
        attachments=Attachments(
            name_of=lambda detail: detail.consent_document_name or None,
            missing=lambda name: rules.CONSENT_FORM_NOT_SENT(name=name),
            attach=attach,
        ),
        columns=_CONSENT_COLUMNS,
        export=Export(consent_batches, files=document_files),
        about="What registered participants agreed to, one statement a row. Whatever the operation, responses are laid "
        "over those there are; statements that no row names keep theirs. Rows of one registration belong together by "
        "CP Short Title and PPID.",
    )
)
