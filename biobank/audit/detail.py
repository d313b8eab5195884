"""The wire shapes of the audit (spec 01 §A.11)."""

from typing import Any

from biobank.wire.detail import Instant, Payload, SparseDetail, Text, TextList, Whole, WholeList
from biobank.wire.paging import Paged


class AuditedObject(Payload):
    """A record as clients name it: `site` and 12."""

    object_name: Text = None
    object_id: Whole = None


class RevisionQuery(AuditedObject, Paged):
    """A record, and which page of its revisions."""


class AuditUser(SparseDetail):
    """Who did it; without an id when the account is not known any more."""

    first_name: Text = None
    last_name: Text = None
    login_name: Text = None
    email_address: Text = None


class AuditSummary(SparseDetail):
    object_name: Text = None
    object_id: Whole = None
    created_by: AuditUser | None = None
    created_on: Instant = None
    last_updated_by: AuditUser | None = None
    last_updated_on: Instant = None
    revisions_count: Whole = None


class AuditChange(Payload):
    """One key and what became of it; dates are epoch milliseconds, references the id."""

    key: str
    old_value: Any = None
    new_value: Any = None


class Revision(SparseDetail):
    """What one transaction did to a record; `id` is the same for all records it changed."""

    id: Text = None  # type: ignore[assignment]
    object_name: Text = None
    object_id: Whole = None
    operation: Text = None  # CREATE, UPDATE, DELETE
    changed_by: AuditUser | None = None
    changed_on: Instant = None
    impersonated_by: AuditUser | None = None
    door: Text = None  # rest, import, admin, system
    ip_address: Text = None
    op_comments: Text = None
    changes: list[AuditChange] = []


class AuditedEntity(Payload):
    name: str
    label: str


class ReportRequest(Payload):
    """Which period, whose doings (all when left out), and which files (all when left out)."""

    start_date: Instant = None
    end_date: Instant = None
    user_ids: WholeList = None
    report_types: TextList = None


class ReportFile(Payload):
    """`fileId` is null when the report takes longer than a client is kept waiting: then it is mailed."""

    file_id: Text = None


class FileQuery(Payload):
    file_id: Text = None
