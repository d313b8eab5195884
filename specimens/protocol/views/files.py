"""Definitions and workflows of protocols, as JSON and as files (spec 02 §A7, §A8)."""

import re
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.request import Request

from biobank.access import Actor
from biobank.wire.errors import INVALID_REQUEST, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.status import Effect
from biobank.wire.uploads import UploadView, file_part, header_safe
from specimens.protocol.detail.protocols import DefinitionQuery, ProtocolDetail, Workflow, Workflows
from specimens.protocol.detail.versions import Definition
from specimens.protocol.reads.definition import document
from specimens.protocol.reads.lookups import find_protocol
from specimens.protocol.reads.protocols import protocol, protocol_details, system_workflows, workflows
from specimens.protocol.rules.codes import CP_NOT_FOUND
from specimens.protocol.writes.whole import import_definition
from specimens.protocol.writes.workflows import save_system_workflows, save_workflows

SYSTEM = -1  # stands for the configuration of the whole system


def attachment(name: str, data: Any) -> HttpResponse:
    """JSON values as a file to download, laid out for people."""
    response = HttpResponse(orjson.dumps(data, option=orjson.OPT_INDENT_2), content_type="application/json")
    response["Content-Disposition"] = f'attachment;filename="{header_safe(name)}"'
    return response


def uploaded(request: Request) -> Any:
    """The JSON of the part `file`. Raises INVALID_REQUEST."""
    try:
        return orjson.loads(file_part(request).read())
    except orjson.JSONDecodeError as error:
        raise Refused(INVALID_REQUEST(reason=f"malformed JSON, {error}")) from None


class DefinitionFile(ApiView):
    @operation("The whole definition of a protocol, as a file", query=DefinitionQuery, answer=Definition)
    def get(self, request: Request, pk: int, query: DefinitionQuery) -> HttpResponse:
        row = protocol(pk, self.actor)
        return attachment(f"CpDef_{pk}.json", document(row, ids=bool(query.include_ids)))


class DefinitionImport(UploadView):
    @operation(
        "Create a protocol from a definition file", upload=True, answer=ProtocolDetail, effect=Effect.ACTION
    )
    def post(self, request: Request) -> ProtocolDetail:
        found = Definition.parse(uploaded(request))
        return protocol_details([import_definition(found, self.actor)])[0]


class ProtocolWorkflows(ApiView):
    @operation("The workflows of a protocol; -1 stands for the system's", answer=Workflows)
    def get(self, request: Request, pk: int) -> Workflows:
        return _configuration(pk)

    @operation("Replace all workflows", body=list[Workflow], answer=Workflows)
    def put(self, request: Request, pk: int, body: list[Workflow]) -> Workflows:
        return _saved(pk, body, self.actor, merge=False)

    @operation("Replace the workflows of the same names", body=list[Workflow], answer=Workflows)
    def patch(self, request: Request, pk: int, body: list[Workflow]) -> Workflows:
        return _saved(pk, body, self.actor, merge=True)


def _configuration(pk: int) -> Workflows:
    """Reading configuration needs no right."""
    if pk == SYSTEM:
        return workflows(None, system_workflows())
    row = find_protocol(pk)
    if row is None:
        raise Refused(CP_NOT_FOUND.missing(key=pk))
    return workflows(row, row.workflows)


def _saved(pk: int, items: list[Workflow], actor: Actor, *, merge: bool) -> Workflows:
    if pk == SYSTEM:
        return workflows(None, save_system_workflows(items, actor, merge=merge))
    row = save_workflows(pk, items, actor, merge=merge)
    return workflows(row, row.workflows)


def workflow_items(request: Request) -> list[Workflow]:
    """The workflows in an uploaded file. Raises INVALID_REQUEST."""
    items = uploaded(request)
    if not isinstance(items, list):
        raise Refused(INVALID_REQUEST(reason="a list of workflows is expected"))
    return [Workflow.parse(item) for item in items]


def workflows_attachment(title: str, found: dict[str, Workflow]) -> HttpResponse:
    name = re.sub(r"[\\/\s]", "_", title)
    items = [item.model_dump(mode="json", by_alias=True) for item in found.values()]
    return attachment(f"{name}_workflows.json", items)


class WorkflowsFile(UploadView):
    @operation("The workflows as a file", answer=list[Workflow])
    def get(self, request: Request, pk: int) -> HttpResponse:
        found = _configuration(pk)
        return workflows_attachment(found.short_title or "system", found.workflows)

    @operation(
        "Replace all workflows by those of a file", upload=True, answer=Workflows, effect=Effect.ACTION
    )
    def post(self, request: Request, pk: int) -> Workflows:
        return _saved(pk, workflow_items(request), self.actor, merge=False)
