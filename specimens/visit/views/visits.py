"""`/visits` (spec 03 §2)."""

from rest_framework.request import Request

from biobank.wire.errors import INVALID_REQUEST, Refused
from biobank.wire.http import EMPTY, ApiView, operation
from biobank.wire.status import Effect
from sites.detail import DeleteQuery, Dependents
from specimens.participant.reads import registration
from specimens.visit import reads, writes
from specimens.visit.detail import (
    VisitDetail,
    VisitMatch,
    VisitMatchQuery,
    VisitNamesQuery,
    VisitSearchQuery,
    VisitsQuery,
)
from specimens.visit.models import Visit


class VisitList(ApiView):
    @operation(
        "Visits of a registration, those to come included", query=VisitsQuery, answer=list[VisitDetail]
    )
    def get(self, request: Request, query: VisitsQuery) -> list[VisitDetail]:
        if query.cpr_id is None:
            raise Refused(INVALID_REQUEST(reason="cprId is required"))
        row = registration(self.actor, query.cpr_id, "Visit", "Read")
        return reads.calendar(
            row, self.actor, stats=bool(query.include_stats), by_date=bool(query.sort_by_dates)
        )

    @operation("Create a visit", body=VisitDetail, answer=VisitDetail)
    def post(self, request: Request, body: VisitDetail) -> VisitDetail:
        return reads.shown(self.actor, [writes.VISITS.write_one(body, self.actor)])[0]


class VisitsByName(ApiView):
    @operation("Visits by their names", query=VisitNamesQuery, answer=list[VisitDetail])
    def get(self, request: Request, query: VisitNamesQuery) -> list[VisitDetail]:
        return reads.named(query, self.actor)


class VisitSearch(ApiView):
    @operation("Visits by name or accession number", query=VisitSearchQuery, answer=list[VisitDetail])
    def get(self, request: Request, query: VisitSearchQuery) -> list[VisitDetail]:
        return reads.by_name_or_number(query, self.actor)


class VisitMatches(ApiView):
    @operation(
        "Registrations and their visits by eMPI, record number or accession number",
        body=VisitMatchQuery,
        answer=list[VisitMatch],
        effect=Effect.ACTION,
    )
    def post(self, request: Request, body: VisitMatchQuery) -> list[VisitMatch]:
        return reads.visit_matches(body, self.actor)


class VisitOne(ApiView):
    @operation("A visit", answer=VisitDetail)
    def get(self, request: Request, pk: int) -> VisitDetail:
        return reads.shown(self.actor, [reads.visit(self.actor, pk).pk])[0]

    @operation("Replace a visit", body=VisitDetail, answer=VisitDetail)
    def put(self, request: Request, pk: int, body: VisitDetail) -> VisitDetail:
        return reads.shown(self.actor, [writes.VISITS.write_one(body, self.actor, pk)])[0]

    @operation("Delete a visit", query=DeleteQuery, answer=VisitDetail)
    def delete(self, request: Request, pk: int, query: DeleteQuery) -> VisitDetail:
        force = bool(query.force_delete)
        gone = writes.delete_visit(pk, self.actor, force=force, reason=query.reason)
        return reads.shown(self.actor, [gone])[0]


class VisitDependents(ApiView):
    @operation("What keeps a visit from being deleted", answer=list[Dependents])
    def get(self, request: Request, pk: int) -> list[Dependents]:
        found = reads.visit(self.actor, pk)
        count = _collected(found)
        return [Dependents(name="specimen", count=count)] if count else []


def _collected(row: Visit) -> int:
    return row.specimens.filter(status="Collected", activity_status__in=("Active", "Closed")).count()


class LatestVisit(ApiView):
    @operation("The newest visit of a registration; nothing when there is none", answer=VisitDetail)
    def get(self, request: Request, pk: int) -> VisitDetail | object:
        return reads.latest(registration(self.actor, pk, "Visit", "Read")) or EMPTY
