"""The wire shapes of participants, registrations and consents (spec 03 §1)."""

from typing import Any

from biobank.wire.detail import Day, Detail, Flag, Payload, SparseDetail, Text, TextList, Whole, WholeList
from biobank.wire.paging import Paged
from sessions_auth.detail import UserSummary


class PmiDetail(SparseDetail):
    """A medical record number at a site; the number may be blank."""

    site_name: Text = None
    mrn: Text = None


class ParticipantDetail(SparseDetail):
    """A person; identifiers are masked for callers without PHI rights (spec 03 §1.4, §1.5)."""

    source: Text = None
    first_name: Text = None
    middle_name: Text = None
    last_name: Text = None
    email_address: Text = None
    email_opt_in: Flag = None
    phone_number: Text = None
    text_opt_in: Flag = None
    text_opt_in_consent: Flag = None
    birth_date: Day = None
    birth_date_str: Text = None
    death_date: Day = None
    death_date_str: Text = None
    gender: Text = None
    vital_status: Text = None
    sex_genotype: Text = None
    races: TextList = None
    ethnicities: TextList = None
    uid: Text = None
    empi: Text = None
    pmis: list[PmiDetail] | None = None
    pmi: PmiDetail | None = None
    activity_status: Text = None
    phi_access: Flag = None
    registered_cps: "list[RegistrationSummary] | None" = None
    extension_detail: dict[str, Any] | None = None
    staged_id: Whole = None
    cp_id: Whole = -1
    data_entry_status: Text = None
    req_reg_info: Flag = False
    force_delete: Flag = False
    op_comments: Text = None


class ParticipantRow(ParticipantDetail):
    """A participant in a file, where a registration may stand for the person (spec 04 §5.10)."""

    cp_short_title: Text = None
    ppid: Text = None


class RegistrationSummary(SparseDetail):
    """A registration as it stands in lists of a participant's protocols and in bulk deletes (spec 03 §1.3)."""

    cpr_id: Whole = None
    ppid: Text = None
    registration_date: Day = None
    cp_id: Whole = None
    cp_short_title: Text = None
    scg_count: Whole = None
    specimen_count: Whole = None
    participant: ParticipantDetail | None = None
    activity_status: Text = None


class RegistrationDetail(Detail):
    """A participant in a protocol (spec 03 §1.3)."""

    participant: ParticipantDetail | None = None
    cp_id: Whole = None
    cp_title: Text = None
    cp_short_title: Text = None
    ppid: Text = None
    barcode: Text = None
    activity_status: Text = None
    data_entry_status: Text = None
    registration_date: Day = None
    external_subject_id: Text = None
    site: Text = None
    consent_details: dict[str, Any] | None = None
    specimen_label_fmt: Text = None
    aliquot_label_fmt: Text = None
    derivative_label_fmt: Text = None
    force_delete: Flag = False
    op_comments: Text = None


class RegistrationSearch(Paged):
    """Body of the list and count calls (spec 03 §1.2)."""

    cp_id: Whole = None
    ppid: Text = None
    name: Text = None
    participant_id: Text = None
    uid: Text = None
    dob: Day = None
    registration_date: Day = None
    specimen: Text = None
    search_str: Text = None
    ppids: TextList = None
    external_subject_ids: TextList = None
    empis: TextList = None
    ids: WholeList = None
    include_stats: Flag = False
    exact_match: Flag = False


class RegistrationIds(Payload):
    id: WholeList = None


class BulkRegistrations(Payload):
    ids: WholeList = None
    detail: RegistrationDetail = RegistrationDetail()


class DeletedRegistrations(Payload):
    """Answer of a bulk delete; `completed` false would mean that it goes on in the background."""

    completed: bool
    entities: list[RegistrationSummary]


class ParticipantMatch(Payload):
    """A participant who may be the one described, and by what (spec 03 §1.8)."""

    matched_attrs: list[str]
    participant: ParticipantDetail


class ParticipantMatches(Payload):
    """The candidates for one of several descriptions."""

    criteria: ParticipantDetail
    matches: list[ParticipantMatch]


class RegistrationMatch(Payload):
    """The registration that an input names; where there is none, who its participant may be (spec 03 §1.8)."""

    input: RegistrationDetail
    cpr: RegistrationDetail | None = None
    participants: ParticipantMatches | None = None


class EventRef(Payload):
    id: Whole = None
    event_label: Text = None


class EmptyRegistrations(Payload):
    """Body of the call that registers a number of participants of whom nothing is known yet (spec 03 §1.10)."""

    cp_id: Whole = None
    cp_title: Text = None
    cp_short_title: Text = None
    reg_count: Whole = None
    collection_site: Text = None
    events: list[EventRef] | None = None
    kit_detail: dict[str, Any] | None = None


class ConsentResponseDetail(Payload):
    code: Text = None
    statement: Text = None
    response: Text = None


class ConsentsDetail(Payload):
    """What the participant agreed to; nulls are printed (spec 03 §1.9)."""

    cpr_id: Whole = None
    cp_id: Whole = None
    cp_short_title: Text = None
    ppid: Text = None
    empi: Text = None
    consent_signature_date: Day = None
    witness: UserSummary | None = None
    comments: Text = None
    responses: list[ConsentResponseDetail] | None = None
    consent_document_name: Text = None
    statement: Text = None
    code: Text = None
    response: Text = None
    document_file: Text = None
