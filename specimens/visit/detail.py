"""The wire shapes of visits (spec 03 §2)."""

from typing import Any

from biobank.wire.detail import Flag, Instant, Payload, SparseDetail, Text, TextList, Whole
from biobank.wire.paging import Paged
from sessions_auth.detail import UserSummary
from specimens.participant.detail import RegistrationDetail


class DiagnosisDetail(SparseDetail):
    """A clinical diagnosis as a permissible value; `conceptCode` is printed even when null."""

    NULLS = frozenset({"conceptCode"})

    value: Text = None
    attribute: Text = None
    concept_code: Text = None
    props: dict[str, Any] | None = None
    activity_status: Text = None


class VisitDetail(SparseDetail):
    """A visit, or an event still to come (then without id, name, status and date): spec 03 §2.2, §2.6."""

    cpr_id: Whole = None
    cp_id: Whole = None
    cp_title: Text = None
    cp_short_title: Text = None
    ppid: Text = None
    event_id: Whole = None
    event_label: Text = None
    event_code: Text = None
    event_point: Whole = None
    event_point_unit: Text = None
    name: Text = None
    status: Text = None
    visit_date: Instant = None
    anticipated_visit_date: Instant = None
    site: Text = None
    clinical_diagnoses: TextList = None
    diagnosis_list: list[DiagnosisDetail] | None = None
    clinical_status: Text = None
    cohort: Text = None
    surgical_pathology_number: Text = None
    spr_name: Text = None
    spr_locked: Flag = None
    comments: Text = None
    missed_reason: Text = None
    missed_by: UserSummary | None = None
    activity_status: Text = None
    code: Text = None
    extension_detail: dict[str, Any] | None = None
    force_delete: Flag = False
    total_pending_spmns: Whole = 0
    pending_primary_spmns: Whole = 0
    planned_primary_spmns_coll: Whole = 0
    uncollected_primary_spmns: Whole = 0
    unplanned_primary_spmns_coll: Whole = 0
    stored_specimens: Whole = 0
    not_stored_specimens: Whole = 0
    distributed_specimens: Whole = 0
    closed_specimens: Whole = 0
    description: Text = None
    lookup_visits_by_name: Flag = None
    op_comments: Text = None


class VisitsQuery(Payload):
    """Parameters of the list of a registration's visits."""

    cpr_id: Whole = None
    include_stats: Flag = False
    sort_by_dates: Flag = False


class VisitNamesQuery(Paged):
    """Parameters of the list by names."""

    name: TextList = None
    include_extensions: Flag = False


class VisitSearchQuery(Payload):
    """Parameters of the search by name or accession number."""

    visit_name: Text = None
    spr_number: Text = None


class VisitMatchQuery(Payload):
    """Which registrations of a protocol are wanted: `attr` says what `value` is."""

    cp_id: Whole = None
    attr: Text = None
    value: Text = None


class VisitMatch(Payload):
    cpr: RegistrationDetail
    visits: list[VisitDetail]


class ReportQuery(Payload):
    """`type` of a pathology report's download: `text` (as it is stored) or `pdf`."""

    type: Text = None


class ReportText(Payload):
    spr_text: Text = None


class ReportLock(Payload):
    locked: Flag = None


class ReportLocked(Payload):
    """Whether a visit's pathology report may still be changed."""

    visit_id: Whole = None
    visit_name: Text = None
    locked: Flag = None
