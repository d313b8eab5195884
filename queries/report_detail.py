"""The wire shapes of reports of protocols (spec 02 §A12)."""

from typing import Any

from biobank.wire.detail import Flag, Payload, SparseDetail, Text, WholeList
from queries.detail import QuerySummary
from sessions_auth.detail import UserSummary
from specimens.protocol.detail.protocols import ProtocolSummary


class ReportSettingsDetail(SparseDetail):
    """On input `cp` is the one in the path; users and the query are named as everywhere."""

    cp: ProtocolSummary | None = None
    enabled: Flag = None
    recipients: list[UserSummary] | None = None
    data_query: QuerySummary | None = None
    metrics_cfg: Any = None
    email_tmpl: Text = None
    email_tmpl_key: Text = None


class ReportStarted(Payload):
    status: bool = True


class ReportFileQuery(Payload):
    file_id: Text = None


class CartReportQuery(Payload):
    specimen_id: WholeList = None
