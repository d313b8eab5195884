"""Versions of protocols: below the REST base (spec 02 §A11) and as a repository at the server root (spec 06 §5)."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from biobank.wire.detail import Flag, Payload, Text
from biobank.wire.errors import Kind, Refused
from biobank.wire.http import ApiView, operation
from exports import publishing
from exports.kinds import PROTOCOLS
from exports.root import DETAIL, RootError, root_operation
from exports.views import OBJECT, VersionList, VersionOne
from specimens.protocol.detail.versions import PublishDetail, PublishQuery
from specimens.protocol.models import PublishedVersion
from specimens.protocol.reads.versions import publish_details, published, published_version
from specimens.protocol.views.files import attachment


class PublishedEvents(ApiView):
    @operation("The published versions of a protocol", query=PublishQuery, answer=list[PublishDetail])
    def get(self, request: Request, pk: int, query: PublishQuery) -> list[PublishDetail]:
        return published(pk, query, self.actor)

    @operation("Publish a protocol", body=PublishDetail, answer=PublishDetail)
    def post(self, request: Request, pk: int, body: PublishDetail) -> PublishDetail:
        """The definition is frozen as the next version, whose export starts at once."""
        return publish_details([publishing.publish(pk, body, self.actor)])[0]


class PublishedDefinition(ApiView):
    @operation("A published definition as a file", answer=OBJECT)
    def get(self, request: Request, pk: int, event: int) -> HttpResponse:
        return attachment(f"CpDef_{pk}.json", published_version(pk, event, self.actor).definition)


class NewVersion(Payload):
    """A version to be made at the server root; snake case there, but every key is one word."""

    id: Text = None
    kind: Text = None
    description: Text = None
    reason: Text = None


class Switches(Payload):
    released: Flag = None
    retired: Flag = None


class ProtocolVersionList(VersionList):
    @root_operation(
        "Freeze the records of a protocol",
        {201: ("The new version", OBJECT), 400: ("Not a version", DETAIL), 409: ("There is one", DETAIL)},
        body=NewVersion.model_json_schema(),
    )
    def post(self, request: Request, **path: str) -> Response:
        """`kind` is `freeze`; definitions are published below the REST base."""
        target = self.target()
        self.require_admin(target)
        body = NewVersion.parse(request.data)
        if body.kind != PublishedVersion.Kind.FREEZE:
            raise RootError(400, "kind: only a freeze can be made here")
        try:
            version = publishing.freeze(
                target.repository,
                body.id or "",
                self.actor,
                changes=body.description or "",
                reason=body.reason or "",
            )
        except Refused as refused:
            conflict = refused.problems[0].kind is Kind.CONFLICT
            raise RootError(409 if conflict else 400, refused.problems[0].message) from None
        header = PROTOCOLS.header(version)
        return Response(header, status=201, headers={"Location": header["version_url"]})


class ProtocolVersionOne(VersionOne):
    @root_operation(
        "Release or retire a version",
        {200: ("The version", OBJECT), 400: ("Not a flag", DETAIL)},
        body=Switches.model_json_schema(),
    )
    def put(self, request: Request, version: str, **path: str) -> Response:
        """Retiring a freeze removes its file and its rows for good."""
        target = self.target(version)
        self.require_admin(target)
        body = Switches.parse(request.data)
        row: Any = target.version
        publishing.switch(row, self.actor, released=body.released, retired=body.retired)
        return Response(PROTOCOLS.header(row))
