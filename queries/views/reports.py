"""Reports of protocols and carts (spec 02 §A12, 03 §4.3)."""

from django.http import FileResponse
from rest_framework.request import Request

from biobank.wire.http import EMPTY, ApiView, operation
from biobank.wire.status import Effect
from queries import cart_reports, protocol_reports, runs
from queries.detail import ExportStarted
from queries.report_detail import CartReportQuery, ReportFileQuery, ReportSettingsDetail, ReportStarted
from queries.views.running import ZONE_HEADER


class Settings(ApiView):
    @operation("How reports of a protocol are made", answer=ReportSettingsDetail)
    def get(self, request: Request, pk: int) -> object:
        """An empty body when nobody has said so."""
        return protocol_reports.shown(pk, self.actor) or EMPTY

    @operation("Say how reports are made", body=ReportSettingsDetail, answer=ReportSettingsDetail)
    def put(self, request: Request, pk: int, body: ReportSettingsDetail) -> ReportSettingsDetail:
        return protocol_reports.save(pk, body, self.actor)

    @operation("Forget how reports are made", answer=ReportSettingsDetail)
    def delete(self, request: Request, pk: int) -> object:
        return protocol_reports.remove(pk, self.actor) or EMPTY


class Report(ApiView):
    @operation("Make a report", answer=ReportStarted, effect=Effect.ACTION)
    def post(self, request: Request, pk: int) -> ReportStarted:
        """Made in the background and announced by mail."""
        protocol_reports.start(pk, self.actor)
        return ReportStarted()

    @operation("Download a report", query=ReportFileQuery, answer="text/csv")
    def get(self, request: Request, pk: int, query: ReportFileQuery) -> FileResponse:
        return protocol_reports.fetched(pk, query.file_id, self.actor)


class CartReport(ApiView):
    @operation("Export a report of a cart", query=CartReportQuery, answer=ExportStarted | None)
    def get(self, request: Request, pk: int, query: CartReportQuery) -> ExportStarted | None:
        """Null when the setting `common/cart_specimens_rpt_query` names no saved query."""
        made = cart_reports.start(pk, query.specimen_id or [], self.actor, request.headers.get(ZONE_HEADER))
        if made is None:
            return None
        return ExportStarted(data_file=made.file_id, completed=runs.wait_for(made))
