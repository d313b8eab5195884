"""`/saved-queries` (spec 05 §4)."""

import orjson
from django.http import HttpResponse
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from biobank.wire.errors import INVALID_REQUEST, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count
from biobank.wire.status import Effect
from queries import audit, saved
from queries.detail import (
    AuditEntry,
    AuditQuery,
    QueryDetail,
    QueryList,
    QuerySummary,
    SavedQueryFilter,
    StarStatus,
)

MAX_DEFINITION_BYTES = 5_000_000
_TAGS = ["saved-queries"]
_EMPTY_KEYS = (
    "id", "createdBy", "lastUpdatedBy", "lastRunOn", "lastUpdated", "lastRunCount", "folders", "subQueries",
    "dependentQueries", "scheduledJobs", "deletedOn",
)  # fmt: skip


class SavedQueryList(ApiView):
    @operation("Saved queries", query=SavedQueryFilter, answer=QueryList | list[QuerySummary], tags=_TAGS)
    def get(self, request: Request, query: SavedQueryFilter) -> QueryList | list[QuerySummary]:
        rows = saved.listed(query, self.actor)
        found = [saved.summary(row, star=bool(query.order_by_starred)) for row in saved.page(query, rows)]
        if query.return_list:
            return found
        return QueryList(count=rows.count() if query.count_req else None, queries=found)

    @operation("Save a query", body=QueryDetail, answer=QueryDetail, tags=_TAGS)
    def post(self, request: Request, body: QueryDetail) -> QueryDetail:
        return saved.detail(saved.create(body, self.actor))


class SavedQueryCount(ApiView):
    @operation("How many saved queries match", query=SavedQueryFilter, answer=Count, tags=_TAGS)
    def get(self, request: Request, query: SavedQueryFilter) -> Count:
        return Count(count=saved.listed(query, self.actor).count())


class SavedQueryOne(ApiView):
    @operation("A saved query", answer=QueryDetail, tags=_TAGS)
    def get(self, request: Request, pk: int) -> QueryDetail:
        return saved.detail(saved.saved_query(pk, self.actor))

    @operation("Replace a saved query", body=QueryDetail, answer=QueryDetail, tags=_TAGS)
    def put(self, request: Request, pk: int, body: QueryDetail) -> QueryDetail:
        return saved.detail(saved.update(pk, body, self.actor))

    @operation("Delete a saved query", answer=int, tags=_TAGS)
    def delete(self, request: Request, pk: int) -> int:
        return saved.delete(pk, self.actor)


class SavedQueryStar(ApiView):
    @operation("Star a query", answer=StarStatus, effect=Effect.ACTION, tags=_TAGS)
    def post(self, request: Request, pk: int) -> StarStatus:
        saved.star(pk, self.actor, on=True)
        return StarStatus(status=True)

    @operation("Take the star away", answer=StarStatus, tags=_TAGS)
    def delete(self, request: Request, pk: int) -> StarStatus:
        saved.star(pk, self.actor, on=False)
        return StarStatus(status=True)


class SavedQueryAudit(ApiView):
    @operation("Who ran the query, and when", query=AuditQuery, answer=list[AuditEntry], tags=_TAGS)
    def get(self, request: Request, pk: int, query: AuditQuery) -> list[AuditEntry]:
        first, last = query.bounds(default=25)
        return [audit.entry(row) for row in audit.of_query(pk, self.actor)[first:last]]


class DefinitionDownload(ApiView):
    @operation("Download a definition", answer={"type": "object"}, tags=_TAGS)
    def get(self, request: Request, pk: int) -> HttpResponse:
        found = saved.saved_query(pk, self.actor)
        saved.require_edit(found, self.actor)
        shown = saved.detail(found).model_dump(mode="json", by_alias=True)
        content = {
            **shown,
            "cpGroupId": found.cp_group_id,
            "cpId": found.protocol_id,
            **dict.fromkeys(_EMPTY_KEYS),
        }
        return HttpResponse(
            orjson.dumps(content, option=orjson.OPT_INDENT_2),
            content_type="application/json",
            headers={"Content-Disposition": f"attachment;filename=QueryDef_{pk}.json"},
        )


class DefinitionUpload(ApiView):
    parser_classes = [MultiPartParser]

    @operation("Create a query from a definition file", upload=True, answer=QueryDetail, tags=_TAGS)
    def post(self, request: Request) -> QueryDetail:
        file = request.FILES.get("file")
        if file is None or (file.size or 0) > MAX_DEFINITION_BYTES:
            raise Refused(INVALID_REQUEST(reason="a definition file is expected as the part called file"))
        try:
            content = orjson.loads(file.read())
        except orjson.JSONDecodeError:
            raise Refused(INVALID_REQUEST(reason="the file is not JSON")) from None
        return saved.detail(saved.create(QueryDetail.parse(content), self.actor))
