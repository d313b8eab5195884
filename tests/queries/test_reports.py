"""Reports of protocols and of carts (spec 02 §A12, 03 §4.3)."""

import csv
import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail

from queries import protocol_reports, runs
from queries.models import ProtocolReport, QueryExport, SavedQuery
from queries.tasks import run_export, run_protocol_report
from sessions_auth.models import User
from tests import factories
from tests.client import Api, Statuses
from tests.queries.conftest import Biobank

AsUser = Callable[[User], Api]
Json = dict[str, Any]


def query(api: Api, *columns: str, **more: Any) -> int:
    body = {
        "title": "Labels",
        "selectList": list(columns),
        "filters": [{"id": 1, "field": "Participant.ppid", "op": "EXISTS"}],
        "queryExpression": [{"nodeType": "FILTER", "value": 1}],
        **more,
    }
    answer = api.post("/saved-queries", body)
    assert answer.status in (200, 201), answer.json
    return int(answer.json["id"])


def path(biobank: Biobank, name: str = "report") -> str:
    return f"/collection-protocols/{biobank.lung.pk}/{name}"


def lines(content: bytes) -> list[list[str]]:
    """The rows of a result file, without what stands above its header."""
    found = [row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))) if row]
    start = next(n for n, row in enumerate(found) if any("Participant" in cell for cell in row))
    return found[start:]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent to workers is worked on here."""
    monkeypatch.setattr(protocol_reports, "send", lambda made: run_protocol_report(made.pk))
    monkeypatch.setattr(runs, "send", lambda made: run_export(made.pk))


# --- Settings ---------------------------------------------------------------------------------------


def test_settings_are_kept_replaced_and_forgotten(api: Api, biobank: Biobank, statuses: Statuses) -> None:
    where = path(biobank, "report-settings")
    empty = api.get(where)
    assert (empty.status, empty.body) == (200, b"")
    pk = query(api, "Participant.ppid")
    body = {
        "enabled": "true",
        "recipients": [{"id": biobank.reader.pk}, {"emailAddress": biobank.admin.email_address}],
        "dataQuery": {"id": pk},
        "metricsCfg": {"any": ["thing"]},
        "emailTmpl": "Dear all",
        "emailTmplKey": "cp_report",
    }
    saved = api.put(where, body)
    assert saved.status == statuses.created, saved.json
    found = api.get(where).json
    assert found == saved.json
    assert found["cp"]["shortTitle"] == "LUNG"
    assert {each["id"] for each in found["recipients"]} == {biobank.reader.pk, biobank.admin.pk}
    assert (found["enabled"], found["dataQuery"]["title"]) == (True, "Labels")
    assert (found["metricsCfg"], found["emailTmpl"], found["emailTmplKey"]) == (
        {"any": ["thing"]}, "Dear all", "cp_report",
    )  # fmt: skip
    replaced = api.put(where, {"enabled": False}).json
    assert replaced["id"] == found["id"]
    assert replaced["recipients"] == [] and "dataQuery" not in replaced
    gone = api.delete(where)
    assert (gone.status, gone.json["enabled"]) == (200, False)
    assert api.get(where).body == api.delete(where).body == b""


def test_settings_name_what_exists(api: Api, biobank: Biobank, statuses: Statuses) -> None:
    where = path(biobank, "report-settings")
    for body, code in (
        ({"recipients": [{"id": 999_999}]}, "USER_NOT_FOUND"),
        ({"recipients": [{}]}, "USER_NOT_FOUND"),
        ({"dataQuery": {"id": 999_999}}, "QUERY_NOT_FOUND"),
        ({"recipients": "all"}, "INVALID_REQUEST"),
        (None, "INVALID_REQUEST"),
    ):
        answer = api.put(where, body)
        assert (answer.status, answer.codes) == (400, [code]), body
    for call in (api.get, api.delete, api.post):
        for name in ("report-settings", "report"):
            answer = call(f"/collection-protocols/999999/{name}")
            if answer.status != 405:
                assert (answer.status, answer.codes) == (statuses.not_found, ["CP_NOT_FOUND"])


def test_who_may_do_what_with_reports(
    api: Api, biobank: Biobank, as_user: AsUser, statuses: Statuses
) -> None:
    nobody = as_user(factories.user())
    rights = {"CollectionProtocol": ["Read"]}
    factories.grant(biobank.reader, rights, protocol=biobank.lung)
    reader = as_user(biobank.reader)
    where = path(biobank, "report-settings")
    assert reader.get(where).status == 200
    refused = [
        nobody.get(where), nobody.get(path(biobank) + "?fileId=x"), nobody.post(path(biobank)),
        reader.put(where, {}), reader.delete(where), reader.post(path(biobank)),
    ]  # fmt: skip
    for answer in refused:
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])


# --- Reports ----------------------------------------------------------------------------------------


def test_a_report_is_made_mailed_and_fetched(
    api: Api,
    biobank: Biobank,
    as_user: AsUser,
    at_once: None,
    django_capture_on_commit_callbacks: Any,
    statuses: Statuses,
) -> None:
    made = SavedQuery.objects.create(
        title="Labels",
        select_list=["Participant.ppid", "Specimen.label"],
        filters=[{"id": 1, "field": "Participant.ppid", "op": "EXISTS"}],
        query_expression=[{"nodeType": "FILTER", "value": 1}],
        wide_row_mode="OFF",
        created_by=biobank.admin,
        last_modified_by=biobank.admin,
    )
    api.put(
        path(biobank, "report-settings"),
        {"recipients": [{"id": biobank.reader.pk}], "dataQuery": {"id": made.pk}},
    )
    with django_capture_on_commit_callbacks(execute=True):
        started = api.post(path(biobank))
    assert (started.status, started.json) == (200, {"status": True})
    report = ProtocolReport.objects.get()
    assert {letter.to[0] for letter in mail.outbox} == {
        biobank.reader.email_address,
        User.objects.get(login_name="admin").email_address,
    }
    assert f"/report?fileId={report.file_id}" in str(mail.outbox[0].body)
    fetched = api.get(f"{path(biobank)}?fileId={report.file_id}")
    assert fetched.status == 200
    assert 'filename="CpReport_' in fetched.headers["Content-Disposition"]
    assert lines(fetched.body)[1:] == [["P1", "S1"], ["P1", "S1.1"], ["P1", "S2"], ["P2", ""]]

    factories.grant(biobank.reader, {"CollectionProtocol": ["Read"]}, protocol=biobank.lung)
    assert as_user(biobank.reader).get(f"{path(biobank)}?fileId={report.file_id}").status == 200
    other = factories.user()
    factories.grant(other, {"CollectionProtocol": ["Read", "Update"]}, protocol=biobank.lung)
    answer = as_user(other).get(f"{path(biobank)}?fileId={report.file_id}")
    assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
    elsewhere = f"/collection-protocols/{biobank.skin.pk}/report?fileId={report.file_id}"
    for wrong in (
        elsewhere,
        f"{path(biobank)}?fileId=../{report.file_id}",
        f"{path(biobank)}?fileId=nothing",
    ):
        answer = api.get(wrong)
        assert (answer.status, answer.codes) == (statuses.not_found, ["CP_RPT_FILE_NOT_FOUND"])
    assert api.get(path(biobank)).codes == ["INVALID_REQUEST"]
    protocol_reports.path_of(report).unlink()
    assert api.get(f"{path(biobank)}?fileId={report.file_id}").codes == ["CP_RPT_FILE_NOT_FOUND"]


def test_reports_can_be_off(api: Api, biobank: Biobank, at_once: None) -> None:
    where = path(biobank, "report-settings")
    pk = query(api, "Participant.ppid")
    assert api.post(path(biobank)).codes == ["CP_RPT_DISABLED"]
    for body in ({"enabled": True}, {"enabled": False, "dataQuery": {"id": pk}}):
        assert api.put(where, body).status == 201
        answer = api.post(path(biobank))
        assert (answer.status, answer.codes) == (400, ["CP_RPT_DISABLED"])
    api.put(where, {"dataQuery": {"id": pk}})
    api.delete(f"/saved-queries/{pk}")
    assert api.post(path(biobank)).codes == ["CP_RPT_DISABLED"]
    assert not ProtocolReport.objects.exists()


def test_a_report_shows_what_its_author_may_see(
    api: Api, biobank: Biobank, as_user: AsUser, at_once: None
) -> None:
    pk = query(api, "Participant.ppid", "Participant.lastName", wideRowMode="OFF")
    api.put(path(biobank, "report-settings"), {"dataQuery": {"id": pk}})
    author = biobank.reader
    factories.grant(author, {"CollectionProtocol": ["Read", "Update"]}, protocol=biobank.lung)
    assert as_user(author).post(path(biobank)).codes == ["RBAC_ACCESS_DENIED"]  # no right to query
    factories.grant(author, {"Query": ["Read"], "ParticipantDeid": ["Read"]}, protocol=biobank.lung)
    assert as_user(author).post(path(biobank)).status == 200
    report = ProtocolReport.objects.get()
    fetched = as_user(author).get(f"{path(biobank)}?fileId={report.file_id}")
    assert lines(fetched.body)[1:] == [["P1", "##########"], ["P2", "##########"]]


# --- Carts ------------------------------------------------------------------------------------------


def test_a_cart_s_report_exports_its_specimens(
    api: Api, biobank: Biobank, at_once: None, as_user: AsUser, statuses: Statuses
) -> None:
    made = api.post("/specimen-lists", {"name": "Fetch", "specimenIds": [biobank.s1.pk, biobank.s3.pk]})
    where = f"/specimen-lists/{made.json['id']}/report"
    unconfigured = api.get(where)
    assert (unconfigured.status, unconfigured.json) == (200, None)
    saved = SavedQuery.objects.create(
        title="Cart",
        select_list=["Participant.ppid", "Specimen.label"],
        filters=[
            {"id": 1, "field": "Participant.ppid", "op": "EXISTS"},
            {"id": 2, "field": "Specimen.label", "op": "EXISTS"},
        ],
        query_expression=[
            {"nodeType": "FILTER", "value": 1},
            {"nodeType": "OPERATOR", "value": "OR"},
            {"nodeType": "FILTER", "value": 2},
        ],
        created_by=biobank.admin,
        last_modified_by=biobank.admin,
    )
    setting = {"module": "common", "name": "cart_specimens_rpt_query", "value": str(saved.pk)}
    assert api.put("/config-settings", setting).status in (200, 201)

    def exported(address: str) -> list[str]:
        started = api.get(address)
        assert started.json["completed"] is True
        content = api.get(f"/query/export?fileId={started.json['dataFile']}").body
        archive = zipfile.ZipFile(io.BytesIO(content))
        return [row[1] for row in lines(archive.read(archive.namelist()[0]))[1:]]

    assert exported(where) == ["S1", "S3_%"]
    assert exported(f"{where}?specimenId={biobank.s3.pk}&specimenId={biobank.s2.pk}") == ["S3_%"]
    assert exported("/specimen-lists/0/report") == []
    answer = api.get("/specimen-lists/999999/report")
    assert (answer.status, answer.codes) == (statuses.not_found, ["SPECIMEN_LIST_NOT_FOUND"])
    answer = as_user(biobank.reader).get(where)
    assert (answer.status, answer.codes) == (statuses.forbidden, ["SPECIMEN_LIST_ACCESS_NOT_ALLOWED"])
    assert QueryExport.objects.count() == 3
