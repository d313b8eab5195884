"""`/visits/{id}/spr-…`: surgical pathology reports (spec 03 §2.7)."""

from django.http import HttpResponse, HttpResponseBase
from rest_framework.request import Request

from biobank.files.plain_pdf import as_pdf
from biobank.wire.errors import INVALID_INPUT, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.status import Effect
from biobank.wire.uploads import UploadView, download, file_part, header_safe
from specimens.visit import rules
from specimens.visit.detail import ReportLock, ReportLocked, ReportQuery, ReportText
from specimens.visit.reads import reports
from specimens.visit.writes import reports as writing


class ReportFile(UploadView):
    @operation("Download a visit's pathology report", query=ReportQuery, answer="application/octet-stream")
    def get(self, request: Request, pk: int, query: ReportQuery) -> HttpResponseBase:
        """A text is given as it is stored, with `type=pdf` as a PDF document; other files as they are."""
        if query.type not in (None, "", "text", "pdf"):
            raise Refused(INVALID_INPUT(name="type", value=query.type))
        row = reports.readable(self.actor, pk)
        if query.type == "pdf" and (text := reports.text(row)) is not None:
            return _as_attachment(as_pdf(text), reports.download_name(row, ".pdf"), rules.PDF)
        return download(reports.stored(row), reports.download_name(row), reports.kind(row), rules.REPORT_LOST)

    @operation("Keep a visit's pathology report", upload=True, answer=str, effect=Effect.ACTION)
    def post(self, request: Request, pk: int) -> str:
        part = file_part(request)
        return writing.upload(pk, part, getattr(part, "content_type", None), self.actor)

    @operation("Delete a visit's pathology report", answer=bool)
    def delete(self, request: Request, pk: int) -> bool:
        writing.delete(pk, self.actor)
        return True


class ReportTexts(ApiView):
    @operation("The words of a visit's pathology report; null when it is not a text", answer=str | None)
    def get(self, request: Request, pk: int) -> str | None:
        return reports.text(reports.readable(self.actor, pk))

    @operation("Change the words of a visit's pathology report", body=ReportText, answer=str)
    def put(self, request: Request, pk: int, body: ReportText) -> str:
        return writing.write_text(pk, body.spr_text, self.actor)


class ReportLocks(ApiView):
    @operation(
        "Lock or unlock a visit's pathology report",
        body=ReportLock,
        answer=ReportLocked,
        effect=Effect.ACTION,
    )
    def put(self, request: Request, pk: int, body: ReportLock) -> ReportLocked:
        row = writing.lock(pk, bool(body.locked), self.actor)
        return ReportLocked(visit_id=row.pk, visit_name=row.name, locked=row.spr_locked)


def _as_attachment(content: bytes, name: str, content_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment;filename="{header_safe(name)}"'
    return response
