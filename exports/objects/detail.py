"""The wire shapes of export jobs (spec 04 §6.1, §6.2)."""

from biobank.wire.detail import Detail, Flag, Instant, Payload, Text, TextMap, Whole, WholeList
from sessions_auth.detail import UserSummary


class NewExport(Payload):
    """What `POST /export-jobs` takes."""

    object_type: Text = None
    params: TextMap = {}
    record_ids: WholeList = None
    disable_notifs: Flag = False
    synchronous: Flag = False


class ExportJobDetail(Detail):
    """An export job; null keys are printed. `totalRecords` is null in the answer of the call that starts it."""

    name: Text = None
    status: Text = None
    total_records: Whole = None
    created_by: UserSummary | None = None
    creation_time: Instant = None
    end_time: Instant = None
    params: TextMap | None = None
