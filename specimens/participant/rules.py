"""Codes and decisions about participants, registrations and consents (spec 03 §1)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from biobank.wire.errors import ACTIVITY_STATUS_INVALID, INVALID_INPUT, Code, Kind, Problem
from sites.rules import SITE_NOT_FOUND, TOO_LONG, too_long
from specimens.participant.detail import ParticipantDetail, PmiDetail, RegistrationDetail

NOT_FOUND = Code("CPR_M_NOT_FOUND", "There is no such registration: {key}")
CP_REQUIRED = Code("CPR_CP_REQUIRED", "A registration needs a collection protocol")
CP_NOT_FOUND = Code("CP_NOT_FOUND", "There is no such collection protocol: {key}")
CP_CLOSED = Code("CPR_CP_CLOSED", "The collection protocol {name} is closed")
SPECIMEN_CENTRIC = Code(
    "CP_OP_NOT_ALLOWED_SC", "The collection protocol {name} has no participants of its own"
)
REG_DATE_REQUIRED = Code("CPR_REG_DATE_REQUIRED", "A registration needs its date")
DETAIL_REQUIRED = Code("CPR_PARTICIPANT_DETAIL_REQUIRED", "A registration needs a participant, if only {{}}")
PPID_REQUIRED = Code("CPR_PPID_REQUIRED", "A PPID is required")
MANUAL_PPID = Code("CPR_MANUAL_PPID_NOT_ALLOWED", "The protocol makes its PPIDs itself")
INVALID_PPID = Code("CPR_INVALID_PPID", "The PPID {ppid} does not follow the protocol's format")
DUP_PPID = Code("CPR_DUP_PPID", "The protocol has a registration with the same PPID already: {ppid}")
DUP_BARCODE = Code("CPR_DUP_BARCODE", "A registration with the same barcode exists already: {barcode}")
DUP_REGISTRATION = Code("CPR_DUP_REGISTRATION", "The same participant is registered to this protocol already")
CREATE_DISABLED = Code("CPR_CREATE_DISABLED_NA", "A registration cannot be created as a deleted one")
DRAFT_NOT_ALLOWED = Code("CPR_DRAFT_NOT_ALLOWED", "The protocol does not allow drafts")
CANNOT_MERGE = Code(
    "CPR_CANNOT_MERGE_PARTICIPANT", "Not all registrations of the participant may be changed by you"
)
COLLECTION_SITE_REQUIRED = Code("CPR_COLLECTION_SITE_REQUIRED", "Name the site where they are registered")
IN_USE = Code("PARTICIPANT_REF_ENTITY_FOUND", "The registration still has visits")

PARTICIPANT_NOT_FOUND = Code("PARTICIPANT_NOT_FOUND", "There is no such participant: {key}")
MULTI_MATCHES = Code("PARTICIPANT_MULTI_MATCHES", "The identifiers belong to several participants")
INVALID_EMAIL = Code("PARTICIPANT_INVALID_EMAIL_ID", "The e-mail address is not valid")
INVALID_UID = Code("PARTICIPANT_INVALID_UID", "The national id does not follow the configured pattern")
INVALID_MPI = Code("PARTICIPANT_INVALID_MPI", "The eMPI does not follow the configured pattern")
MANUAL_MPI = Code("PARTICIPANT_MANUAL_MPI_NOT_ALLOWED", "The eMPI is made here and cannot be given")
UID_REQUIRED = Code("PARTICIPANT_UID_REQUIRED", "A participant needs a national id")
UNIDENTIFIED = Code(
    UID_REQUIRED.code, "Without a registration a participant needs a national id, an eMPI or a record number"
)
REGISTERED = Code(IN_USE.code, "The participant is registered: delete the registrations")
DUP_UID = Code("PARTICIPANT_DUP_UID", "A participant with the same national id exists already")
DUP_EMPI = Code("PARTICIPANT_DUP_EMPI", "A participant with the same eMPI exists already")
DUP_MRN = Code(
    "PARTICIPANT_DUP_MRN", "Another participant has the same medical record number at the site {site}"
)
DUP_MRN_SITE = Code("PARTICIPANT_DUP_MRN_SITE", "Two medical record numbers name the same site: {site}")
INVALID_BIRTH_DATE = Code("PARTICIPANT_INVALID_BIRTH_DATE", "The birth date lies in the future")
INVALID_DEATH_DATE = Code(
    "PARTICIPANT_INVALID_DEATH_DATE", "The death date lies in the future or before the birth date"
)
TEXT_OPT_OUT = Code("PARTICIPANT_TEXT_OPT_OUT", "The participant did not agree to text messages")
INVALID_VALUE = {
    "gender": Code("PARTICIPANT_INVALID_GENDER", "{value} is not a known gender"),
    "vital_status": Code("PARTICIPANT_INVALID_VITAL_STATUS", "{value} is not a known vital status"),
    "race": Code("PARTICIPANT_INVALID_RACE", "{value} is not a known race"),
    "ethnicity": Code("PARTICIPANT_INVALID_ETHNICITY", "{value} is not a known ethnicity"),
}

WITNESS_NOT_FOUND = Code("CPR_CONSENT_WITNESS_NOT_FOUND", "There is no such user: {key}")
INVALID_STATEMENT = Code("CPR_INVALID_CONSENT_STATEMENT", "The protocol does not ask for this consent: {key}")
INVALID_RESPONSE = Code("CPR_INVALID_CONSENT_RESPONSE", "{value} is not a known consent response")
STATEMENT_REQUIRED = Code("CONSENT_STATEMENTCODE_REQUIRED", "A consent response names its statement or code")
CONSENT_FORM_NOT_FOUND = Code(
    "CPR_CONSENT_FORM_NOT_FOUND", "The registration has no signed consent document", Kind.NOT_FOUND
)
CONSENT_FORM_NOT_SENT = Code(
    CONSENT_FORM_NOT_FOUND.code, "The consent document {name} is not among the files of the archive"
)
CONSENTS_WAIVED = Code("CP_CONSENTS_WAIVED", "The protocol does without consents")
CONSENTS_SOURCED = Code("CP_CONSENTS_SOURCED", "The protocol takes its consents from another one")

STATUSES = ("Active", "Closed", "Disabled")
DATA_ENTRY = ("COMPLETE", "DRAFT")
MASK = "###"
MOST_AT_ONCE = 10_000  # registrations of one bulk call
FROM_OUTSIDE = -1  # the participant id of somebody another system knows: a new participant here

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_TEXTS = {
    "source": 64, "first_name": 255, "middle_name": 255, "last_name": 255, "email_address": 255,
    "phone_number": 64, "uid": 50, "empi": 50,
}  # fmt: skip
_CODED = {"gender": "gender", "vital_status": "vital_status"}
_CODED_LISTS = {"races": "race", "ethnicities": "ethnicity"}
_PLAIN = ("birth_date", "death_date", "text_opt_in_consent")
_FLAGS = ("email_opt_in", "text_opt_in")


class PickLists(Protocol):
    """What the rules ask of pick lists."""

    def canonical(self, attribute: str, value: str | None) -> str | None: ...


# --- Registrations ----------------------------------------------------------------------------------


def registration_problems(detail: RegistrationDetail, *, creating: bool) -> Iterator[Problem]:
    """What is wrong with the registration's own fields, before look-ups (spec 03 §1.7)."""
    sent = detail.model_fields_set
    if detail.registration_date is None and (creating or "registration_date" in sent):
        yield REG_DATE_REQUIRED()
    if detail.activity_status and detail.activity_status not in STATUSES:
        yield ACTIVITY_STATUS_INVALID(value=detail.activity_status)
    if detail.data_entry_status and detail.data_entry_status not in DATA_ENTRY:
        yield INVALID_INPUT(name="dataEntryStatus", value=detail.data_entry_status)
    yield from too_long(
        ppid=(detail.ppid, 255),
        barcode=(detail.barcode, 255),
        externalSubjectId=(detail.external_subject_id, 255),
    )


def ppid_problem(ppid: str | None, *, has_format: bool, manual: bool, fits: bool) -> Problem | None:
    """Whether this PPID (blank: none) may be given to a registration; the table of spec 03 §1.6.

    A blank PPID that passes is to be generated. Uniqueness is not looked at.
    """
    if not ppid:
        return None if has_format and not manual else PPID_REQUIRED()
    if not has_format:
        return None
    if not manual:
        return MANUAL_PPID()
    return None if fits else INVALID_PPID(ppid=ppid)


# --- Participants -----------------------------------------------------------------------------------


def person_values(detail: ParticipantDetail, terms: PickLists) -> tuple[dict[str, Any], list[Problem]]:
    """The columns that the keys of the detail set, blanks as None, coded values in their stored spelling.

    A mask that comes back says nothing: what is stored stays (spec 03 §1.5).
    """
    fields = detail.__dict__
    sent = {name for name in detail.model_fields_set if fields[name] != MASK}
    values: dict[str, Any] = {name: fields[name] for name in _PLAIN if name in sent}
    values.update({name: bool(fields[name]) for name in _FLAGS if name in sent})
    problems: list[Problem] = []
    for name, limit in _TEXTS.items():
        if name in sent:
            text = values[name] = fields[name] or None
            if text is not None and len(text) > limit:
                problems.append(TOO_LONG(name=name, limit=limit))
    for name, attribute in _CODED.items():
        if name in sent:
            text = fields[name]
            values[name] = terms.canonical(attribute, text)
            if text and values[name] is None:
                problems.append(INVALID_VALUE[attribute](value=text))
    for name, attribute in _CODED_LISTS.items():
        if name in sent:
            values[name], wrong = _coded_list(attribute, fields[name] or (), terms)
            problems += wrong
    if values.get("source", "") is None:
        del values["source"]
    return values, problems


def _coded_list(attribute: str, texts: Sequence[str], terms: PickLists) -> tuple[list[str], list[Problem]]:
    """The set of values in the order sent."""
    found: dict[str, None] = {}
    problems = []
    for text in texts:
        value = terms.canonical(attribute, text)
        if value is None:
            problems.append(INVALID_VALUE[attribute](value=text))
        else:
            found[value] = None
    return list(found), problems


def settle(
    values: dict[str, Any], stored: Mapping[str, Any], *, dead: bool, today: date
) -> Iterator[Problem]:
    """Make the values agree with each other and with what stays stored; yields what cannot be (spec 03 §1.4).

    `dead`: whether the vital status in force means that the participant died; otherwise the death date is
    dropped. Opt-ins fall with the address they need.
    """

    def now(name: str) -> Any:
        return values[name] if name in values else stored.get(name)

    email = values.get("email_address")
    if email and not _EMAIL.fullmatch(email):
        yield INVALID_EMAIL()
    if now("email_opt_in") and not now("email_address"):
        values["email_opt_in"] = False
    if now("text_opt_in") and not now("phone_number"):
        values["text_opt_in"] = False
    if now("text_opt_in") and now("text_opt_in_consent") is False:
        yield TEXT_OPT_OUT()
    if not dead and now("death_date") is not None:
        values["death_date"] = None
    born, died = now("birth_date"), now("death_date")
    if born is not None and born > today and "birth_date" in values:
        yield INVALID_BIRTH_DATE()
    if died is not None and (died > today or (born is not None and died < born)):
        yield INVALID_DEATH_DATE()


def pattern_problems(
    values: Mapping[str, Any], *, uid_pattern: str, mpi_pattern: str, uid_mandatory: bool, creating: bool
) -> Iterator[Problem]:
    """Whether national id and eMPI follow the configured patterns (blank: none)."""
    uid, empi = values.get("uid"), values.get("empi")
    if uid and uid_pattern and not _fits(uid_pattern, uid):
        yield INVALID_UID()
    if uid_mandatory and not uid and (creating or "uid" in values):
        yield UID_REQUIRED()
    if empi and mpi_pattern and not _fits(mpi_pattern, empi):
        yield INVALID_MPI()


def empi_problem(values: Mapping[str, Any], stored: Mapping[str, Any], *, generated: bool) -> Problem | None:
    """Where the eMPI is generated it is neither given nor changed."""
    changed = values.get("empi") != stored.get("empi")
    return MANUAL_MPI() if generated and "empi" in values and changed else None


BULK_KEYS = (
    "registration_date", "site", "external_subject_id", "activity_status", "data_entry_status", "force_delete",
    "op_comments",
)  # fmt: skip
BULK_PERSON_KEYS = ("gender", "vital_status", "races", "ethnicities", "death_date")


def for_many(detail: RegistrationDetail) -> RegistrationDetail:
    """What of a change may be made to many registrations at once: nothing that identifies one (spec 03 §1.1)."""
    found = RegistrationDetail(**{name: getattr(detail, name) for name in BULK_KEYS if detail.sent(name)})
    person = detail.participant
    if person is not None:
        found.participant = ParticipantDetail(
            **{name: getattr(person, name) for name in BULK_PERSON_KEYS if person.sent(name)}
        )
    return found


def _fits(pattern: str, text: str) -> bool:
    """A pattern that is no regular expression constrains nothing."""
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return True


def record_numbers(
    pmis: Sequence[PmiDetail], site_ids: Mapping[str, int]
) -> tuple[dict[int, str | None], list[Problem]]:
    """Record number by site id, masks as they are; entries that say nothing are skipped (spec 03 §1.4).

    `site_ids` is keyed by lower-case name.
    """
    found: dict[int, str | None] = {}
    problems: list[Problem] = []
    for pmi in pmis:
        name, mrn = pmi.site_name or "", pmi.mrn or None
        if not name and mrn is None:
            continue
        site_id = site_ids.get(name.lower())
        if site_id is None:
            problems.append(SITE_NOT_FOUND(key=name or "(none)"))
        elif site_id in found:
            problems.append(DUP_MRN_SITE(site=name))
        else:
            found[site_id] = mrn
        problems += too_long(mrn=(mrn, 255))
    return found, problems
