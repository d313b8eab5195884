"""The wire shapes of import jobs (spec 04 §1)."""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

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
