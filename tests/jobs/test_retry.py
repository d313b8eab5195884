"""Running again only the rows that did not get in (ours, beside spec 04 §2)."""

from typing import Any

import pytest

from sites.models import Institute
from tests.client import Api
from tests.jobs.importing import finish, imported, outcomes, start, submit, upload

pytestmark = pytest.mark.django_db


def rows(api: Api, job_id: int) -> str:
    answer = api.get(f"/import-jobs/{job_id}/failed-rows")
    assert answer.status == 200, answer.json
    return answer.body.decode()


def retried(api: Api, job_id: int, **body: Any) -> dict[str, Any]:
    answer = (
        api.post(f"/import-jobs/{job_id}/retry", body) if body else api.post(f"/import-jobs/{job_id}/retry")
    )
    assert answer.status == 200, answer.json
    return finish(api, answer.json["id"])


def test_failed_rows_are_handed_back_as_they_were(api: Api) -> None:
    job = imported(api, 'name;note\nA;1\n"a";"=1+""2"""\n\nB;\nb;x;surplus\n', fieldSeparator=";")
    assert rows(api, job["id"]) == '"name";"note"\n"a";"=1+""2"""\n"b";"x";"surplus"\n'


def test_only_what_failed_runs_again_with_the_same_options(api: Api) -> None:
    job = imported(
        api, "Name;n\nNorth;1\nnorth;2\n", fieldSeparator=";", dateFormat="yyyyMMdd", objectParams={"k": "v"}
    )
    Institute.objects.filter(name="North").update(name="Elsewhere")
    again = retried(api, job["id"])
    same = ("name", "type", "params", "fieldSeparator", "dateFormat")
    assert {key: again[key] for key in same} == {key: job[key] for key in same}
    assert (again["status"], again["totalRecords"], again["retryOf"]) == ("COMPLETED", 1, job["id"])
    assert Institute.objects.filter(name="north").exists()


def test_a_repaired_file_takes_their_place(api: Api) -> None:
    job = imported(api, "Name\nNorth\nnorth\n", atomic=False)
    again = retried(api, job["id"], inputFileId=upload(api, "Name\nSouth\nWest\n"))
    assert (again["status"], again["totalRecords"]) == ("COMPLETED", 2)


def test_rows_a_stopped_job_did_not_reach_are_to_do(api: Api, settings: Any) -> None:
    settings.IMPORT_CHUNK_ROWS, settings.JOB_SLICE_SECONDS = 2, 0
    job_id = start(api, "Name\nA\na\nB\nC\n")
    finish(api, job_id)
    api.put(f"/import-jobs/{job_id}/stop")
    assert finish(api, job_id)["status"] == "STOPPED"
    assert rows(api, job_id) == '"Name"\n"a"\n"B"\n"C"\n'
    settings.JOB_SLICE_SECONDS = 10
    again = retried(api, job_id)
    assert outcomes(api, again["id"]) == ["FAIL", "SUCCESS", "SUCCESS"]


def test_of_an_atomic_job_that_saved_nothing_all_rows_are_to_do(api: Api) -> None:
    job = imported(api, "Name\nA\na\nB\n", atomic=True)
    assert rows(api, job["id"]) == '"Name"\n"A"\n"a"\n"B"\n'


def test_what_a_dry_run_tried_is_saved_with_all_its_rows(api: Api) -> None:
    dry = imported(api, "Name\nA\na\nB\n", dryRun=True)
    assert retried(api, dry["id"])["totalRecords"] == 1  # tried again: what was wrong
    again = retried(api, dry["id"], dryRun=False)
    assert outcomes(api, again["id"]) == ["SUCCESS", "FAIL", "SUCCESS"]
    assert ("dryRun" in again, again["retryOf"]) == (False, dry["id"])
    assert Institute.objects.filter(name__in=["A", "B"]).count() == 2
    clean = imported(api, "Name\nC\n", dryRun=True)
    assert retried(api, clean["id"], dryRun=False)["status"] == "COMPLETED"
    assert Institute.objects.filter(name="C").exists()
    repaired = retried(api, dry["id"], dryRun=False, inputFileId=upload(api, "Name\nD\n"))
    assert (repaired["status"], repaired["totalRecords"]) == ("COMPLETED", 1)


def test_a_job_stopped_while_queued_can_be_taken_up_again(api: Api) -> None:
    job_id = start(api, "Name\nA\n")
    api.put(f"/import-jobs/{job_id}/stop")
    assert retried(api, job_id)["status"] == "COMPLETED"


def test_there_must_be_something_to_do_and_nobody_at_it(api: Api) -> None:
    running = submit(api, "Name\nA\n").json["id"]
    answer = api.post(f"/import-jobs/{running}/retry")
    assert (answer.status, answer.codes) == (400, ["IMPORT_JOB_NOT_OVER"])
    assert api.get(f"/import-jobs/{running}/failed-rows").codes == ["IMPORT_JOB_NOT_OVER"]
    finish(api, running)
    answer = api.post(f"/import-jobs/{running}/retry")
    assert (answer.status, answer.codes) == (400, ["IMPORT_JOB_NOTHING_TO_RETRY"])


def test_a_retry_tells_its_creator_by_mail(api: Api, mailoutbox: Any) -> None:
    job = imported(api, "Name\nA\na\n")
    mailoutbox.clear()
    retried(api, job["id"])
    assert len(mailoutbox) == 1
