"""Import jobs in the admin: upload a file, watch the job, read its report."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display

from biobank.access import Actor
from biobank.admin import actor_in
from biobank.batch import schema as schemas
from biobank.charts import Bar, bars
from biobank.jobs.models import State
from biobank.tabular.captions import captions
from biobank.tabular.lines import csv_lines
from biobank.wire.errors import Refused
from importjobs import layouts, problems, reads
from importjobs.models import ImportJob
from importjobs.progress import progress
from importjobs.report import report
from importjobs.wizard import ImportWizard

SHOWN_FAILURES = 50
SHOWN_COLUMNS = 12
_COLOURS = {
    "COMPLETED": "success",
    "FAILED": "danger",
    "STOPPED": "warning",
    "IN_PROGRESS": "info",
}


@admin.register(ImportJob)
class ImportJobAdmin(ImportWizard):
    """Creators see their jobs, institute administrators those of their institute, super administrators all."""

    list_display = [
        "title",
        "shown_status",
        "shown_progress",
        "failed",
        "filename",
        "created_by",
        "created_at",
    ]
    list_display_links = ["title"]
    list_filter = ["name", "type", "state", "atomic"]
    list_select_related = ["created_by"]
    search_fields = ["filename", "name"]
    ordering = ["-id"]

    class Media:
        js = ["biobank/import-progress.js", "biobank/import-drop.js"]

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(pk__in=reads.visible_jobs(actor).values("pk"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_authenticated and actor_in(request).may_import)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_add_permission(request)

    # --- The list -----------------------------------------------------------------------------------

    @display(description="Job", ordering="id")  # type: ignore[untyped-decorator]
    def title(self, job: ImportJob) -> str:
        return reads.display_name(job)

    @display(description="Status", label=_COLOURS)  # type: ignore[untyped-decorator]
    def shown_status(self, job: ImportJob) -> str:
        return job.status

    @display(description="Progress")  # type: ignore[untyped-decorator]
    def shown_progress(self, job: ImportJob) -> str:
        now = progress(job)
        return format_html(
            '<span data-import-job="{}" data-import-over="{}" data-import-url="{}">'
            '<progress max="100" value="{}" style="accent-color: var(--color-primary-600)"></progress> '
            "<span data-import-count>{} / {}</span></span>",
            job.pk, str(now["over"]).lower(), reverse("admin:importjobs_progress"),
            now["percent"], now["done"], now["rows"],
        )  # fmt: skip

    # --- Pages --------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("progress/", wrap(self.progress_view), name="importjobs_progress"),
            path("template/<slug:name>.csv", wrap(self.template_view), name="importjobs_template"),
            path("<int:pk>/stop/", wrap(require_POST(self.stop_view)), name="importjobs_stop"),
            path("<int:pk>/report/", wrap(self.report_view), name="importjobs_report"),
        ]
        return [*own, *self.wizard_urls(), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One job: live while it runs, then with its report."""
        try:
            job = reads.job(int(object_id), actor_in(request))
        except (Refused, ValueError):
            return self._unknown(request)
        return self.page(
            request,
            "job.html",
            reads.display_name(job),
            original=job,
            job=job,
            now=progress(job),
            problems=problems.errors(job, 0, SHOWN_FAILURES) if job.wrong else None,
            chart=_rejected(job),
            to_do=job.is_over and bool(job.wrong or job.state != State.DONE),
        )

    def progress_view(self, request: HttpRequest) -> JsonResponse:
        """`?id=1&id=2`: how far these jobs are, those the caller may see."""
        ids = [int(text) for text in request.GET.getlist("id")[:200] if text.isdecimal()]
        jobs = reads.visible_jobs(actor_in(request)).filter(pk__in=ids)
        return JsonResponse({"jobs": [progress(job) for job in jobs]})

    def template_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """The header that a schema's files may have."""
        schema = schemas.find(name)
        if schema is None:
            raise Http404
        lines = csv_lines([list(captions(schema.columns))], layouts.SEPARATOR)
        return HttpResponse(
            b"".join(lines),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        try:
            reads.stop(reads.job(pk, actor_in(request)))
        except Refused as refused:
            messages.error(request, ", ".join(problem.message for problem in refused.problems))
        return HttpResponseRedirect(reverse("admin:importjobs_importjob_change", args=[pk]))

    def report_view(self, request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
        try:
            lines = report(reads.job(pk, actor_in(request)))
        except Refused as refused:
            messages.error(request, ", ".join(problem.message for problem in refused.problems))
            return HttpResponseRedirect(reverse("admin:importjobs_importjob_changelist"))
        answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="BulkImportJob_{pk}.csv"'
        return answer

    def _unknown(self, request: HttpRequest) -> HttpResponse:
        messages.error(request, "There is no such import job, or it belongs to somebody else.")
        return HttpResponseRedirect(reverse("admin:importjobs_importjob_changelist"))


def _rejected(job: ImportJob) -> SafeString | None:
    """Rejected cells by column as a picture."""
    if not job.wrong:
        return None
    columns = problems.statistics(job).columns[:SHOWN_COLUMNS]
    drawn = [Bar(column.column or "the row as a whole", column.count or 0) for column in columns]
    return bars("What was rejected, by column", drawn, of="Column") if drawn else None
