"""The import wizard of the admin: a file, how it is understood, a trial, the run, and what is left to put right.

choose (add)  ->  look  ->  dry run  ->  the job's page  ->  repair  ->  the job's page
                    |_______________________^
"""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from biobank.admin import RecordAdmin, actor_in
from biobank.wire.errors import Refused
from importjobs import layouts, problems, reads, uploads
from importjobs.detail import PreviewRequest, Retry
from importjobs.errors import Malformed
from importjobs.forms import FileForm, ReadingForm, Repair, kinds, tell
from importjobs.models import ImportJob, Upload
from importjobs.preview import Preview, preview
from importjobs.retry import failed_rows, in_earnest, retry

CSV = "text/csv; charset=utf-8"


class ImportWizard(RecordAdmin):
    """The steps as pages; the list and the job's own page are in `admin`."""

    def wizard_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("look/<uuid:file_id>/", wrap(self.look_view), name="importjobs_look"),
            path("<int:pk>/earnest/", wrap(require_POST(self.earnest_view)), name="importjobs_earnest"),
            path("<int:pk>/again/", wrap(require_POST(self.again_view)), name="importjobs_again"),
            path("<int:pk>/repair/", wrap(self.repair_view), name="importjobs_repair"),
            path("<int:pk>/failed-rows/", wrap(self.failed_rows_view), name="importjobs_failed_rows"),
            path("<int:pk>/errors/", wrap(self.errors_view), name="importjobs_errors"),
        ]

    # --- Before the run -----------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The first step: what is to be imported."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = FileForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            upload = form.store(actor_in(request))
            if upload is not None:
                chosen = {name: form.cleaned_data[name] for name in ("object_type", "import_type")}
                return HttpResponseRedirect(_look_url(upload, chosen))
        return self.page(request, "upload.html", "Import a file", form=form, kinds=kinds())

    def look_view(self, request: HttpRequest, file_id: UUID) -> HttpResponse:
        """The second step: how the file is understood, and what to do with it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        actor = actor_in(request)
        try:
            upload = uploads.find(str(file_id), actor)
        except Malformed as error:
            messages.error(request, f"Upload the file again: {error}.")
            return HttpResponseRedirect(reverse("admin:importjobs_importjob_add"))
        form = ReadingForm(request.POST if request.method == "POST" else _with_defaults(request))
        seen: Preview | None = None
        if form.is_valid():
            action = request.POST.get("action")
            if action in ("run", "try"):
                job = form.start(upload, actor, dry_run=action == "try")
                if job is not None:
                    return HttpResponseRedirect(_job_url(job.pk))
            try:
                seen = preview(PreviewRequest(**form.request(upload)), actor, None)
            except Refused as refused:
                if not form.non_field_errors():
                    tell(form, refused)
        title = f"Import {upload.filename}"
        return self.page(
            request,
            "look.html",
            title,
            form=form,
            seen=seen,
            wrong=_wrong_cells(seen),
            steps=_steps(2),
        )

    # --- After the run ------------------------------------------------------------------------------

    def earnest_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What a dry run tried, now to be saved."""
        return self._restarted(request, pk, lambda job: in_earnest(job, actor_in(request)))

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The rows that are still to do, as they are, or those of a repaired file."""
        file = request.FILES.get("file")

        def start(job: ImportJob) -> Any:
            actor = actor_in(request)
            file_id = None if file is None else str(uploads.store(file, actor).pk)
            return retry(job, Retry(input_file_id=file_id), actor)

        return self._restarted(request, pk, start)

    def repair_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The cells of the first rows that are still to do, to be put right; then all of them run again."""
        actor = actor_in(request)

        def repair(job: ImportJob) -> Repair:
            return Repair(failed_rows(job), layouts.separator(job.field_separator))

        if request.method == "POST":

            def start(job: ImportJob) -> Any:
                blocks = repair(job).repaired(request.POST)
                made = uploads.derive(Upload.objects.get(job=job), blocks, actor)
                return retry(job, Retry(input_file_id=str(made.pk)), actor)

            return self._restarted(request, pk, start)
        try:
            job = reads.job(pk, actor)
            form = repair(job)
        except Refused as refused:
            return self._told(request, pk, refused)
        found = problems.errors(job, 0, len(form.shown))
        return self.page(
            request,
            "repair.html",
            f"Put right: {reads.display_name(job)}",
            job=job,
            header=form.header,
            rows=_beside(form, found.rows),
            total=found.total,
            shown=len(form.shown),
        )

    def failed_rows_view(self, request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
        try:
            lines = failed_rows(reads.job(pk, actor_in(request)))
        except Refused as refused:
            return self._told(request, pk, refused)
        return _attachment(lines, f"BulkImportJob_{pk}_failed.csv")

    def errors_view(self, request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
        try:
            lines = problems.errors_csv(reads.job(pk, actor_in(request)))
        except Refused as refused:
            return self._told(request, pk, refused)
        return _attachment(lines, f"BulkImportJob_{pk}_errors.csv")

    def _restarted(self, request: HttpRequest, pk: int, start: Any) -> HttpResponse:
        """To the page of the job that `start` makes, or back with the reason why not."""
        try:
            made = start(reads.job(pk, actor_in(request)))
        except Refused as refused:
            return self._told(request, pk, refused)
        if isinstance(made, ImportJob):
            return HttpResponseRedirect(_job_url(made.pk))
        messages.error(request, f"Too many rows for this kind of job: {made.total_records} ({made.status}).")
        return HttpResponseRedirect(_job_url(pk))

    def _told(self, request: HttpRequest, pk: int, refused: Refused) -> HttpResponse:
        for problem in refused.problems:
            messages.error(request, f"{problem.message} ({problem.code})")
        return HttpResponseRedirect(_job_url(pk))

    def page(self, request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
        return TemplateResponse(
            request,
            f"admin/importjobs/importjob/{template}",
            {
                **self.admin_site.each_context(request),
                "title": title,
                "opts": self.opts,
                "media": self.media,
                **context,
            },
        )


def _look_url(upload: Upload, chosen: dict[str, Any]) -> str:
    return f"{reverse('admin:importjobs_look', args=[upload.pk])}?{urlencode(chosen)}"


def _job_url(pk: int) -> str:
    return reverse("admin:importjobs_importjob_change", args=[pk])


def _attachment(lines: Any, name: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(lines, content_type=CSV)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _with_defaults(request: HttpRequest) -> dict[str, Any]:
    """What the first step chose, and defaults for the rest."""
    defaults = {name: field.initial for name, field in ReadingForm.base_fields.items() if field.initial}
    return {**defaults, **request.GET.dict()}


def _steps(now: int) -> list[tuple[str, bool]]:
    return [(name, number == now) for number, name in enumerate(("File", "Look", "Run"), 1)]


def _wrong_cells(seen: Preview | None) -> list[tuple[int | None, list[tuple[str, str]], str]]:
    """Each row of the preview: its number, cells with what is wrong with them, and what is wrong with it as a whole."""
    if seen is None:
        return []
    found = []
    for row in seen.rows:
        by_column = {mistake.column: mistake.message or "" for mistake in row.mistakes}
        cells = [(text, by_column.get(index, "")) for index, text in enumerate(row.cells)]
        found.append((row.row, cells, by_column.get(None, "")))
    return found


def _beside(form: Repair, wrong: Any) -> list[dict[str, Any]]:
    """Cells of rows beside what was wrong with them: both come in the order of the file."""
    found = []
    for place, cells in enumerate(form.cells()):
        own = wrong[place] if place < len(wrong) else None
        by_caption = {} if own is None else {p.column: p.message for p in own.problems if p.column}
        found.append(
            {
                "number": None if own is None else own.row,
                "messages": [] if own is None else [p.message for p in own.problems],
                "cells": [
                    (name, text, caption, by_caption.get(caption, ""))
                    for (name, text), caption in zip(cells, form.header, strict=True)
                ],
            }
        )
    return found
