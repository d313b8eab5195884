"""`/audit` (spec 01 §A.11)."""

from django.http import FileResponse
from django.utils import timezone
from rest_framework.request import Request

from biobank.audit import reads, registry, reports
from biobank.audit.detail import (
    AuditedEntity,
    AuditedObject,
    AuditSummary,
    FileQuery,
    ReportFile,
    ReportRequest,
    Revision,
    RevisionQuery,
)
from biobank.jobs.models import State
from biobank.wire.dates import server_zone
from biobank.wire.http import ApiView, operation
from biobank.wire.paging import Paged
from biobank.wire.status import Effect
from biobank.wire.uploads import download


class Audit(ApiView):
    @operation("Who created and last changed a record", query=AuditedObject, answer=AuditSummary)
    def get(self, request: Request, query: AuditedObject) -> AuditSummary:
        return reads.summaries(reads.auditable([query], self.actor, addressed=True))[0]

    @operation(
        "Who created and last changed records",
        body=list[AuditedObject],
        answer=list[AuditSummary],
        effect=Effect.READ,
    )
    def post(self, request: Request, body: list[AuditedObject]) -> list[AuditSummary]:
        return reads.summaries(reads.auditable(body, self.actor, addressed=False))


class Revisions(ApiView):
    @operation("What was done to a record, newest first", query=RevisionQuery, answer=list[Revision])
    def get(self, request: Request, query: RevisionQuery) -> list[Revision]:
        """Values that the caller may not read are left out with their keys."""
        objects = reads.auditable([query], self.actor, addressed=True)
        return reads.revisions(objects, self.actor, *query.bounds())

    @operation(
        "What was done to records, newest first",
        body=list[AuditedObject],
        query=Paged,
        answer=list[Revision],
        effect=Effect.READ,
    )
    def post(self, request: Request, body: list[AuditedObject], query: Paged) -> list[Revision]:
        """Values that the caller may not read are left out with their keys."""
        objects = reads.auditable(body, self.actor, addressed=False)
        return reads.revisions(objects, self.actor, *query.bounds())


class RevisionEntities(ApiView):
    @operation("The kinds of records that are audited", answer=list[AuditedEntity])
    def get(self, request: Request) -> list[AuditedEntity]:
        return [AuditedEntity(name=each.name, label=each.label) for each in registry.entities()]


class ExportRevisions(ApiView):
    @operation("Make a report of a period", body=ReportRequest, answer=ReportFile, effect=Effect.ACTION)
    def post(self, request: Request, body: ReportRequest) -> ReportFile:
        """For super administrators. Waits up to 30 seconds; a report that takes longer is announced by mail."""
        made = reports.start(body, self.actor)
        done = reports.wait_for(made) and made.state == State.DONE
        return ReportFile(file_id=made.file_id if done else None)


class RevisionsFile(ApiView):
    @operation("Download a report", query=FileQuery, answer="application/zip")
    def get(self, request: Request, query: FileQuery) -> FileResponse:
        path = reports.file_of(query.file_id, self.actor)
        moment = timezone.now().astimezone(server_zone())
        return download(path, f"AuditReport_{moment:%Y%m%d_%H%M%S}.zip", "application/zip")
