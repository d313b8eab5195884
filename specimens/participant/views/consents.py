"""What participants agreed to, and the documents they signed (spec 03 §1.9)."""

from django.http import HttpResponseBase
from rest_framework.request import Request

from biobank.files.stored import media_type
from biobank.wire.http import ApiView, operation
from biobank.wire.status import Effect
from biobank.wire.uploads import UploadView, download, file_part
from specimens.participant import reads, rules, writes
from specimens.participant.detail import ConsentsDetail
from specimens.participant.reads import consents
from specimens.participant.reads.scopes import CONSENT
from specimens.participant.writes import documents


class RegistrationConsents(ApiView):
    @operation("What the participant agreed to", answer=ConsentsDetail)
    def get(self, request: Request, pk: int) -> ConsentsDetail:
        return self._answer(pk, "Read")

    @operation("Record consents: the keys that are sent", body=ConsentsDetail, answer=ConsentsDetail)
    def put(self, request: Request, pk: int, body: ConsentsDetail) -> ConsentsDetail:
        writes.CONSENTS.write_one(body, self.actor, pk)
        return self._answer(pk, "Read", "Create", "Update")

    def _answer(self, pk: int, *operations: str) -> ConsentsDetail:
        row = reads.registration(self.actor, pk, CONSENT, *operations)
        return consents.consents(row, phi=bool(reads.phi_protocols(self.actor, [row.protocol_id])))


class ConsentForm(UploadView):
    @operation("Download the signed consent document", answer="application/octet-stream")
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        path, name = consents.document(reads.registration(self.actor, pk, CONSENT, "Read"))
        return download(path, name, media_type(name), rules.CONSENT_FORM_NOT_FOUND)

    @operation("Keep the signed consent document", upload=True, answer=str, effect=Effect.ACTION)
    def post(self, request: Request, pk: int) -> str:
        return documents.upload(pk, file_part(request), self.actor)

    @operation("Delete the signed consent document", answer=bool)
    def delete(self, request: Request, pk: int) -> bool:
        documents.delete(pk, self.actor)
        return True
