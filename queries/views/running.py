"""`/query`: running, exporting and looking at values (spec 05 §3)."""

from django.http import FileResponse
from rest_framework.request import Request

from biobank.wire.errors import INVALID_INPUT, INVALID_REQUEST, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.status import Effect
from queries import runs, saved, tree
from queries.access import require
from queries.detail import (
    ExportQuery,
    ExportStarted,
    Facet,
    FacetRequest,
    QueryResult,
    QueryRun,
    SavedQueryRun,
)
from queries.facets import facets
from queries.files import results_folder
from queries.requests import prepare
from queries.runner import DEFAULT_SECONDS, Result, execute

ZONE_HEADER = "X-OS-CLIENT-TZ"
_TAGS = ["query"]


class Query(ApiView):
    @operation("Run a query", body=QueryRun, answer=QueryResult, effect=Effect.ACTION, tags=_TAGS)
    def post(self, request: Request, body: QueryRun) -> dict[str, object]:
        _no_query_space(body.query_space)
        prepared = prepare(runs.question_of(body), self.actor, request.headers.get(ZONE_HEADER))
        return answer(execute(prepared, self.actor, _seconds(body)), body.index_of)


class SavedQueryRunning(ApiView):
    @operation("Run a saved query", body=SavedQueryRun, answer=QueryResult, effect=Effect.ACTION, tags=_TAGS)
    def post(self, request: Request, pk: int, body: SavedQueryRun) -> dict[str, object]:
        """Parameterised filters take the values of `criteria`; the saved root and wide-row mode are not used."""
        start, size = body.start_at or 0, 100 if body.max_results is None else body.max_results
        if start < 0 or size < 0:
            raise Refused(INVALID_REQUEST(reason="startAt and maxResults are not negative"))
        question = saved.question(
            saved.saved_query(pk, self.actor),
            body.criteria or (),
            driving_form=body.driving_form or "Participant",
            wide_row_mode=body.wide_row_mode or "DEEP",
            run_type=body.run_type or "DATA",
            output_column_exprs=False,
            limit=tree.Limit(start, size),
        )
        prepared = prepare(question, self.actor, request.headers.get(ZONE_HEADER))
        return answer(execute(prepared, self.actor), None)


class FacetValues(ApiView):
    @operation(
        "Distinct values of fields", body=FacetRequest, answer=list[Facet], effect=Effect.ACTION, tags=_TAGS
    )
    def post(self, request: Request, body: FacetRequest) -> list[Facet]:
        _no_query_space(body.query_space)
        return facets(body, self.actor)


class DefaultResultView(ApiView):
    @operation("Field paths used as default columns", answer=list[str], tags=_TAGS)
    def get(self, request: Request) -> list[str]:
        require(self.actor, "Query", "Read")
        return []


class Export(ApiView):
    @operation("Export a whole result", body=QueryRun, answer=ExportStarted, effect=Effect.ACTION, tags=_TAGS)
    def post(self, request: Request, body: QueryRun) -> ExportStarted:
        """Runs in the background; the answer waits up to 30 seconds for it."""
        _no_query_space(body.query_space)
        made = runs.start_export(body, self.actor, request.headers.get(ZONE_HEADER))
        return ExportStarted(data_file=made.file_id, completed=runs.wait_for(made))

    @operation("Download an export", query=ExportQuery, answer="application/zip", tags=_TAGS)
    def get(self, request: Request, query: ExportQuery) -> FileResponse:
        require(self.actor, "Query", "Read")
        if not query.file_id:
            raise Refused(INVALID_REQUEST(reason="fileId is missing"))
        made = runs.exported_file(query.file_id, self.actor)
        name = runs.clean_name(query.filename or "") or "QueryResults.zip"
        file = (results_folder() / made.file_id).open("rb")
        return FileResponse(
            file,
            as_attachment=True,
            filename=name if name.endswith(".zip") else f"{name}.zip",
            content_type="application/zip",
        )


def answer(result: Result, index_of: str | None) -> dict[str, object]:
    """A result on the wire (spec 05 §3.2)."""
    wanted = index_of or None
    positions = [place for place, output in enumerate(result.outputs) if output.path == wanted]
    return {
        "columnMetadata": [{"expr": output.expr, "aggregate": output.aggregate} for output in result.outputs],
        "columnLabels": result.labels,
        "columnTypes": [output.type for output in result.outputs],
        "columnUrls": [None] * len(result.outputs),
        "rows": result.rows,
        "columnIndices": positions if wanted else None,
        "dbRowsCount": result.database_rows,
    }


def _seconds(body: QueryRun) -> int | None:
    """The time limit asked for; -1 is none."""
    given = body.timeout_in_seconds if body.timeout_in_seconds is not None else body.timeout
    if given is None:
        return DEFAULT_SECONDS
    return min(given, 24 * 3600) if given > 0 else None


def _no_query_space(name: str | None) -> None:
    if name:
        raise Refused(INVALID_INPUT(name="querySpace", value=name))
