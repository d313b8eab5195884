"""SOP documents, and the calls about custom forms of protocols (spec 02 §A1, §A12)."""

from django.http import FileResponse
from rest_framework.request import Request

from biobank.files import stored
from biobank.wire.detail import Payload, TextList
from biobank.wire.errors import ACCESS_DENIED, INVALID_REQUEST, Refused
from biobank.wire.forms import FormContext
from biobank.wire.http import ApiView, operation
from biobank.wire.status import Effect
from biobank.wire.uploads import UploadView, download, file_part
from specimens.protocol.reads.protocols import protocol
from specimens.protocol.reads.scopes import CREATE, PROTOCOL, UPDATE
from specimens.protocol.rules import codes
from specimens.protocol.writes.documents import AREA


class SopUpload(UploadView):
    @operation(
        "Upload an SOP document; its name goes into `sopDocumentName`",
        upload=True,
        answer=str,
        effect=Effect.ACTION,
    )
    def post(self, request: Request) -> str:
        if not self.actor.has_any(PROTOCOL, CREATE, UPDATE):
            raise Refused(ACCESS_DENIED())
        return stored.keep(AREA, file_part(request))


class SopDocument(ApiView):
    @operation("The SOP document of a protocol")
    def get(self, request: Request, pk: int) -> FileResponse:
        name = protocol(pk, self.actor).sop_document_name
        if not name:
            raise Refused(codes.CP_SOP_DOC_NOT_FOUND.missing())
        own = stored.original(name)
        return download(
            stored.place(AREA, name), own, stored.media_type(own), codes.CP_SOP_DOC_MOVED_OR_DELETED
        )


class FormsQuery(Payload):
    entity_type: TextList = None


class ProtocolForms(ApiView):
    @operation("Forms attached to levels of a protocol", query=FormsQuery, answer=list[FormContext])
    def get(self, request: Request, pk: int, query: FormsQuery) -> list[FormContext]:
        """No form can be attached yet."""
        if not query.entity_type:
            raise Refused(INVALID_REQUEST(reason="the parameter entityType is missing"))
        protocol(pk, self.actor)
        return []
