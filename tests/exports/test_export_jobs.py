"""Export jobs: the calls, waiting, who may fetch what, notices, and how long files are kept (spec 04 §6)."""

import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from biobank.batch import schema as schemas
from biobank.files import folder
from biobank.jobs.models import State
from exports.objects import building, store, waiting
from exports.objects.detail import NewExport
from exports.objects.models import ObjectExport
from exports.objects.requests import submit
from exports.objects.writing import path_of
from exports.tasks import export_objects
from sessions_auth.actor import actor_of
from sessions_auth.models import User
from tests import factories
from tests.client import Api, Statuses
from tests.exports.exporting import archive, ask, exported, finish, rows, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def at_work(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a call waits, a worker works."""
    settings.EXPORT_WAIT_SECONDS = 30

    def work(seconds: float) -> None:
        for pk in ObjectExport.objects.filter(state=State.PENDING).values_list("pk", flat=True):
            export_objects(pk)

    monkeypatch.setattr(waiting, "_sleep", work)


# --- Asking and waiting -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/export-jobs", "/export-jobs/"])
def test_an_export_that_ends_in_time_is_answered_with_its_end(
    api: Api, admin: User, at_work: None, path: str, statuses: Statuses
) -> None:
    body = {"objectType": "institute", "params": {"cpId": 7, "ppids": "L1,L2", "$$users": "1"}, "strange": 1}
    answer = api.post(path, body)
    assert answer.status == 200
    job = answer.json
    assert job["createdBy"]["loginName"] == admin.login_name
    assert job["endTime"] >= job["creationTime"]
    told = {key: job[key] for key in ("name", "status", "totalRecords", "params")}
    assert told == {
        "name": "institute",
        "status": "COMPLETED",
        "totalRecords": None,
        "params": {"cpId": "7", "ppids": "L1,L2", "timeZone": "UTC"},
    }
    assert api.get(f"/export-jobs/{job['id']}").json == {**job, "totalRecords": 1}
    answer = api.get(f"/export-jobs/{job['id']}/output")
    assert (answer.headers["Content-Type"], answer.headers["Content-Disposition"]) == (
        "application/zip",
        f"attachment;filename=ExportJob_{job['id']}.zip",
    )
    assert zipfile.ZipFile(io.BytesIO(answer.body)).namelist() == ["output.csv"]


def test_an_export_that_takes_longer_is_in_progress_and_the_same_request_finds_it(api: Api) -> None:
    first = ask(api, "institute", params={"a": "1"})
    assert (first["status"], first["endTime"], first["totalRecords"]) == ("IN_PROGRESS", None, None)
    answer = api.get(f"/export-jobs/{first['id']}/output")
    assert (answer.status, answer.codes) == (400, ["EXPORT_JOB_IN_PROGRESS"])
    assert ask(api, "institute", params={"a": "1"})["id"] == first["id"]
    assert ask(api, "institute", params={"a": "2"})["id"] != first["id"]
    assert ask(api, "institute", params={"a": "1"}, recordIds=[1])["id"] != first["id"]
    finish(api, first["id"])
    again = ask(api, "institute", params={"a": "1"})
    assert (again["id"], again["status"]) == (first["id"], "COMPLETED")
    assert ask(api, "institute", params={"a": "1"})["id"] != first["id"]  # its end was told: now build anew


def test_an_export_begun_before_is_not_taken_for_one_that_was_asked_for_now(api: Api, at_work: None) -> None:
    """What the caller wrote before asking is in the file."""
    first = ask(api, "institute")
    factories.institute("North")
    second = ask(api, "institute")
    assert second["id"] != first["id"]
    with archive(api, second["id"]) as found:
        assert b'"North"' in found.read("output.csv")


def test_nobody_gets_the_job_of_another_caller(api: Api, as_user: Callable[[User], Api]) -> None:
    other = as_user(factories.user("SUPER"))
    assert ask(other, "institute")["id"] != ask(api, "institute")["id"]


def test_the_zone_is_that_of_the_client(api: Api) -> None:
    answer = api.post("/export-jobs", {"objectType": "institute"}, **{"X-OS-CLIENT-TZ": "Europe/Vienna"})
    assert answer.json["params"] == {"timeZone": "Europe/Vienna"}


def test_only_some_wait_for_long(api: Api, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EXPORT_WAIT_SECONDS, settings.EXPORT_WAITERS = 30, 1
    clock = iter(range(0, 1000, 1))
    slept: list[float] = []
    monkeypatch.setattr("exports.objects.waiting.time.monotonic", lambda: next(clock))
    monkeypatch.setattr(waiting, "_sleep", slept.append)
    with waiting._place():
        assert ask(api, "institute")["status"] == "IN_PROGRESS"
    briefly = len(slept)
    assert ask(api, "institute")["status"] == "IN_PROGRESS"
    assert briefly < 3 < len(slept) - briefly
    assert max(slept) <= 0.5


def test_a_synchronous_request_waits_longer(api: Api, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EXPORT_SYNCHRONOUS_SECONDS = 5
    looks: list[bool] = []

    def look(seconds: float) -> None:
        job = ObjectExport.objects.get()
        looks.append(job.deferred)
        if len(looks) == 3:
            export_objects(job.pk)

    monkeypatch.setattr(waiting, "_sleep", look)
    assert ask(api, "institute", synchronous=True)["status"] == "COMPLETED"
    assert looks == [
        True,
        True,
        True,
    ]  # had the connection been cut meanwhile, a new request would find the job
    assert not ObjectExport.objects.get().deferred


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"objectType": "strange"}, "EXPORT_INVALID_OBJECT_TYPE"),
        ({}, "EXPORT_INVALID_OBJECT_TYPE"),
        ({"objectType": "specimenAliquot"}, "EXPORT_NO_GEN_FOR_OBJECT_TYPE"),
        ({"objectType": "institute", "params": {"a": {}}}, "INVALID_REQUEST"),
        ({"objectType": "institute", "recordIds": ["x"]}, "INVALID_REQUEST"),
    ],
)
def test_what_cannot_be_exported_is_refused_at_once(api: Api, body: Any, code: str) -> None:
    answer = api.post("/export-jobs", body)
    assert (answer.status, answer.codes) == (400, [code])
    assert not ObjectExport.objects.exists()


# --- Who may fetch what -----------------------------------------------------------------------------


def test_a_job_is_seen_by_its_creator_its_readers_and_super_administrators(
    api: Api, admin: User, as_user: Callable[[User], Api], statuses: Statuses
) -> None:
    creator, reader, other = factories.user(), factories.user(), factories.user("INSTITUTE")
    job = submit(NewExport(object_type="institute"), actor_of(creator), readers=[reader.pk])
    export_objects(job.pk)
    for path in (f"/export-jobs/{job.pk}", f"/export-jobs/{job.pk}/output"):
        assert [as_user(user).get(path).status for user in (creator, reader, admin)] == [200, 200, 200]
        answer = as_user(other).get(path)
        assert (answer.status, answer.codes) == (statuses.forbidden, ["RBAC_ACCESS_DENIED"])
        answer = api.get(path.replace(str(job.pk), "999999"))
        assert (answer.status, answer.codes) == (statuses.not_found, ["EXPORT_JOB_NOT_FOUND"])


def test_a_caller_without_the_right_gets_the_header_only(api: Api, as_user: Callable[[User], Api]) -> None:
    user = factories.user()
    factories.grant(user, {"User": ["Read"]})
    caller = as_user(user)
    content = text(caller, "site")
    assert content.startswith('"Identifier","Name"')
    assert rows(content) == []
    assert exported(caller, "site", params={"x": "1"})["totalRecords"] == 0


def test_rights_count_when_the_file_is_built(api: Api, as_user: Callable[[User], Api]) -> None:
    user = factories.user("SUPER")
    caller = as_user(user)
    job = ask(caller, "institute")
    User.objects.filter(pk=user.pk).update(activity_status="Closed")
    job = finish(api, job["id"])
    assert job["status"] == "FAILED"
    assert "no longer active" in ObjectExport.objects.get().error


# --- When a job fails, and afterwards ---------------------------------------------------------------


def test_a_failed_job_has_no_file_and_says_why(
    api: Api, monkeypatch: pytest.MonkeyPatch, status: Statuses
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building, "write_export", full)
    job = finish(api, ask(api, "institute")["id"])
    assert job["status"] == "FAILED"
    assert ObjectExport.objects.get().error == "There is no room left on the disk for the file"
    answer = api.get(f"/export-jobs/{job['id']}/output")
    assert (answer.status, answer.codes) == (status.not_found, ["EXPORT_JOB_OUTPUT_FILE_NOT_CREATED"])
    assert "Reason: There is no room left" in mail.outbox[-1].body
    assert ask(api, "institute")["id"] != job["id"]  # a failed job is not taken up


def test_every_job_ends_with_one_mail_unless_it_was_asked_not_to(api: Api, admin: User) -> None:
    User.objects.filter(pk=admin.pk).update(email_address="admin@example.org")
    job = exported(api, "institute")
    (sent,) = mail.outbox
    assert sent.to == ["admin@example.org"]
    assert sent.subject.endswith(f"Export job #{job['id']} Institutes: Completed")
    assert sent.body.startswith("Status: Completed\nMinutes: 1\nFile: ")
    assert sent.body.endswith(f"/openspecimen/rest/ng/export-jobs/{job['id']}/output\n")
    exported(api, "institute", disableNotifs=True)
    export_objects(job["id"])  # a message that came twice
    assert len(mail.outbox) == 1


def test_files_go_after_their_time_and_jobs_stay(api: Api, settings: Any) -> None:
    kept, old = exported(api, "institute"), exported(api, "institute", params={"x": "1"})
    past = timezone.now() - timedelta(days=settings.FILES_RETENTION_DAYS, minutes=1)
    ObjectExport.objects.filter(pk=old["id"]).update(finished_at=past)
    file = path_of(ObjectExport.objects.get(pk=old["id"]).file)
    store.remove_old_files()
    assert not file.exists()
    assert api.get(f"/export-jobs/{old['id']}").json["status"] == "COMPLETED"
    assert api.get(f"/export-jobs/{old['id']}/output").codes == ["EXPORT_JOB_OUTPUT_FILE_NOT_CREATED"]
    assert api.get(f"/export-jobs/{kept['id']}/output").status == 200


def test_what_a_dead_worker_left_is_swept_away(api: Api) -> None:
    job = ObjectExport.objects.get(pk=exported(api, "institute")["id"])
    strays = ["7-none.zip", f".{job.pk}-none.zip.1a.part", f"{job.pk}-other.zip", "notes.txt"]
    for name in strays:
        (folder("export-jobs") / name).touch()
    store.remove_orphans()
    assert job.file in files()
    assert not set(strays) & set(files())


def files() -> list[str]:
    return [path.name for path in Path(folder("export-jobs")).iterdir()]


def test_every_exportable_kind_is_a_schema_with_columns(api: Api) -> None:
    """The kinds that have to be exportable (spec 04 §6.1), as far as their records exist."""
    assert {"institute", "site"} <= set(schemas.exportable())
