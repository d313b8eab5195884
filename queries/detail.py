"""The wire shapes of queries (spec 05 §3, §4, §5)."""

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from biobank.wire.detail import Flag, Instant, Payload, SparseDetail, Text, Whole
from biobank.wire.paging import Paged
from sessions_auth.detail import UserSummary


def _cells(value: object) -> list[str | None] | None:
    """Texts and nulls in their places; numbers and booleans become text."""
    if value is None:
        return None
    if not isinstance(value, list):
        raise ValueError("must be a list")
    return [_cell(item) for item in value]


def _cell(item: object) -> str | None:
    if item is None or isinstance(item, str):
        return item
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, int | float):
        return str(item)
    raise ValueError("must be a list of texts")


Cells = Annotated[
    list[str | None] | None,
    BeforeValidator(_cells),
    WithJsonSchema({"type": ["array", "null"], "items": {"type": ["string", "null"]}}),
]


# --- Running ------------------------------------------------------------------------------------------


class QueryRun(Payload):
    """The body of `POST /query` and `POST /query/export`."""

    aql: Text = None
    cp_id: Whole = None
    cp_group_id: Whole = None
    driving_form: Text = None
    wide_row_mode: Text = None
    output_column_exprs: Flag = None
    output_iso_date_time: Flag = None
    case_sensitive: Flag = None
    run_type: Text = None
    index_of: Text = None
    saved_query_id: Whole = None
    timeout_in_seconds: Whole = None
    timeout: Whole = None
    query_space: Text = None


class ColumnMetadata(Payload):
    expr: str
    aggregate: bool


class QueryResult(Payload):
    """The answer of a query: all arrays are as long as each row; cells are text or null."""

    column_metadata: list[ColumnMetadata]
    column_labels: list[str]
    column_types: list[str | None]
    column_urls: list[str | None]
    rows: list[list[str | None]]
    column_indices: list[int] | None
    db_rows_count: int


class Criterion(Payload):
    """Values a caller puts in place of those of a parameterised filter."""

    filter_id: Whole = None
    search_type: Text = None
    values: Cells = None


class SavedQueryRun(Payload):
    """The body of `POST /query/{id}`."""

    driving_form: Text = None
    wide_row_mode: Text = None
    run_type: Text = None
    start_at: Whole = None
    max_results: Whole = None
    criteria: list[Criterion] | None = None


class FacetRequest(Payload):
    cp_id: Whole = None
    cp_group_id: Whole = None
    facets: Cells = None
    search_term: Text = None
    restriction: Text = None
    query_space: Text = None


class Facet(Payload):
    expr: str
    caption: str
    values: list[str]
    db_rows: int


class ExportStarted(Payload):
    data_file: str
    completed: bool


class ExportQuery(Payload):
    file_id: Text = None
    filename: Text = None


# --- Saved queries -------------------------------------------------------------------------------------


class AggregateFunction(Payload):
    name: Text = None
    desc: Text = None


class SelectField(Payload):
    name: Text = None
    agg_fns: list[AggregateFunction] | None = None
    display_label: Text = None


class QueryFilter(Payload):
    """One condition; `expr` (a temporal expression) takes the place of field, operator and values."""

    id: Whole = None
    field: Text = None
    op: Text = None
    values: Cells = None
    expr: Text = None
    desc: Text = None
    parameterized: Flag = None
    hide_options: Flag = None
    sub_query_id: Whole = None


class ExpressionToken(Payload):
    """A filter id, an operator or a parenthesis, in infix order."""

    node_type: Text = None
    value: Any = None


class Reporting(Payload):
    type: Text = None
    params: dict[str, Any] | None = None


class QuerySummary(SparseDetail):
    title: Text = None
    created_by: UserSummary | None = None
    last_modified_by: UserSummary | None = None
    last_modified_on: Instant = None
    starred: Flag = None


class QueryDetail(QuerySummary):
    """A saved query in full (spec 05 §4.2)."""

    cp_id: Whole = None
    cp_group_id: Whole = None
    cp_short_title: Text = None
    cp_group_name: Text = None
    driving_form: Text = None
    select_list: list[SelectField | str] | None = None
    filters: list[QueryFilter] | None = None
    query_expression: list[ExpressionToken] | None = None
    having_clause: Text = None
    reporting: Reporting | None = None
    wide_row_mode: Text = None
    output_column_exprs: Flag = None
    case_sensitive: Flag = None
    dependent_queries: list[int] | None = None


class QueryList(Payload):
    count: int | None
    queries: list[QuerySummary]


class SavedQueryFilter(Payload):
    """Query parameters of `GET /saved-queries`; `start` and `max` are older spellings."""

    cp_id: Whole = None
    user_id: Whole = None
    search_string: Text = None
    start_at: Whole = None
    max_results: Whole = None
    start: Whole = None
    max: Whole = None
    count_req: Flag = None
    order_by_starred: Flag = None
    return_list: Flag = None


class StarStatus(Payload):
    status: bool


# --- Folders -------------------------------------------------------------------------------------------


class FolderSummary(SparseDetail):
    name: Text = None
    owner: UserSummary | None = None
    shared_with_all: Flag = None
    allow_edits_by_shared_users: Flag = None


class FolderDetail(FolderSummary):
    shared_with: list[UserSummary] | None = None
    shared_with_groups: list[dict[str, Any]] | None = None
    queries: list[QuerySummary] | None = None


class FolderQuery(Payload):
    include_queries: Flag = None


class FolderChange(Payload):
    operation: Text = None


# --- Audit ---------------------------------------------------------------------------------------------


class AuditQuery(Paged):
    query: Text = None
    user_id: Whole = None
    order_direction: Text = None


class AuditEntry(SparseDetail):
    query_id: Whole = None
    query_title: Text = None
    run_by: UserSummary | None = None
    time_of_execution: Instant = None
    time_to_finish: Whole = None
    run_type: Text = None
    record_count: Whole = None


class AuditDetail(AuditEntry):
    aql: Text = None
    sql: Text = None
