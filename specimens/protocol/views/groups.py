"""`/collection-protocol-groups` (spec 02 §D2)."""

from django.http import HttpResponse
from rest_framework.request import Request

from biobank.wire.errors import INVALID_REQUEST, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.status import Effect
from biobank.wire.uploads import UploadView
from specimens.protocol.detail.groups import (
    GroupDelete,
    GroupDetail,
    GroupFormsBody,
    GroupFormsDetail,
    GroupFormsQuery,
    GroupQuery,
    GroupSummary,
    GroupWorkflows,
)
from specimens.protocol.detail.protocols import StarAnswer, Workflow
from specimens.protocol.models import ProtocolGroup
from specimens.protocol.reads import groups as reads
from specimens.protocol.views.files import workflow_items, workflows_attachment
from specimens.protocol.writes import groups as writes


class GroupList(ApiView):
    @operation("Groups of protocols", query=GroupQuery, answer=list[GroupSummary])
    def get(self, request: Request, query: GroupQuery) -> list[GroupSummary]:
        rows = query.page(reads.listed(query, self.actor))
        return reads.group_summaries(rows, stats=bool(query.include_stats))

    @operation("Make a group of protocols", body=GroupDetail, answer=GroupDetail)
    def post(self, request: Request, body: GroupDetail) -> GroupDetail:
        return reads.group_detail(
            reads.group(writes.GROUPS.write_one(body, self.actor), self.actor), self.actor
        )

    @operation("Delete groups, all or none", query=GroupDelete, answer=list[GroupSummary])
    def delete(self, request: Request, query: GroupDelete) -> list[GroupSummary]:
        if not query.id:
            raise Refused(INVALID_REQUEST(reason="the parameter id is missing"))
        return reads.group_summaries(writes.delete_groups(query.id, self.actor, query.reason or ""))


class GroupOne(ApiView):
    @operation("A group of protocols", answer=GroupDetail)
    def get(self, request: Request, pk: int) -> GroupDetail:
        return reads.group_detail(reads.group(pk, self.actor), self.actor)

    @operation("Replace a group of protocols", body=GroupDetail, answer=GroupDetail)
    def put(self, request: Request, pk: int, body: GroupDetail) -> GroupDetail:
        reads.group(pk, self.actor)
        writes.GROUPS.write_one(body, self.actor, pk)
        return reads.group_detail(ProtocolGroup.objects.get(pk=pk), self.actor)

    @operation("Delete a group; its protocols stay as they are", query=GroupDelete, answer=GroupSummary)
    def delete(self, request: Request, pk: int, query: GroupDelete) -> GroupSummary:
        return reads.group_summaries(writes.delete_groups([pk], self.actor, query.reason or ""))[0]


class GroupForms(ApiView):
    @operation("Forms of a group by level", query=GroupFormsQuery, answer=list[GroupFormsDetail])
    def get(self, request: Request, pk: int, query: GroupFormsQuery) -> list[GroupFormsDetail]:
        """No form can be attached yet."""
        reads.group(pk, self.actor)
        return []

    @operation("Attach forms to all protocols of a group", body=GroupFormsBody, answer=StarAnswer)
    def post(self, request: Request, pk: int, body: GroupFormsBody) -> StarAnswer:
        return StarAnswer(status=writes.attach_forms(pk, body, self.actor))

    @operation("Take forms off all protocols of a group", query=GroupFormsQuery, answer=StarAnswer)
    def delete(self, request: Request, pk: int, query: GroupFormsQuery) -> StarAnswer:
        if not query.level or not query.form_id:
            raise Refused(INVALID_REQUEST(reason="the parameters level and formId are needed"))
        writes.detach_forms(pk, query, self.actor)
        return StarAnswer()


class GroupWorkflowsView(ApiView):
    @operation("The workflows of a group", answer=GroupWorkflows)
    def get(self, request: Request, pk: int) -> GroupWorkflows:
        return reads.group_workflows(reads.group(pk, self.actor))

    @operation(
        "Replace the workflows of a group and its protocols", body=list[Workflow], answer=GroupWorkflows
    )
    def put(self, request: Request, pk: int, body: list[Workflow]) -> GroupWorkflows:
        return reads.group_workflows(writes.save_group_workflows(pk, body, self.actor))


class GroupWorkflowsFile(UploadView):
    @operation("The workflows of a group as a file", answer=list[Workflow])
    def get(self, request: Request, pk: int) -> HttpResponse:
        found = reads.group_workflows(reads.group(pk, self.actor))
        return workflows_attachment(found.group_name or "", found.workflows)

    @operation(
        "Replace the workflows of a group by those of a file",
        upload=True,
        answer=GroupWorkflows,
        effect=Effect.ACTION,
    )
    def post(self, request: Request, pk: int) -> GroupWorkflows:
        return reads.group_workflows(writes.save_group_workflows(pk, workflow_items(request), self.actor))
