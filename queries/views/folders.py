"""`/query-folders` and `/query-audit-logs` (spec 05 §5, §6)."""

from rest_framework.request import Request

from biobank.wire.errors import INVALID_REQUEST, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Count
from queries import audit, folders, saved
from queries.detail import (
    AuditDetail,
    AuditEntry,
    AuditQuery,
    FolderChange,
    FolderDetail,
    FolderQuery,
    FolderSummary,
    QueryList,
    QuerySummary,
    SavedQueryFilter,
)
from sessions_auth.detail import UserSummary

_TAGS = ["query-folders"]
_IDS = {"type": "array", "items": {"type": "integer"}}


class FolderList(ApiView):
    @operation("Query folders", answer=list[FolderSummary], tags=_TAGS)
    def get(self, request: Request) -> list[FolderSummary]:
        return [folders.summary(each) for each in folders.visible(self.actor)]

    @operation("Create a folder", body=FolderDetail, answer=FolderDetail, tags=_TAGS)
    def post(self, request: Request, body: FolderDetail) -> FolderDetail:
        return folders.detail(folders.create(body, self.actor))


class FolderOne(ApiView):
    @operation("A folder", query=FolderQuery, answer=FolderDetail, tags=_TAGS)
    def get(self, request: Request, pk: int, query: FolderQuery) -> FolderDetail:
        return folders.detail(folders.folder(pk, self.actor), queries=bool(query.include_queries))

    @operation("Replace a folder", body=FolderDetail, answer=FolderDetail, tags=_TAGS)
    def put(self, request: Request, pk: int, body: FolderDetail) -> FolderDetail:
        return folders.detail(folders.update(pk, body, self.actor))

    @operation("Delete a folder", answer=int, tags=_TAGS)
    def delete(self, request: Request, pk: int) -> int:
        """The queries in it stay."""
        return folders.delete(pk, self.actor)


class FolderQueries(ApiView):
    @operation("Queries in a folder", query=SavedQueryFilter, answer=QueryList, tags=_TAGS)
    def get(self, request: Request, pk: int, query: SavedQueryFilter) -> QueryList:
        rows = folders.contents(folders.folder(pk, self.actor), query.search_string)
        return QueryList(
            count=rows.count() if query.count_req else None,
            queries=[saved.summary(row) for row in saved.page(query, rows)],
        )

    @operation(
        "Add, replace or remove queries", query=FolderChange, body=_IDS, answer=list[QuerySummary], tags=_TAGS
    )
    def put(self, request: Request, pk: int, query: FolderChange, body: object) -> list[QuerySummary]:
        return folders.change_queries(pk, _ids(body), query.operation, self.actor)


class FolderQueryCount(ApiView):
    @operation("How many queries a folder has", query=SavedQueryFilter, answer=Count, tags=_TAGS)
    def get(self, request: Request, pk: int, query: SavedQueryFilter) -> Count:
        found = folders.folder(pk, self.actor)
        return Count(count=folders.contents(found, query.search_string).count())


class FolderUsers(ApiView):
    @operation(
        "Share with users, or stop", query=FolderChange, body=_IDS, answer=list[UserSummary], tags=_TAGS
    )
    def put(self, request: Request, pk: int, query: FolderChange, body: object) -> list[UserSummary]:
        return folders.change_users(pk, _ids(body), query.operation, self.actor)


class AuditList(ApiView):
    @operation("Executed queries", query=AuditQuery, answer=list[AuditEntry], tags=["query-audit-logs"])
    def get(self, request: Request, query: AuditQuery) -> list[AuditEntry]:
        first, last = query.bounds(default=25)
        return [audit.entry(row) for row in audit.listed(query, self.actor)[first:last]]


class AuditCount(ApiView):
    @operation("How many executions match", query=AuditQuery, answer=Count, tags=["query-audit-logs"])
    def get(self, request: Request, query: AuditQuery) -> Count:
        return Count(count=audit.listed(query, self.actor).count())


class AuditOne(ApiView):
    @operation("An executed query", answer=AuditDetail, tags=["query-audit-logs"])
    def get(self, request: Request, pk: int) -> AuditDetail:
        return audit.detail(pk, self.actor)


def _ids(body: object) -> list[int]:
    """A list of ids, numbers or digits."""
    if isinstance(body, list) and all(str(each).isdecimal() for each in body):
        return [int(each) for each in body if int(each) < 2**63]
    raise Refused(INVALID_REQUEST(reason="a list of ids is expected"))
