"""Files that spread an object over several rows (spec 04 §3.2)."""

from typing import Any

import pytest

from specimens.participant.models import ConsentResponse
from specimens.protocol.models import ConsentStatement, ConsentTier
from tests import studies
from tests.client import Api
from tests.jobs.importing import finish, imported, report, start, submit

pytestmark = pytest.mark.django_db

HEADER = "Consent Comments,CP Short Title,PPID,Consent Statement Code,Consent Response,Note\n"
MULTIPLE = {"csvType": "MULTIPLE_ROWS_PER_OBJ"}


@pytest.fixture(autouse=True)
def people(db: None) -> None:
    protocol = studies.protocol("LUNG")
    for code in ("C1", "C2", "C3"):
        statement = ConsentStatement.objects.create(code=code, statement=f"Statement {code}")
        ConsentTier.objects.create(protocol=protocol, statement=statement)
    for ppid in ("P1", "P2", "P3"):
        studies.registration(protocol, ppid)


def answers() -> dict[tuple[str, str], str]:
    rows = ConsentResponse.objects.values_list("registration__ppid", "tier__statement__code", "response")
    return {(ppid, code): response for ppid, code, response in rows}


def lines(api: Api, job_id: int) -> list[tuple[str, str, str]]:
    return [(row["PPID"], row["Note"], row["OS_IMPORT_STATUS"]) for row in report(api, job_id)]


def test_rows_of_one_object_need_not_be_neighbours(api: Api) -> None:
    content = f"{HEADER}first,LUNG,P2,C1,Yes,1\nfirst,LUNG,P1,C1,No,2\n\nlater,LUNG,P2,C2,No,3\nx,LUNG,P1,C3,Yes,4\n"
    job = imported(api, content, "consent", **MULTIPLE)
    assert (job["status"], job["totalRecords"], job["failedRecords"]) == ("COMPLETED", 2, 0)
    assert answers() == {
        ("P2", "C1"): "Yes",
        ("P2", "C2"): "No",
        ("P1", "C1"): "No",
        ("P1", "C3"): "Yes",
    }
    assert lines(api, job["id"]) == [
        ("P2", "1", "SUCCESS"),
        ("P2", "3", "SUCCESS"),
        ("P1", "2", "SUCCESS"),
        ("P1", "4", "SUCCESS"),
    ]
    comments = ConsentResponse.objects.values_list("registration__consent_comments", flat=True).distinct()
    assert list(comments) == ["first"]


def test_one_bad_item_fails_all_rows_of_its_object(api: Api, settings: Any) -> None:
    settings.IMPORT_CHUNK_ROWS = 1
    content = (
        f"{HEADER},LUNG,P1,C1,Yes,1\n,LUNG,P2,C1,Yes,2\n,LUNG,P1,C9,Yes,3\n"
        ",LUNG,P3,C1,Perhaps,4\n,LUNG,P1,C2,Perhaps,5\n"
    )
    job = imported(api, content, "consent", **MULTIPLE)
    assert (job["status"], job["totalRecords"], job["failedRecords"]) == ("FAILED", 3, 2)
    rows = report(api, job["id"])
    assert [(row["Note"], row["OS_IMPORT_STATUS"]) for row in rows] == [
        ("1", "FAIL"),
        ("3", "FAIL"),
        ("5", "FAIL"),
        ("2", "SUCCESS"),
        ("4", "FAIL"),
    ]
    assert len({row["OS_ERROR_MESSAGE"] for row in rows[:3]}) == 1  # joined, the same in every row
    assert answers() == {("P2", "C1"): "Yes"}
    errors = api.get(f"/import-jobs/{job['id']}/errors").json
    assert 4 in [row["row"] for row in errors["rows"]]  # as the file counts its rows
    assert api.get(f"/import-jobs/{job['id']}/failed-rows").body.decode().count("\n") == 1 + 4


def test_a_cell_that_cannot_be_read_fails_its_object_only(api: Api) -> None:
    header = "CP Short Title,PPID,Consent Date,Consent Statement Code,Consent Response,Note\n"
    content = f"{header}LUNG,P1,,C1,Yes,1\nLUNG,P2,,C1,Yes,2\nLUNG,P1,soon,C2,Yes,3\n"
    job = imported(api, content, "consent", **MULTIPLE)
    assert [status for _, _, status in lines(api, job["id"])] == ["FAIL", "FAIL", "SUCCESS"]
    [row] = api.get(f"/import-jobs/{job['id']}/errors").json["rows"]
    assert (row["row"], row["problems"][0]["column"], row["problems"][0]["value"]) == (
        3,
        "Consent Date",
        "soon",
    )


def test_rows_that_name_no_key_are_objects_of_their_own(api: Api) -> None:
    job = imported(api, f"{HEADER},,,C1,Yes,1\n,,,C1,Yes,2\n,LUNG,P1,C1,Yes,3\n", "consent", **MULTIPLE)
    assert (job["totalRecords"], job["failedRecords"]) == (3, 2)


def test_chunks_hold_whole_objects_and_slices_go_on_between_them(api: Api, settings: Any) -> None:
    settings.IMPORT_CHUNK_ROWS, settings.JOB_SLICE_SECONDS = 2, 0
    rows = [f",LUNG,{ppid},{code},Yes,x\n" for code in ("C1", "C2", "C3") for ppid in ("P1", "P2", "P3")]
    job_id = start(api, HEADER + "".join(rows), "consent", **MULTIPLE)
    seen = []
    while (job := finish(api, job_id))["status"] == "IN_PROGRESS":
        seen.append((job["totalRecords"], len(report(api, job_id))))
    assert seen == [(1, 3), (2, 6)]
    assert (job["status"], job["totalRecords"], len(answers())) == ("COMPLETED", 3, 9)


def test_rows_a_stopped_job_did_not_reach_have_no_status(api: Api, settings: Any) -> None:
    settings.IMPORT_CHUNK_ROWS, settings.JOB_SLICE_SECONDS = 1, 0
    content = f"{HEADER},LUNG,P1,C1,Yes,1\n,LUNG,P2,C1,Yes,2\n,LUNG,P1,C2,Yes,3\n"
    job_id = start(api, content, "consent", **MULTIPLE)
    finish(api, job_id)
    api.put(f"/import-jobs/{job_id}/stop")
    job = finish(api, job_id)
    assert (job["status"], job["totalRecords"]) == ("STOPPED", 1)
    assert lines(api, job_id) == [("P1", "1", "SUCCESS"), ("P1", "3", "SUCCESS"), ("P2", "2", "")]
    to_do = api.get(f"/import-jobs/{job_id}/failed-rows").body.decode()
    assert to_do.splitlines()[1:] == ['"","LUNG","P2","C1","Yes","2"']
    settings.JOB_SLICE_SECONDS = 10
    again = finish(api, api.post(f"/import-jobs/{job_id}/retry").json["id"])
    assert (again["status"], again["totalRecords"]) == ("COMPLETED", 1)


@pytest.mark.parametrize("options", [{"atomic": True}, {"dryRun": True}])
def test_all_or_nothing_holds_for_objects_too(api: Api, options: dict[str, Any]) -> None:
    content = f"{HEADER},LUNG,P1,C1,Yes,1\n,LUNG,P2,C9,Yes,2\n,LUNG,P1,C2,Yes,3\n"
    job = imported(api, content, "consent", **MULTIPLE, **options)
    assert (job["status"], job["totalRecords"], job["failedRecords"]) == ("FAILED", 2, 1)
    assert [status for _, _, status in lines(api, job["id"])] == ["SUCCESS", "SUCCESS", "FAIL"]
    assert answers() == {}


def test_a_schema_whose_rows_cannot_be_grouped_is_refused(api: Api) -> None:
    answer = submit(api, "Name\nNorth\n", **MULTIPLE)
    assert (answer.status, answer.codes) == (400, ["COMMON_INVALID_INPUT"])
