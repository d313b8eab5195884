"""The shape of a row of the master table: everything flat (spec 04 §5.16)."""

from typing import Any

from biobank.wire.detail import Day, Flag, Instant, Number, Payload, Text, TextList, Whole
from sessions_auth.detail import UserSummary
from specimens.participant.detail import PmiDetail
from specimens.specimen.detail import SpecimenExternalId


class MasterDetail(Payload):
    """A participant in a protocol, a visit of theirs, and a specimen collected at it."""

    cp_short_title: Text = None
    ppid: Text = None
    registration_date: Day = None
    reg_site: Text = None
    external_subject_id: Text = None
    first_name: Text = None
    last_name: Text = None
    middle_name: Text = None
    email_address: Text = None
    email_opt_in: Flag = None
    phone_number: Text = None
    text_opt_in: Flag = None
    birth_date: Day = None
    death_date: Day = None
    gender: Text = None
    races: TextList = None
    vital_status: Text = None
    ethnicities: TextList = None
    uid: Text = None
    empi: Text = None
    pmis: list[PmiDetail] | None = None
    event_label: Text = None
    visit_name: Text = None
    visit_date: Instant = None
    collection_site: Text = None
    status: Text = None
    clinical_diagnoses: TextList = None
    clinical_status: Text = None
    surgical_pathology_number: Text = None
    visit_comments: Text = None
    req_code: Text = None
    label: Text = None
    barcode: Text = None
    specimen_class: Text = None
    type: Text = None
    lineage: Text = None
    parent_label: Text = None
    anatomic_site: Text = None
    laterality: Text = None
    pathology: Text = None
    initial_qty: Number = None
    available_qty: Number = None
    concentration: Number = None
    freeze_thaw_cycles: Whole = None
    created_on: Instant = None
    comments: Text = None
    collection_status: Text = None
    container: Text = None
    position_y: Text = None
    position_x: Text = None
    position: Whole = None
    collection_date: Instant = None
    collection_procedure: Text = None
    collection_container: Text = None
    collector: Text = None
    received_date: Instant = None
    received_quality: Text = None
    receiver: Text = None
    created_by: UserSummary | None = None
    external_ids: list[SpecimenExternalId] | None = None
    extension_detail: dict[str, Any] | None = None
