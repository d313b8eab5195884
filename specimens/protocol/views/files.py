"""Definitions and workflows of protocols, as JSON and as files (spec 02 §A7, §A8)."""

import re
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from biobank.wire.errors import INVALID_REQUEST, Refused
from biobank.wire.http import ApiView, operation
from biobank.wire.status import Effect
from specimens.protocol.detail.protocols import DefinitionQuery, ProtocolDetail, Workflow, Workflows
from specimens.protocol.detail.versions import Definition
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.reads.definition import document
from specimens.protocol.reads.lookups import find_protocol
from specimens.protocol.reads.protocols import protocol, protocol_details, workflows
from specimens.protocol.rules.codes import CP_NOT_FOUND
from specimens.protocol.writes.whole import import_definition
from specimens.protocol.writes.workflows import save_workflows

SYSTEM = -1  # stands for the configuration of the whole system


def attachment(name: str, data: Any) -> HttpResponse:
    """JSON values as a file to download, laid out for people."""
    response = HttpResponse(orjson.dumps(data, option=orjson.OPT_INDENT_2), content_type="application/json")
    response["Content-Disposition"] = f'attachment;filename="{name}"'
    return response


def uploaded(request: Request) -> Any:
    """The JSON of the part `file`. Raises INVALID_REQUEST."""
    part = request.FILES.get("file")
    if part is None:
        raise Refused(INVALID_REQUEST(reason="the part `file` is missing"))
    try:
        return orjson.loads(part.read())
    except orjson.JSONDecodeError as error:
        raise Refused(INVALID_REQUEST(reason=f"malformed JSON, {error}")) from None


class DefinitionFile(ApiView):
    @operation("The whole definition of a protocol, as a file", query=DefinitionQuery, answer=Definition)
    def get(self, request: Request, pk: int, query: DefinitionQuery) -> HttpResponse:
        row = protocol(pk, self.actor)
        return attachment(f"CpDef_{pk}.json", document(row, ids=bool(query.include_ids)))


class DefinitionImport(ApiView):
    parser_classes = [MultiPartParser]

    @operation(
        "Create a protocol from a definition file", upload=True, answer=ProtocolDetail, effect=Effect.ACTION
    )
    def post(self, request: Request) -> ProtocolDetail:
        found = Definition.parse(uploaded(request))
        return protocol_details([import_definition(found, self.actor)])[0]


class ProtocolWorkflows(ApiView):
    @operation("The workflows of a protocol; -1 stands for the system's", answer=Workflows)
    def get(self, request: Request, pk: int) -> Workflows:
        row = _configured(pk)
        return workflows(row, row.workflows if row else {})

    @operation("Replace all workflows", body=list[Workflow], answer=Workflows)
    def put(self, request: Request, pk: int, body: list[Workflow]) -> Workflows:
        row = save_workflows(pk, body, self.actor, merge=False)
        return workflows(row, row.workflows)

    @operation("Replace the workflows of the same names", body=list[Workflow], answer=Workflows)
    def patch(self, request: Request, pk: int, body: list[Workflow]) -> Workflows:
        row = save_workflows(pk, body, self.actor, merge=True)
        return workflows(row, row.workflows)


def _configured(pk: int) -> CollectionProtocol | None:
    """Reading configuration needs no right; None stands for the system."""
    row = find_protocol(pk)
    if row is None and pk != SYSTEM:
        raise Refused(CP_NOT_FOUND.missing(key=pk))
    return row


class WorkflowsFile(ApiView):
    parser_classes = [MultiPartParser]

    @operation("The workflows as a file", answer=list[Workflow])
    def get(self, request: Request, pk: int) -> HttpResponse:
        row = _configured(pk)
        name = re.sub(r'[\\/\s"]', "_", row.short_title) if row else "system"
        return attachment(f"{name}_workflows.json", list(row.workflows.values()) if row else [])

    @operation(
        "Replace all workflows by those of a file", upload=True, answer=Workflows, effect=Effect.ACTION
    )
    def post(self, request: Request, pk: int) -> Workflows:
        items = uploaded(request)
        if not isinstance(items, list):
            raise Refused(INVALID_REQUEST(reason="a list of workflows is expected"))
        row = save_workflows(pk, [Workflow.parse(item) for item in items], self.actor, merge=False)
        return workflows(row, row.workflows)
