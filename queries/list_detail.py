"""The wire shapes of list views (spec 02 §A10)."""

from typing import Any

from pydantic import ConfigDict

from biobank.wire.detail import Flag, Payload, SparseDetail, Text
from biobank.wire.paging import Paged
from queries.detail import Cells


class ListColumn(SparseDetail):
    """A column, filter or sort key as it is configured; further keys are the client's own and go through."""

    model_config = ConfigDict(extra="allow")

    id: Any = None
    expr: Text = None
    caption: Text = None
    direction: Text = None
    data_type: Text = None


class FilterColumn(Payload):
    """What a client looks for in one of the configured columns.

    `searchType` is CONTAINS, EQUALS or RANGE (two values, each may be null).
    """

    expr: Text = None
    values: Cells = None
    search_type: Text = None


class ListSettings(Payload):
    """The `data` of a workflow that configures a list."""

    columns: list[ListColumn] | None = None
    filters: list[ListColumn] | None = None
    order_by: list[ListColumn] | None = None


class ListConfig(Payload):
    name: str
    driving_form: str
    columns: list[ListColumn]
    hidden_columns: list[ListColumn]
    fixed_columns: list[ListColumn] | None = None
    filters: list[ListColumn]
    order_by: list[ListColumn]


class ListRow(Payload):
    data: list[str | None]
    hidden: dict[str, str | None]
    fixed_data: list[int] | None = None


class ListDetail(Payload):
    """A page of a list; `size`, the number of all rows, only with `includeCount`."""

    columns: list[ListColumn]
    fixed_columns: list[ListColumn] | None = None
    rows: list[ListRow]
    size: int | None = None


class ListSize(Payload):
    size: int


class ListQuery(Paged):
    list_name: Text = None
    include_stats: Flag = None
    include_count: Flag = None


class ValuesQuery(Payload):
    list_name: Text = None
    expr: Text = None
    search_term: Text = None
