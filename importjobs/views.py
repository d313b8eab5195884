"""`/import-jobs` (spec 04 §1); every success is 200, whatever the mode."""

import re
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from rest_framework.request import Request

from biobank.tabular.captions import captions
from biobank.tabular.lines import csv_lines
from biobank.wire.errors import ACCESS_DENIED, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.status import Effect
from biobank.wire.uploads import UploadView, file_part
from importjobs import adhoc, catalogue, layouts, problems, reads, scheduled, uploads
from importjobs.catalogue import SchemaPage, SchemaSummary
from importjobs.detail import (
    JobDetail,
    JobProgress,
    JobQuery,
    NewJob,
    PreviewRequest,
    ProblemsPage,
    ProblemsQuery,
    RecordField,
    RecordsRequest,
    Retry,
    Scheduled,
    Statistics,
    TemplateQuery,
    UploadedFile,
)
from importjobs.errors import FILE_MISSING
from importjobs.idempotency import submit_once
from importjobs.models import ImportJob
from importjobs.preview import Preview as PreviewAnswer
from importjobs.preview import preview
from importjobs.progress import progress
from importjobs.report import report
from importjobs.retry import failed_rows, retry
from importjobs.submit import find_schema

CSV = "application/csv"
NO_ROOM = {507: "No room on the server's disk"}


def _attachment(response: HttpResponse | StreamingHttpResponse, filename: str) -> Any:
    response["Content-Disposition"] = f"attachment;filename={re.sub(r'[^A-Za-z0-9._-]', '', filename)}"
    return response


class Template(ApiView):
    @operation("Header of a schema's CSV", query=TemplateQuery, answer=CSV)
    def get(self, request: Request, query: TemplateQuery) -> HttpResponse:
        schema = find_schema(query.schema_)
        columns = schema.columns_with(request.query_params.dict())
        separator = layouts.separator(query.field_separator)
        line = b"".join(csv_lines([list(captions(columns))], separator))
        named = (
            f"{query.form_name}_{query.entity_type}" if query.form_name and query.entity_type else schema.name
        )
        return _attachment(HttpResponse(line, content_type=CSV), f"{named}.csv")  # type: ignore[no-any-return]


class SchemaList(ApiView):
    @operation("What can be imported", answer=list[SchemaSummary])
    def get(self, request: Request) -> list[SchemaSummary]:
        return catalogue.summaries()


class SchemaOne(ApiView):
    @operation("The columns of a schema", answer=SchemaPage)
    def get(self, request: Request, name: str) -> SchemaPage:
        """Parameters are those a job would have: `cpId` and others change the columns of some schemas."""
        return catalogue.page(find_schema(name), request.query_params.dict())


class InputFile(UploadView):
    @operation("Store an input file", upload=True, answer=UploadedFile, answers=NO_ROOM, effect=Effect.ACTION)
    def post(self, request: Request) -> UploadedFile:
        if not self.actor.may_import:
            raise Refused(ACCESS_DENIED())
        upload = uploads.store(file_part(request, FILE_MISSING), self.actor)
        return UploadedFile(file_id=str(upload.id), filename=upload.filename)


class JobList(ApiView):
    @operation(
        "Import jobs, newest first",
        query=JobQuery,
        answer=list[JobDetail],
        description="Any other parameter is matched against the jobs' params; one match is enough.",
    )
    def get(self, request: Request, query: JobQuery) -> list[JobDetail]:
        return reads.details(reads.listed_jobs(query, reads.other_parameters(request), self.actor))

    @operation(
        "Create and queue an import job",
        body=NewJob,
        answer=JobDetail,
        answers={422: "The idempotency key was used for another request", **NO_ROOM},
        effect=Effect.ACTION,
    )
    def post(self, request: Request, body: NewJob) -> JobDetail:
        """A file too large for the kind of job is answered with its size and a status, and no job is made.

        The same request with the same `Idempotency-Key` header answers the job it made before.
        """
        headers = request.headers
        found = submit_once(headers.get("Idempotency-Key"), body, self.actor, headers.get("X-OS-CLIENT-TZ"))
        return reads.details([found])[0] if isinstance(found, ImportJob) else found


class JobOne(ApiView):
    @operation("An import job", answer=JobDetail)
    def get(self, request: Request, pk: int) -> JobDetail:
        return reads.details([reads.job(pk, self.actor)])[0]


class JobOutput(ApiView):
    @operation("The report: input rows and what became of them", answer=CSV)
    def get(self, request: Request, pk: int) -> StreamingHttpResponse:
        lines = report(reads.job(pk, self.actor))
        return _attachment(  # type: ignore[no-any-return]
            StreamingHttpResponse(lines, content_type=CSV), f"BulkImportJob_{pk}.csv"
        )


class JobProgressView(ApiView):
    @operation("How far a job is", answer=JobProgress)
    def get(self, request: Request, pk: int) -> JobProgress:
        return JobProgress.model_validate(progress(reads.job(pk, self.actor)))


class JobProblems(ApiView):
    @operation(
        "Rows that failed, with column, value, code, message and hint",
        query=ProblemsQuery,
        answer=ProblemsPage,
    )
    def get(self, request: Request, pk: int, query: ProblemsQuery) -> ProblemsPage | StreamingHttpResponse:
        """`format=csv` or `Accept: text/csv` answers all of them as CSV."""
        job = reads.job(pk, self.actor)
        if query.format == "csv" or "csv" in request.headers.get("Accept", ""):
            lines = StreamingHttpResponse(problems.errors_csv(job), content_type=CSV)
            return _attachment(lines, f"BulkImportJob_{pk}_errors.csv")  # type: ignore[no-any-return]
        return problems.errors(job, *query.bounds(cap=problems.LARGEST_PAGE))


class JobStatistics(ApiView):
    @operation("Rejected values by column", answer=Statistics)
    def get(self, request: Request, pk: int) -> Statistics:
        return problems.statistics(reads.job(pk, self.actor))


class JobFailedRows(ApiView):
    @operation("Rows of the input that are still to do", answer=CSV)
    def get(self, request: Request, pk: int) -> StreamingHttpResponse:
        """Cells are as they were in the input: not guarded against spreadsheets."""
        lines = StreamingHttpResponse(failed_rows(reads.job(pk, self.actor)), content_type=CSV)
        return _attachment(lines, f"BulkImportJob_{pk}_failed.csv")  # type: ignore[no-any-return]


class JobRetry(ApiView):
    @operation(
        "Run the rows again that are still to do",
        body=Retry,
        body_optional=True,
        answer=JobDetail,
        answers=NO_ROOM,
        effect=Effect.ACTION,
    )
    def post(self, request: Request, pk: int, body: Retry) -> JobDetail:
        """A new job of the same options; with `inputFileId`, over that repaired file instead."""
        found = retry(reads.job(pk, self.actor), body, self.actor)
        return reads.details([found])[0] if isinstance(found, ImportJob) else found


class JobStop(ApiView):
    @operation("Ask a job to stop", answer=JobDetail, effect=Effect.ACTION)
    def put(self, request: Request, pk: int) -> JobDetail:
        return reads.details([reads.stop(reads.job(pk, self.actor))])[0]


class FileRecords(ApiView):
    @operation(
        "Parse a stored file",
        body=RecordsRequest,
        answer=list[dict[str, Any]],
        answers=NO_ROOM,
        effect=Effect.ACTION,
    )
    def post(self, request: Request, body: RecordsRequest) -> list[dict[str, Any]]:
        return adhoc.parsed_records(body, self.actor, request.headers.get("X-OS-CLIENT-TZ"))


class Preview(ApiView):
    @operation(
        "How a stored file would be understood",
        body=PreviewRequest,
        answer=PreviewAnswer,
        effect=Effect.ACTION,
    )
    def post(self, request: Request, body: PreviewRequest) -> PreviewAnswer:
        """Columns with their meaning, unknown ones with suggestions, the first 50 rows; nothing is written."""
        return preview(body, self.actor, request.headers.get("X-OS-CLIENT-TZ"))


class Schedule(UploadView):
    @operation(
        "Queue files that say by their names what they are",
        upload=True,
        answer=Scheduled,
        answers=NO_ROOM,
        effect=Effect.ACTION,
    )
    def post(self, request: Request) -> Scheduled:
        """A CSV, or a ZIP of CSVs, each named `<object type>_<create|update>_<yyyyMMddHHmmssSSS>.csv`."""
        self.actor.require_super()
        return Scheduled(scheduled=scheduled.schedule(file_part(request, FILE_MISSING), self.actor))


class RecordFieldsCsv(ApiView):
    @operation("Header of an ad hoc CSV", body=list[RecordField], answer=CSV, effect=Effect.ACTION)
    def post(self, request: Request, body: list[RecordField]) -> HttpResponse:
        line = b"".join(csv_lines([list(captions(adhoc.columns_of(body)))], layouts.SEPARATOR))
        return _attachment(HttpResponse(line, content_type=CSV), "fields.csv")  # type: ignore[no-any-return]
