"""Export jobs in the admin: choose what to export, watch the job, download its file."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display

from biobank.access import Actor
from biobank.admin import RecordAdmin, actor_in, known_values
from biobank.batch import schema as schemas
from biobank.jobs.models import State
from biobank.wire.errors import Refused
from exports.objects import reads
from exports.objects.building import ZONE
from exports.objects.forms import ExportForm
from exports.objects.models import ObjectExport
from exports.objects.views import attachment

_COLOURS = {"COMPLETED": "success", "FAILED": "danger", "STOPPED": "warning", "IN_PROGRESS": "info"}


@admin.register(ObjectExport)
class ObjectExportAdmin(RecordAdmin):
    """Creators see their jobs and those shared with them, super administrators all."""

    list_display = ["title", "shown_status", "records", "created_by", "created_at"]
    list_display_links = ["title"]
    list_filter = [("name", known_values(schemas.exportable)), "state"]
    list_select_related = ["created_by"]
    search_fields = ["name"]
    ordering = ["-id"]

    class Media:
        js = ["biobank/export-progress.js"]

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(reads.visible(actor))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_add_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The right to export and to import is one (spec 04 §1.2)."""
        return bool(request.user.is_authenticated and actor_in(request).may_import)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @display(description="Job", ordering="id")  # type: ignore[untyped-decorator]
    def title(self, job: ObjectExport) -> str:
        return reads.title(job)

    @display(description="Status", label=_COLOURS)  # type: ignore[untyped-decorator]
    def shown_status(self, job: ObjectExport) -> str:
        return job.status

    # --- Pages --------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("<int:pk>/progress/", wrap(self.progress_view), name="exports_objects_progress"),
            path("<int:pk>/output/", wrap(self.output_view), name="exports_objects_output"),
        ]
        return [*own, *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Choose what to export; the job is the one the call would make."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ExportForm(actor_in(request), request.POST or None)
        if request.method == "POST" and form.is_valid() and (job := form.start()) is not None:
            return HttpResponseRedirect(_job_url(job.pk))
        return self._page(request, "choose.html", "Export records", form=form)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One job: live while it runs, then with its file."""
        try:
            job = self._job(request, int(object_id))
        except (Refused, ValueError):
            return self._unknown(request)
        return self._page(
            request,
            "job.html",
            reads.title(job),
            original=job,
            job=job,
            now=_progress(job),
            gone=job.state == State.DONE and not reads.has_file(job),
            params={name: value for name, value in job.params.items() if name != ZONE},
        )

    def progress_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        """How far the job is; 404 for those who may not see it."""
        try:
            return JsonResponse(_progress(self._job(request, pk)))
        except Refused:
            return JsonResponse({}, status=404)

    def output_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        try:
            job = self._job(request, pk)
        except Refused:
            return self._unknown(request)
        try:
            return attachment(job)
        except Refused as refused:
            messages.error(request, ", ".join(problem.message for problem in refused.problems))
            return HttpResponseRedirect(_job_url(pk))

    def _job(self, request: HttpRequest, pk: int) -> ObjectExport:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return reads.job(pk, actor_in(request))

    def _unknown(self, request: HttpRequest) -> HttpResponse:
        messages.error(request, "There is no such export job, or it belongs to somebody else.")
        return HttpResponseRedirect(reverse("admin:exports_objectexport_changelist"))

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
        return TemplateResponse(
            request,
            f"admin/exports/objectexport/{template}",
            {
                **self.admin_site.each_context(request),
                "title": title,
                "opts": self.opts,
                "media": self.media,
                **context,
            },
        )


def _job_url(pk: int) -> str:
    return reverse("admin:exports_objectexport_change", args=[pk])


def _progress(job: ObjectExport) -> dict[str, Any]:
    return {
        "status": job.status,
        "over": job.is_over,
        "records": reads.records(job),
        "error": job.error,
    }
