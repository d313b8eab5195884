"""List views under the paths of earlier releases, which public clients still call: the id stands in `objectId`."""

from rest_framework.request import Request

from biobank.wire.detail import Whole
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

EVERYTHING = -1  # the id of lists that are not a protocol's


class EarlierListQuery(ListQuery):
    object_id: Whole = EVERYTHING


class EarlierValuesQuery(ValuesQuery):
    object_id: Whole = EVERYTHING


def _id(query: EarlierListQuery | EarlierValuesQuery) -> int:
    return EVERYTHING if query.object_id is None else query.object_id


class Config(ApiView):
    @operation("How a list is laid out (earlier path)", query=EarlierListQuery, answer=ListConfig)
    def get(self, request: Request, query: EarlierListQuery) -> ListConfig:
        found = lists.laid_out(_id(query), query.list_name, self.actor)
        return lists.config(found, stats=bool(query.include_stats))


class Rows(ApiView):
    @operation(
        "A page of a list (earlier path)",
        query=EarlierListQuery,
        body=list[FilterColumn],
        answer=ListDetail,
        effect=Effect.READ,
    )
    def post(self, request: Request, body: list[FilterColumn], query: EarlierListQuery) -> ListDetail:
        return lists.page(lists.laid_out(_id(query), query.list_name, self.actor), body, query)


class Size(ApiView):
    @operation(
        "How many rows a list has (earlier path)",
        query=EarlierListQuery,
        body=list[FilterColumn],
        answer=ListSize,
        effect=Effect.READ,
    )
    def post(self, request: Request, body: list[FilterColumn], query: EarlierListQuery) -> ListSize:
        return ListSize(size=lists.size(lists.laid_out(_id(query), query.list_name, self.actor), body))


class Values(ApiView):
    @operation("The values of a column of a list (earlier path)", query=EarlierValuesQuery, answer=list[str])
    def get(self, request: Request, query: EarlierValuesQuery) -> list[str]:
        return lists.values(lists.laid_out(_id(query), query.list_name, self.actor), query)
