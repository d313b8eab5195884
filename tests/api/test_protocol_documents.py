"""SOP documents of protocols, and the calls about their forms (spec 02 §A1, §A3, §A12)."""

from collections.abc import Callable

import pytest

from biobank.files import folder
from sessions_auth.models import User
from tests import designs, factories
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
URL = "/collection-protocols"


def uploaded(api: Api, name: str = "plan.pdf", content: bytes = b"%PDF-1") -> str:
    answer = api.upload(f"{URL}/sop-documents", name, content)
    assert answer.status == 200, answer.json
    return str(answer.json)


def test_a_document_is_uploaded_named_and_read_back(api: Api) -> None:
    name = uploaded(api, "Plan für alle.pdf")
    assert name.endswith("_Plan für alle.pdf")
    made = designs.protocol(api, sopDocumentName=name)
    assert made["sopDocumentName"] == f"{made['id']}_Plan für alle.pdf"
    file = api.get(f"{URL}/{made['id']}/sop-document")
    assert (file.status, file.body) == (200, b"%PDF-1")
    assert file.headers["Content-Type"] == "application/pdf"
    assert file.headers["Content-Disposition"] == 'attachment;filename="Plan f_r alle.pdf"'


def test_a_replacement_keeps_changes_or_clears_the_document(api: Api) -> None:
    body = designs.protocol_body(sopDocumentName=uploaded(api))
    made = api.post(URL, body).json
    body["sopDocumentName"] = made["sopDocumentName"]
    assert api.put(f"{URL}/{made['id']}", body).json["sopDocumentName"] == f"{made['id']}_plan.pdf"
    body["sopDocumentName"] = uploaded(api, "new.txt", b"new")
    assert api.put(f"{URL}/{made['id']}", body).json["sopDocumentName"] == f"{made['id']}_new.txt"
    assert api.get(f"{URL}/{made['id']}/sop-document").body == b"new"
    del body["sopDocumentName"]
    assert "sopDocumentName" not in api.put(f"{URL}/{made['id']}", body).json


def test_documents_that_cannot_be_had(api: Api, statuses: Statuses) -> None:
    made = designs.protocol(api)
    none = api.get(f"{URL}/{made['id']}/sop-document")
    assert (none.status, none.codes) == (statuses.not_found, ["CP_SOP_DOC_NOT_FOUND"])
    for bad in ("plan.pdf", "../../etc/passwd", f"{made['id']}_plan.pdf", "x" * 36 + "_plan.pdf"):
        answer = api.post(URL, designs.protocol_body(sopDocumentName=bad))
        assert (answer.status, answer.codes) == (400, ["CP_INVALID_SOP_DOC"])
    name = uploaded(api)
    stays = designs.protocol(api, sopDocumentName=name)
    (folder("sop-documents") / name).unlink()
    gone = api.get(f"{URL}/{stays['id']}/sop-document")
    assert (gone.status, gone.codes) == (statuses.not_found, ["CP_SOP_DOC_MOVED_OR_DELETED"])
    again = api.post(URL, designs.protocol_body(sopDocumentName=name))
    assert again.codes == ["CP_SOP_DOC_MOVED_OR_DELETED"]
    assert api.put(f"{URL}/{stays['id']}", designs.protocol_body(sopDocumentName=stays["sopDocumentName"])).status in (
        200, 201,
    )  # fmt: skip
    assert api.get(f"{URL}/999999/sop-document").codes == ["CP_NOT_FOUND"]


def test_documents_need_rights(api: Api, as_user: Callable[[User], Api], statuses: Statuses) -> None:
    made = designs.protocol(api, sopDocumentName=uploaded(api))
    nobody = as_user(factories.user())
    for answer in (
        nobody.upload(f"{URL}/sop-documents", "plan.pdf", b"x"),
        nobody.get(f"{URL}/{made['id']}/sop-document"),
        nobody.get(f"{URL}/{made['id']}/forms?entityType=Specimen"),
    ):
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])


@pytest.mark.parametrize("name", ["a" * 240 + ".pdf", "計" * 190 + ".pdf"])
def test_long_names_are_cut_at_their_beginning(api: Api, name: str) -> None:
    made = designs.protocol(api, sopDocumentName=uploaded(api, name))
    assert made["sopDocumentName"].endswith(f"{name[-30:]}")
    assert api.get(f"{URL}/{made['id']}/sop-document").body == b"%PDF-1"


def test_an_upload_needs_a_file(api: Api) -> None:
    assert api.post(
        f"{URL}/sop-documents", b"", **{"Content-Type": "multipart/form-data; boundary=x"}
    ).codes == ["INVALID_REQUEST"]


def test_no_form_is_attached_yet(api: Api, statuses: Statuses) -> None:
    made = designs.protocol(api)
    assert api.get(f"{URL}/extension-form").json is None
    levels = "entityType=Participant&entityType=Specimen"
    assert api.get(f"{URL}/{made['id']}/forms?{levels}").json == []
    assert api.get(f"{URL}/{made['id']}/forms").codes == ["INVALID_REQUEST"]
    unknown = api.get(f"{URL}/999999/forms?{levels}")
    assert (unknown.status, unknown.codes) == (statuses.not_found, ["CP_NOT_FOUND"])
