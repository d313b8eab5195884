"""Surgical pathology reports of visits (spec 03 §2.7)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biobank.files.stored import place
from sessions_auth.models import User
from specimens.visit.models import Visit
from specimens.visit.reads.reports import AREA
from specimens.visit.writes import reports
from tests import factories, studies
from tests.client import Api, Statuses

pytestmark = pytest.mark.django_db
FOUND = "Adenocarcinoma, 12 mm (left lobe)"


@pytest.fixture
def visit(db: None) -> Visit:
    return studies.visit(studies.registration(studies.protocol()), "LC-0042-V1")


def stored(visit: Visit) -> Path:
    return place(AREA, Visit.objects.get(pk=visit.pk).spr_file or "")


def upload(api: Api, visit: Visit, name: str = "report.txt", content: bytes = FOUND.encode()) -> Any:
    return api.upload(f"/visits/{visit.pk}/spr-file", name, content)


def test_a_text_report_is_kept_read_and_downloaded(api: Api, visit: Visit, statuses: Statuses) -> None:
    answer = upload(api, visit, "pathology")
    assert (answer.status, answer.json) == (200, "pathology.txt")
    shown = api.get(f"/visits/{visit.pk}").json
    assert (shown["sprName"], shown["sprLocked"]) == ("pathology.txt", False)
    assert api.get(f"/visits/{visit.pk}/spr-text").json == FOUND
    for query in ("", "?type=text"):
        file = api.get(f"/visits/{visit.pk}/spr-file{query}")
        assert (file.status, file.body) == (200, FOUND.encode())
        assert file.headers["Content-Disposition"] == 'attachment;filename="LC-0042-V1.txt"'


def test_a_text_is_rendered_as_a_pdf_document(api: Api, visit: Visit) -> None:
    upload(api, visit)
    file = api.get(f"/visits/{visit.pk}/spr-file?type=pdf")
    assert file.headers["Content-Type"] == "application/pdf"
    assert file.headers["Content-Disposition"] == 'attachment;filename="LC-0042-V1.pdf"'
    assert file.body.startswith(b"%PDF-1.4") and rb"12 mm \(left lobe\)" in file.body
    assert api.get(f"/visits/{visit.pk}/spr-file?type=word").codes == ["COMMON_INVALID_INPUT"]


def test_other_files_are_kept_as_they_are(api: Api, visit: Visit) -> None:
    content = b"%PDF-1.7 \x00\xff"
    assert upload(api, visit, "scan.pdf", content).json == "scan.pdf"
    for query in ("", "?type=pdf"):
        file = api.get(f"/visits/{visit.pk}/spr-file{query}")
        assert (file.body, file.headers["Content-Type"]) == (content, "application/pdf")
        assert file.headers["Content-Disposition"] == 'attachment;filename="LC-0042-V1.pdf"'
    assert (api.get(f"/visits/{visit.pk}/spr-text").status, api.get(f"/visits/{visit.pk}/spr-text").json) == (
        200,
        None,
    )
    assert api.put(f"/visits/{visit.pk}/spr-text", {"sprText": "x"}).codes == ["VISIT_NON_TEXT_SPR"]
    assert api.put(f"/visits/{visit.pk}/spr-lock", {"locked": True}).json["locked"] is True
    api.put(f"/visits/{visit.pk}/spr-lock", {"locked": False})
    upload(api, visit, "scan.tiff", b"II*\x00")
    assert api.put(f"/visits/{visit.pk}/spr-lock", {"locked": True}).codes == ["VISIT_NON_TEXT_SPR"]


def test_the_words_of_a_report_can_be_changed(api: Api, visit: Visit, statuses: Statuses) -> None:
    upload(api, visit)
    first = stored(visit)
    answer = api.put(f"/visits/{visit.pk}/spr-text", {"sprText": "No tumour – 2nd look"})
    assert (answer.status, answer.json) == (statuses.created, "No tumour – 2nd look")
    assert api.get(f"/visits/{visit.pk}/spr-text").json == "No tumour – 2nd look"
    assert api.get(f"/visits/{visit.pk}").json["sprName"] == "report.txt"
    assert first != stored(visit)
    assert api.put(f"/visits/{visit.pk}/spr-text", {}).codes == ["VISIT_SPR_TEXT_NA"]


def test_a_text_of_an_old_machine_becomes_utf_8(api: Api, visit: Visit) -> None:
    upload(api, visit, content="Größe 12 mm".encode("cp1252"))
    assert api.get(f"/visits/{visit.pk}/spr-text").json == "Größe 12 mm"


def test_a_locked_report_stays_as_it_is(api: Api, visit: Visit) -> None:
    path = f"/visits/{visit.pk}"
    upload(api, visit)
    answer = api.put(f"{path}/spr-lock", {"locked": True})
    assert (answer.status, answer.json) == (
        200,
        {"visitId": visit.pk, "visitName": "LC-0042-V1", "locked": True},
    )
    assert upload(api, visit).codes == ["VISIT_LOCKED_SPR"]
    assert api.put(f"{path}/spr-text", {"sprText": "x"}).codes == ["VISIT_LOCKED_SPR"]
    assert api.delete(f"{path}/spr-file").codes == ["VISIT_LOCKED_SPR"]
    assert api.get(f"{path}/spr-text").json == FOUND
    assert api.put(f"{path}/spr-lock", {"locked": "false"}).json["locked"] is False
    assert api.put(f"{path}/spr-text", {"sprText": "x"}).json == "x"


def test_only_complete_visits_have_reports(api: Api, visit: Visit) -> None:
    Visit.objects.filter(pk=visit.pk).update(status="Pending")
    assert upload(api, visit).codes == ["VISIT_COMPL_VISIT_REQ"]
    assert api.put(f"/visits/{visit.pk}/spr-text", {"sprText": "x"}).codes == ["VISIT_COMPL_VISIT_REQ"]


def test_where_there_is_no_report_every_call_says_so(api: Api, visit: Visit, statuses: Statuses) -> None:
    path = f"/visits/{visit.pk}"
    for answer in (
        api.get(f"{path}/spr-file"),
        api.get(f"{path}/spr-text"),
        api.put(f"{path}/spr-text", {"sprText": "x"}),
        api.put(f"{path}/spr-lock", {"locked": True}),
        api.delete(f"{path}/spr-file"),
    ):
        assert (answer.status, answer.codes) == (400, ["VISIT_NO_SPR_UPLOADED"])
    missing = api.get("/visits/999999/spr-file")
    assert (missing.status, missing.codes) == (statuses.not_found, ["VISIT_NOT_FOUND"])


def test_a_report_that_vanished_from_disk_is_a_failure_of_the_server(
    api: Api, visit: Visit, statuses: Statuses
) -> None:
    upload(api, visit)
    stored(visit).unlink()
    for call in ("spr-file", "spr-file?type=pdf", "spr-text"):
        answer = api.get(f"/visits/{visit.pk}/{call}")
        assert (answer.status, answer.codes) == (500, ["VISIT_UNABLE_TO_LOCATE_SPR"])


def test_a_deleted_or_replaced_report_leaves_no_file(
    api: Api, visit: Visit, django_capture_on_commit_callbacks: Any
) -> None:
    upload(api, visit)
    first = stored(visit)
    with django_capture_on_commit_callbacks(execute=True):
        upload(api, visit, "second.txt")
    second = stored(visit)
    assert not first.exists() and second.exists()
    with django_capture_on_commit_callbacks(execute=True):
        answer = api.delete(f"/visits/{visit.pk}/spr-file")
    assert (answer.status, answer.json) == (200, True)
    assert not second.exists() and "sprName" not in api.get(f"/visits/{visit.pk}").json


def test_an_anonymized_participant_has_no_report_left(
    api: Api, visit: Visit, django_capture_on_commit_callbacks: Any
) -> None:
    upload(api, visit, "moreau ida.txt")
    file = stored(visit)
    with django_capture_on_commit_callbacks(execute=True):
        api.put(f"/collection-protocol-registrations/{visit.registration_id}/anonymize")
    assert not file.exists()
    assert "sprName" not in api.get(f"/visits/{visit.pk}").json
    assert api.get(f"/visits/{visit.pk}/spr-text").codes == ["VISIT_NO_SPR_UPLOADED"]


def test_the_report_of_a_deleted_visit_stays_until_the_participant_is_anonymized(
    api: Api, visit: Visit, django_capture_on_commit_callbacks: Any
) -> None:
    upload(api, visit)
    file = stored(visit)
    with django_capture_on_commit_callbacks(execute=True):
        assert api.delete(f"/visits/{visit.pk}").status == 200
    assert file.exists() and api.get(f"/visits/{visit.pk}/spr-text").codes == ["VISIT_NOT_FOUND"]
    with django_capture_on_commit_callbacks(execute=True):
        api.put(f"/collection-protocol-registrations/{visit.registration_id}/anonymize")
    assert not file.exists()


def test_a_text_too_long_to_be_answered_is_refused(
    api: Api, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "TEXT_LIMIT", 10)
    assert upload(api, visit, content=b"x" * 11).codes == ["COMMON_TOO_LARGE"]
    assert upload(api, visit, "scan.pdf", b"x" * 11).status == 200
    assert api.upload(f"/visits/{visit.pk}/spr-text", "x.txt", b"").status in (405, 415)


def test_the_sender_neither_chooses_the_place_nor_breaks_the_header(api: Api, visit: Visit) -> None:
    assert upload(api, visit, "ä" * 300 + ".txt").status == 200
    assert stored(visit).parent == place(AREA, "x").parent
    Visit.objects.filter(pk=visit.pk).update(name='V"1\r\nSet-Cookie: a=b')
    header = api.get(f"/visits/{visit.pk}/spr-file").headers["Content-Disposition"]
    assert header == 'attachment;filename="V_1__Set-Cookie: a=b.txt"'
    assert api.call("post", f"/visits/{visit.pk}/spr-file", {"file": "x"}).status == 415


@pytest.mark.parametrize(
    ("on_visit", "on_report", "allowed"),
    [
        (["Read"], ["Read"], {"read"}),
        (["Read"], [], set()),
        ([], ["Read", "Create", "Update", "Delete", "Lock", "Unlock"], set()),
        (["Read", "Update"], ["Update"], {"write"}),
        (["Read", "Create"], ["Create"], {"write"}),
        (["Read", "Update"], ["Lock"], {"lock"}),
        (["Read", "Update"], ["Unlock"], {"unlock"}),
        (["Read", "Delete"], ["Delete"], {"delete"}),
    ],
)
def test_reports_take_rights_of_their_own_besides_the_visits(
    api: Api,
    visit: Visit,
    as_user: Callable[[User], Api],
    on_visit: list[str],
    on_report: list[str],
    allowed: set[str],
) -> None:
    upload(api, visit)
    somebody = factories.user()
    factories.grant(somebody, {"Visit": on_visit, "SurgicalPathologyReport": on_report})
    theirs, path = as_user(somebody), f"/visits/{visit.pk}"
    answers = {
        "read": theirs.get(f"{path}/spr-text"),
        "write": upload(theirs, visit),
        "lock": theirs.put(f"{path}/spr-lock", {"locked": True}),
    }
    Visit.objects.filter(pk=visit.pk).update(spr_locked=False)
    answers["unlock"] = theirs.put(f"{path}/spr-lock", {"locked": False})
    answers["delete"] = theirs.delete(f"{path}/spr-file")
    assert {name for name, answer in answers.items() if answer.status < 300} == allowed
    assert all(a.codes == ["RBAC_ACCESS_DENIED"] for name, a in answers.items() if name not in allowed)
