"""`/scheduled-jobs` (spec 05 §7)."""

from django.http import FileResponse
from rest_framework.request import Request

from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count
from biobank.wire.status import Effect
from queries import scheduled
from queries.scheduled_detail import (
    JobFilter,
    RunArguments,
    RunDetail,
    RunFilter,
    ScheduledJobDetail,
)

_TAGS = ["scheduled-jobs"]


class JobList(ApiView):
    @operation("Scheduled jobs", query=JobFilter, answer=list[ScheduledJobDetail], tags=_TAGS)
    def get(self, request: Request, query: JobFilter) -> list[ScheduledJobDetail]:
        return [scheduled.detail(job) for job in query.page(scheduled.listed(query, self.actor))]

    @operation("Schedule a job", body=ScheduledJobDetail, answer=ScheduledJobDetail, tags=_TAGS)
    def post(self, request: Request, body: ScheduledJobDetail) -> ScheduledJobDetail:
        return scheduled.detail(scheduled.create(body, self.actor))


class JobCount(ApiView):
    @operation("How many jobs match", query=JobFilter, answer=Count, tags=_TAGS)
    def get(self, request: Request, query: JobFilter) -> Count:
        return Count(count=scheduled.listed(query, self.actor).count())


class JobOne(ApiView):
    @operation("A scheduled job", answer=ScheduledJobDetail, tags=_TAGS)
    def get(self, request: Request, pk: int) -> ScheduledJobDetail:
        return scheduled.detail(scheduled.scheduled_job(pk, self.actor))

    @operation("Replace a job", body=ScheduledJobDetail, answer=ScheduledJobDetail, tags=_TAGS)
    def put(self, request: Request, pk: int, body: ScheduledJobDetail) -> ScheduledJobDetail:
        return scheduled.detail(scheduled.update(pk, body, self.actor))

    @operation("Delete a job", answer=ScheduledJobDetail, tags=_TAGS)
    def delete(self, request: Request, pk: int) -> ScheduledJobDetail:
        return scheduled.detail(scheduled.delete(pk, self.actor))


class RunList(ApiView):
    @operation(
        "Run a job now",
        body=RunArguments,
        body_optional=True,
        answer=ScheduledJobDetail,
        effect=Effect.ACTION,
        tags=_TAGS,
    )
    def post(self, request: Request, pk: int, body: RunArguments) -> ScheduledJobDetail:
        """Answers at once; the run appears among the job's runs."""
        return scheduled.detail(scheduled.run_now(pk, body.args, self.actor))

    @operation("Runs of a job", query=RunFilter, answer=list[RunDetail], tags=_TAGS)
    def get(self, request: Request, pk: int, query: RunFilter) -> list[RunDetail]:
        job = scheduled.scheduled_job(pk, self.actor)
        return [scheduled.run_detail(run) for run in scheduled.runs(job, query, self.actor)]


class RunOne(ApiView):
    @operation("A run", answer=RunDetail, tags=_TAGS)
    def get(self, request: Request, pk: int, run: int) -> RunDetail:
        return scheduled.run_detail(scheduled.run(run, self.actor))


class RunResult(ApiView):
    @operation("The file a run wrote", answer="text/csv", tags=_TAGS)
    def get(self, request: Request, pk: int, run: int) -> FileResponse:
        path = scheduled.result_file(run, self.actor)
        kind = "application/zip" if path.suffix == ".zip" else "text/csv"
        return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type=kind)
