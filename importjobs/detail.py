"""The wire shapes of import jobs (spec 04 §1)."""

from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, WithJsonSchema, model_serializer

from biobank.wire.detail import Detail, Flag, Instant, Payload, Text, TextMap, Whole
from biobank.wire.paging import Paged
from sessions_auth.detail import UserSummary

Separator = Annotated[str | None, WithJsonSchema({"type": ["string", "null"]})]  # a tab must not be trimmed


class TemplateQuery(Payload):
    """`GET /import-jobs/input-file-template`; other parameters are for schemas that know them."""

    schema_: Text = Field(default=None, alias="schema")
    form_name: Text = None
    entity_type: Text = None
    field_separator: Separator = None


class UploadedFile(Payload):
    file_id: str
    filename: str


class ChunkedFile(Payload):
    """A file that comes in chunks; once complete, `fileId` is that of an input file."""

    file_id: str
    filename: str
    size: Whole
    offset: Whole
    complete: bool


class Scheduled(Payload):
    scheduled: int


class NewJob(Payload):
    """What `POST /import-jobs` takes (spec 04 §1.3)."""

    object_type: Text = None
    import_type: Text = None
    csv_type: Text = None
    input_file_id: Text = None
    date_format: Text = None
    time_format: Text = None
    time_zone: Text = None
    field_separator: Separator = None
    object_params: TextMap = {}
    atomic: Flag = False
    offline_queue: Flag = False
    dry_run: Flag = False  # ours: try everything, save nothing


class Retry(Payload):
    """What `POST /import-jobs/{id}/retry` takes; without a file, the rows that are still to do are taken again.

    `dryRun` false saves what a dry run only tried: all its rows, since none of them was saved.
    """

    input_file_id: Text = None
    dry_run: Flag = None  # None: as the job was


class PreviewRequest(NewJob):
    """What `POST /import-jobs/preview` takes: the body of the job that may follow."""


class JobDetail(Detail):
    """An import job (spec 04 §1.5); null keys are printed."""

    name: Text = None
    type: Text = None
    status: Text = None
    total_records: Whole = None
    failed_records: Whole = None
    created_by: UserSummary | None = None
    creation_time: Instant = None
    end_time: Instant = None
    params: TextMap | None = None
    display_name: Text = None
    date_format: Text = None
    time_format: Text = None
    field_separator: Separator = None
    dry_run: Flag = None
    retry_of: Whole = None

    @model_serializer(mode="wrap")
    def _without_ours(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """`dryRun` and `retryOf` are ours: only jobs that are such print them."""
        ours = {"dryRun", "retryOf"}
        return {key: value for key, value in handler(self).items() if value is not None or key not in ours}


class JobProgress(Detail):
    """How far a job is: rows done of all `rows`, objects failed, rows a second, seconds left (null: unknown)."""

    status: Text = None
    over: Flag = None
    rows: Whole = None
    done: Whole = None
    failed: Whole = None
    percent: Whole = None
    rate: Whole = None
    left: Whole = None
    error: Text = None


class RowProblem(Payload):
    """One thing wrong with a row; `column` is its caption in the file, null when the row as a whole is meant."""

    code: Text = None
    message: Text = None
    column: Text = None
    value: Text = None
    hint: Text = None


class RowProblems(Payload):
    """A data row of the input file, counted from 1 without blank rows, and what is wrong with it."""

    row: Whole = None
    problems: list[RowProblem] = []


class ProblemsPage(Payload):
    """`GET /import-jobs/{id}/errors`: a page of the rows that failed, and how many there are."""

    total: Whole = None
    rows: list[RowProblems] = []


class ProblemsQuery(Paged):
    """Pages count rows; `format=csv` (or `Accept: text/csv`) answers all of them as CSV instead."""

    format: Text = None


class Counted(Payload):
    """A value or a code, and in how many problems it occurs."""

    value: Text = None
    count: Whole = None


class ColumnStatistics(Payload):
    """What was rejected in one column (null: in rows as a whole), with the most frequent values and codes."""

    column: Text = None
    count: Whole = None
    distinct: Whole = None
    values: list[Counted] = []
    codes: list[Counted] = []


class Statistics(Payload):
    """`GET /import-jobs/{id}/statistics`: the worst columns first."""

    rows: Whole = None
    columns: list[ColumnStatistics] = []


class JobQuery(Paged):
    """`GET /import-jobs`; any other parameter is matched against the jobs' params."""

    max_results: Whole = 25
    object_type: list[str] | None = None


class RecordField(Payload):
    """A column of an ad hoc flat schema (spec 04 §1.7)."""

    caption: Text = None
    attribute: Text = None
    type: Text = None
    multiple: Flag = False
    key: Flag = False
    file: Text = None


class RecordsRequest(Payload):
    file_id: Text = None
    columns: list[RecordField] | None = Field(default=None, alias="fields")
    schema_: Text = Field(default=None, alias="schema")
    params: TextMap = {}


Parsed = list[dict[str, Any]]
