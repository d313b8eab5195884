"""Saved queries, schedules, runs, exports and the log of executions in the admin."""

import tempfile
from typing import Any, BinaryIO, ClassVar, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import action
from unfold.decorators import display as labelled

from biobank.access import Actor
from biobank.admin import ReadOnlyAdmin, RecordAdmin, actor_in
from biobank.wire.errors import Refused
from queries import audit, saved, scheduled, tree
from queries.aql import text_of
from queries.files import preamble
from queries.models import QueryAudit, QueryExport, QueryFolder, SavedQuery, ScheduledJob, ScheduledRun
from queries.requests import prepare
from queries.runner import execute, export
from queries.scheduled_detail import SavedQueryRef, ScheduledJobDetail
from sessions_auth.detail import UserSummary

SHOWN_ROWS = 100
_OUTCOMES = {"IN_PROGRESS": "info", "SUCCEEDED": "success", "FAILED": "danger"}


@admin.register(SavedQuery)
class SavedQueryAdmin(ReadOnlyAdmin):
    resource = "Query"
    list_display = ["title", "id", "protocol", "created_by", "last_modified_on", "activity_status"]
    list_filter = ["activity_status"]
    list_select_related = ["protocol", "created_by"]
    search_fields = ["title", "id"]
    ordering = ["-pk"]
    fields = [
        "title", "protocol", "aql", "wide_row_mode", "case_sensitive", "output_column_exprs", "created_by",
        "last_modified_by", "last_modified_on", "activity_status",
    ]  # fmt: skip
    actions_detail = ["run", "csv"]

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(saved.visible_to(actor))

    @admin.display(description="Query")
    def aql(self, query: SavedQuery) -> str:
        try:
            return text_of(saved.definition(query), saved.lookup)
        except Refused as refused:
            return _told(refused)

    @action(description="Run", url_path="run", icon="play_arrow")  # type: ignore[untyped-decorator]
    def run(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The first rows of the result, as the API would answer them to this user."""
        query = self._query(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": query.title,
            "opts": self.opts,
            "original": query,
        }
        try:
            actor = actor_in(request)
            question = saved.question(query, run_type="Data", limit=tree.Limit(0, SHOWN_ROWS))
            context["result"] = execute(prepare(question, actor), actor)
        except Refused as refused:
            self.message_user(request, _told(refused), level="ERROR")
        return TemplateResponse(request, "admin/query_result.html", context)

    @action(description="Download CSV", url_path="csv", icon="download")  # type: ignore[untyped-decorator]
    def csv(self, request: HttpRequest, object_id: str) -> HttpResponse | FileResponse:
        """The whole result, written to a temporary file and sent from there."""
        query, actor = self._query(request, object_id), actor_in(request)
        try:
            prepared = prepare(saved.question(query, run_type="Export"), actor)
            file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - the answer closes it
            export(prepared, actor, file, preamble(prepared, actor))
        except Refused as refused:
            self.message_user(request, _told(refused), level="ERROR")
            return redirect("admin:queries_savedquery_change", object_id)
        file.seek(0)
        return FileResponse(
            file, as_attachment=True, filename=f"query_{query.pk}.csv", content_type="text/csv"
        )

    def _query(self, request: HttpRequest, object_id: str) -> SavedQuery:
        found = cast(SavedQuery | None, self.get_object(request, object_id))
        if found is None:
            raise Http404
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        return found


@admin.register(QueryFolder)
class QueryFolderAdmin(ReadOnlyAdmin):
    resource = "Query"
    list_display = ["name", "owner", "shared_with_all", "allow_edits_by_shared_users"]
    list_select_related = ["owner"]
    search_fields = ["name"]
    fields = ["name", "owner", "shared_with_all", "allow_edits_by_shared_users", "shared_with", "queries"]


# --- Schedules ------------------------------------------------------------------------------------------


class ScheduledJobForm(ModelForm):  # type: ignore[type-arg]
    """Checks what the API checks, and says it in the same words."""

    actor: ClassVar[Actor]
    instance: ScheduledJob

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if not self.errors:
            self.detail = _detail(found)
            try:
                scheduled.refuse_bad(self.instance, self.detail)
            except Refused as refused:
                for problem in refused.problems:
                    self.add_error(None, f"{problem.message} ({problem.code})")
        return found

    def _post_clean(self) -> None:
        """`refuse_bad` has validated; the model's own validation would only repeat it in other words."""


def _detail(given: dict[str, Any]) -> ScheduledJobDetail:
    data = dict(given)
    query, run_as = data.pop("saved_query"), data.pop("run_as")
    people, shared = data.pop("recipients"), data.pop("shared_with")
    blank = {name: None if value == "" else value for name, value in data.items()}
    return ScheduledJobDetail(
        **blank,
        type="QUERY",
        saved_query=SavedQueryRef(id=query.pk) if query else None,
        run_as=UserSummary(id=run_as.pk) if run_as else None,
        recipients=[UserSummary(id=user.pk) for user in people],
        shared_with=[UserSummary(id=user.pk) for user in shared],
    )


@admin.register(ScheduledJob)
class ScheduledJobAdmin(RecordAdmin):
    resource = "ScheduledJob"
    form = ScheduledJobForm
    list_display = ["name", "saved_query", "repeat_schedule", "next_run", "runs_link", "activity_status"]
    list_filter = ["repeat_schedule", "activity_status"]
    list_select_related = ["saved_query", "due"]
    search_fields = ["name"]
    ordering = ["-pk"]
    autocomplete_fields = ["saved_query", "run_as"]
    filter_horizontal = ["recipients", "shared_with"]
    fields = [
        "name", "saved_query", "repeat_schedule", ("minutely_interval", "hourly_interval"),
        ("scheduled_hour", "scheduled_minute"), ("scheduled_day_of_week", "scheduled_day_of_month"),
        ("start_date", "end_date"), "run_as", "recipients", "shared_with", "activity_status",
    ]  # fmt: skip
    actions_detail = ["run_now"]

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(pk__in=scheduled.living(actor).values("pk"))

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:  # type: ignore[type-arg]
        made: type[ModelForm] = super().get_form(request, obj, change, **kwargs)  # type: ignore[type-arg]
        return type(made.__name__, (made,), {"actor": actor_in(request)})

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        return form.instance

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor = actor_in(request)
        written = (
            scheduled.update(obj.pk, form.detail, actor) if change else scheduled.create(form.detail, actor)
        )
        obj.pk = written.pk
        obj.refresh_from_db()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Written with the job."""

    @admin.display(description="Next run")
    def next_run(self, job: ScheduledJob) -> Any:
        due = getattr(job, "due", None)
        return due.at if due is not None else None

    @admin.display(description="Runs")
    def runs_link(self, job: ScheduledJob) -> str:
        url = reverse("admin:queries_scheduledrun_changelist")
        return format_html('<a href="{}?job__id__exact={}">Runs</a>', url, job.pk)

    @action(  # type: ignore[untyped-decorator]
        description="Run now",
        url_path="run-now",
        icon="play_arrow",
        dialog={
            "title": "Run now?",
            "description": "The query runs in the background with your rights.",
            "form_class": None,
            "form_submit_text": "Run",
        },
    )
    def run_now(self, request: HttpRequest, form: object, object_id: str) -> HttpResponse:
        try:
            scheduled.run_now(int(object_id), None, actor_in(request))
            self.message_user(request, "The run has been put into the queue.")
        except Refused as refused:
            self.message_user(request, _told(refused), level="ERROR")
        return redirect(f"{reverse('admin:queries_scheduledrun_changelist')}?job__id__exact={object_id}")


@admin.register(ScheduledRun)
class ScheduledRunAdmin(ReadOnlyAdmin):
    resource = "ScheduledJob"
    list_display = ["id", "job", "outcome", "run_by", "started_at", "finished_at", "row_count", "file"]
    list_filter = ["state", ("job", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["job", "run_by"]
    ordering = ["-pk"]
    fields = [
        "job", "state", "due_at", "run_by", "rt_args", "created_at", "started_at", "finished_at", "row_count", "file",
        "error",
    ]  # fmt: skip

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(run_by=actor.user_id)

    @labelled(description="Status", label=_OUTCOMES)  # type: ignore[untyped-decorator]
    def outcome(self, run: ScheduledRun) -> str:
        return run.status

    @admin.display(description="Result")
    def file(self, run: ScheduledRun) -> str:
        if not run.file_name:
            return "–"
        url = reverse("admin:queries_scheduledrun_file", args=[run.pk])
        return format_html('<a href="{}">{}</a>', url, run.file_name)

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<int:pk>/file/", self.admin_site.admin_view(self.download), name="queries_scheduledrun_file"
        )
        return [own, *super().get_urls()]

    def download(self, request: HttpRequest, pk: int) -> HttpResponse | FileResponse:
        try:
            found = scheduled.result_file(pk, actor_in(request))
        except Refused as refused:
            self.message_user(request, _told(refused), level="ERROR")
            return redirect("admin:queries_scheduledrun_changelist")
        return FileResponse(found.open("rb"), as_attachment=True, filename=found.name)


# --- Exports and executions -------------------------------------------------------------------------------


@admin.register(QueryExport)
class QueryExportAdmin(ReadOnlyAdmin):
    resource = "Query"
    list_display = ["file_id", "state", "created_by", "created_at", "finished_at"]
    list_filter = ["state"]
    list_select_related = ["created_by"]
    ordering = ["-pk"]
    fields = ["file_id", "state", "created_by", "created_at", "started_at", "finished_at", "error"]

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(created_by=actor.user_id)


@admin.register(QueryAudit)
class QueryAuditAdmin(ReadOnlyAdmin):
    resource = "Query"
    list_display = ["id", "query", "run_by", "run_type", "at", "milliseconds", "record_count"]
    list_filter = ["run_type"]
    list_select_related = ["query", "run_by"]
    search_fields = ["query__title"]
    ordering = ["-pk"]
    fields = ["query", "run_by", "run_type", "at", "milliseconds", "record_count", "aql", "sql"]

    def visible(self, rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
        return rows.filter(pk__in=audit.visible(actor).values("pk"))


def _told(refused: Refused) -> str:
    return "; ".join(f"{problem.message} ({problem.code})" for problem in refused.problems)
