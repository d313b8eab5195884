"""List views of a protocol, or of the system, whose id is -1 (spec 02 §A10)."""

from rest_framework.request import Request

from biobank.wire.http import ApiView, operation
from biobank.wire.status import Effect
from queries import lists
from queries.list_detail import (
    FilterColumn,
    ListConfig,
    ListDetail,
    ListQuery,
    ListSize,
    ValuesQuery,
)


class Config(ApiView):
    @operation("How a list is laid out", query=ListQuery, answer=ListConfig)
    def get(self, request: Request, pk: int, query: ListQuery) -> ListConfig:
        """From the protocol's workflow of the list's name, else the system's, else built in."""
        return lists.config(lists.laid_out(pk, query.list_name, self.actor), stats=bool(query.include_stats))


class Rows(ApiView):
    @operation(
        "A page of a list",
        query=ListQuery,
        body=list[FilterColumn],
        answer=ListDetail,
        effect=Effect.READ,
    )
    def post(self, request: Request, pk: int, body: list[FilterColumn], query: ListQuery) -> ListDetail:
        return lists.page(lists.laid_out(pk, query.list_name, self.actor), body, query)


class Size(ApiView):
    @operation(
        "How many rows a list has",
        query=ListQuery,
        body=list[FilterColumn],
        answer=ListSize,
        effect=Effect.READ,
    )
    def post(self, request: Request, pk: int, body: list[FilterColumn], query: ListQuery) -> ListSize:
        return ListSize(size=lists.size(lists.laid_out(pk, query.list_name, self.actor), body))


class Values(ApiView):
    @operation("The values of a column or filter of a list", query=ValuesQuery, answer=list[str])
    def get(self, request: Request, pk: int, query: ValuesQuery) -> list[str]:
        return lists.values(lists.laid_out(pk, query.list_name, self.actor), query)
