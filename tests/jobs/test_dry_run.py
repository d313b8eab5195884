"""Dry runs: all is tried, the whole report is made, nothing is written (ours, beside spec 04 §1.3)."""

import threading
from typing import Any

import pytest

from importjobs.models import ImportJob
from sessions_auth.models import User
from sites.models import Institute
from specimens.visit.models import Visit
from tests import factories, studies
from tests.client import Api
from tests.jobs.importing import finish, imported, outcomes, report, start, upload

pytestmark = pytest.mark.django_db


def names() -> set[str]:
    return set(Institute.objects.values_list("name", flat=True))


@pytest.mark.parametrize("atomic", [False, True])
def test_a_dry_run_tells_what_the_run_would_and_writes_nothing(api: Api, settings: Any, atomic: bool) -> None:
    settings.IMPORT_CHUNK_ROWS = 2
    before = names()
    content = "Name\nNorth\nSouth\nNORTH\nWest\n" + "x" * 300 + "\nsouth\n"
    job = imported(api, content, dryRun=True, atomic=atomic)
    assert (job["status"], job["totalRecords"], job["failedRecords"]) == ("FAILED", 6, 3)
    assert job["dryRun"] is True
    assert names() == before
    real = imported(api, content)
    assert report(api, real["id"]) == report(api, job["id"])  # rows saw those before them, across chunks
    assert "dryRun" not in real
    paths = ("errors", "statistics", "failed-rows")
    dry_answers, real_answers = (
        [api.get(f"/import-jobs/{one['id']}/{path}").body for path in paths] for one in (job, real)
    )
    assert dry_answers == real_answers


def test_the_file_of_a_dry_run_stays_usable_for_the_run_itself(api: Api) -> None:
    file_id = upload(api, "Name\nNorth\n")
    body = {"objectType": "institute", "inputFileId": file_id}
    dry = finish(api, api.post("/import-jobs", {**body, "dryRun": True}).json["id"])
    assert (dry["status"], dry["totalRecords"]) == ("COMPLETED", 1)
    assert finish(api, api.post("/import-jobs", body).json["id"])["status"] == "COMPLETED"
    assert "North" in names()
    assert outcomes(api, dry["id"]) == ["SUCCESS"]


def test_no_limit_of_one_transaction_holds_for_a_dry_run(api: Api) -> None:
    from biobank.configuration.models import SettingValue

    SettingValue.objects.create(module="common", name="import_max_records_per_txn", value="1")
    assert imported(api, "Name\nA\nB\n", dryRun=True, atomic=True)["status"] == "COMPLETED"


def test_a_dry_run_leaves_no_people_mails_visits_numbers_or_history(api: Api, mailoutbox: Any) -> None:
    protocol = studies.protocol("LUNG")
    institute = factories.institute("Northern University")
    people = User.objects.count()
    job = imported(
        api,
        "Type,First Name,Last Name,Email Address,Login Name,Domain Name,Institute\n"
        f"NONE,Ada,Byron,ada@example.org,ada,openspecimen,{institute.name}\n",
        "user",
        dryRun=True,
    )
    assert outcomes(api, job["id"]) == ["SUCCESS"], report(api, job["id"])
    studies.registration(protocol, "P1")
    visits = "CP Short Title,PPID,Name\nLUNG,P1,V1\n"
    imported(api, visits, "visit", dryRun=True, dateFormat="yyyy-MM-dd")
    assert (User.objects.count(), Visit.objects.count()) == (people, 0)
    assert [mail.subject.split(":")[0] for mail in mailoutbox if "Import job" not in mail.subject] == []
    assert all("Dry run" in mail.body for mail in mailoutbox)


def test_a_stopped_dry_run_tells_how_far_it_came(
    api: Api, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.IMPORT_CHUNK_ROWS = 2
    from importjobs.runner import _Run

    job_id = start(api, "Name\nA\na\nB\nC\n", dryRun=True)
    write = _Run._write

    def stopped(self: _Run, job: ImportJob, chunk: Any) -> Any:
        api.put(f"/import-jobs/{job_id}/stop")
        return write(self, job, chunk)

    monkeypatch.setattr(_Run, "_write", stopped)
    job = finish(api, job_id)
    assert (job["status"], job["totalRecords"], job["failedRecords"]) == ("STOPPED", 2, 1)
    assert outcomes(api, job_id) == ["SUCCESS", "FAIL"]


def test_others_see_how_far_one_long_transaction_is(
    api: Api, committed: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that renews the lease tells it; the rows themselves are not to be seen."""
    from biobank.jobs import runner as slices
    from importjobs.runner import _Run

    settings.IMPORT_CHUNK_ROWS = 2
    monkeypatch.setattr(slices, "NEWS_SECONDS", 0.01)
    job_id = start(api, "Name\nA\na\nB\nC\n", dryRun=True)
    told = threading.Event()
    seen: list[dict[str, Any]] = []
    write = _Run._write

    def slowly(self: _Run, job: ImportJob, chunk: Any) -> Any:
        if chunk.first_row > 1:
            for _ in range(500):
                found = ImportJob.objects.get(
                    pk=job_id
                )  # read committed: what the thread wrote is seen here, too
                if found.live:
                    seen.append(api.get(f"/import-jobs/{job_id}/progress").json)
                    break
                told.wait(0.01)
        return write(self, job, chunk)

    monkeypatch.setattr(_Run, "_write", slowly)
    job = finish(api, job_id)
    assert [(found["done"], found["failed"], found["percent"]) for found in seen[:1]] == [(2, 1, 50)]
    assert (job["totalRecords"], job["failedRecords"]) == (4, 1)
