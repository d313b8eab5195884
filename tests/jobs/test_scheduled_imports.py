"""The watch folder: files that say by their names what they are become jobs, each exactly once (spec 04 §1.7)."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from importjobs import scheduled
from importjobs.models import ImportJob, Upload
from importjobs.tasks import collect_scheduled
from sessions_auth.models import User
from sites.models import Institute
from tests import factories
from tests.client import Api
from tests.jobs.importing import finish
from tests.jobs.test_import_jobs import archive

pytestmark = pytest.mark.django_db

FIRST, SECOND = "institute_create_20240301110000000", "institute_create_20240301120000000"


@pytest.fixture(autouse=True)
def watched(tmp_path: Path, settings: Any) -> Iterator[Path]:
    settings.DATA_DIR = tmp_path
    yield scheduled.watched()


def drop(place: Path, name: str, content: bytes = b"Name\nNorth\n", age: float = 60) -> Path:
    """A file an operator copied there some time ago."""
    path = place / name
    path.write_bytes(content)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def names() -> list[str]:
    return list(Institute.objects.order_by("pk").values_list("name", flat=True))


def left(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir() if path.is_file())


def test_an_archive_of_files_becomes_jobs_in_the_order_of_their_stamps(api: Api, admin: User) -> None:
    content = archive(
        **{
            f"{SECOND}.csv": b"Name\nSecond\n",
            f"{FIRST}_cpId_7.csv": b"Name\nFirst\n",
            "notes.txt": b"",
        }
    )
    answer = api.upload("/import-jobs/schedule", "drop.zip", content)
    assert (answer.status, answer.json) == (200, {"scheduled": 2})
    assert not ImportJob.objects.exists()
    collect_scheduled()
    second, first = api.get("/import-jobs").json
    assert (first["status"], first["params"], second["params"]) == ("QUEUED", {"cpId": "7"}, {})
    assert first["createdBy"]["id"] == admin.pk
    assert [finish(api, job["id"])["status"] for job in (first, second)] == ["COMPLETED", "COMPLETED"]
    assert names()[-2:] == ["First", "Second"]


@pytest.mark.parametrize(
    "name",
    [
        "institute_create.csv",
        "institute_create_yesterday.csv",
        "institute_create_2024030111.csv",
        "institute_drop_20240301110000000.csv",
    ],
)
def test_files_that_do_not_say_what_they_are(api: Api, watched: Path, name: str) -> None:
    answer = api.upload("/import-jobs/schedule", name, b"Name\nNorth\n")
    assert (answer.status, answer.codes) == (400, ["IMPORT_JOB_INV_FILENAME"])
    drop(watched, name)
    collect_scheduled()
    assert not ImportJob.objects.exists()
    assert left(watched) == []
    assert left(watched / "rejected") == [name, f"{name}.reason.txt"]
    assert (watched / "rejected" / f"{name}.reason.txt").read_text().startswith("IMPORT_JOB_INV_FILENAME: ")


def test_names_tell_type_operation_and_parameters() -> None:
    name = scheduled.Name.parse("extensions_Specimen_Sample_Quality_update_20240301110000123.csv")
    assert (name.object_type, name.operation, name.is_multiple) == ("extensions", "update", False)
    assert name.params == {"entityType": "Specimen", "formName": "Sample_Quality"}
    assert name.at.microsecond == 123_000
    assert scheduled.Name.parse("consent_create_20240301110000000_m.csv").is_multiple


def test_operators_drop_files_and_archives_too(api: Api, watched: Path) -> None:
    drop(watched, f"{SECOND}.csv", b"Name\nSecond\n")
    drop(watched, "night.zip", archive(**{f"{FIRST}.csv": b"Name\nFirst\n"}))
    collect_scheduled()
    collect_scheduled()
    jobs = ImportJob.objects.order_by("pk")
    assert [job.filename for job in jobs] == [f"{FIRST}.csv", f"{SECOND}.csv"]
    assert left(watched) == []


def test_a_file_that_is_still_being_copied_waits(watched: Path, admin: User) -> None:
    drop(watched, f"{FIRST}.csv", age=0)
    drop(watched, f".{SECOND}.csv")
    (watched / f"{SECOND}_m.csv").symlink_to("/etc/passwd")
    assert scheduled.collect() == []
    assert not (watched / "rejected").exists()


def test_a_collector_killed_after_its_job_was_there_makes_no_second_one(
    watched: Path, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop(watched, f"{FIRST}.csv")
    unlink = Path.unlink

    def killed(self: Path, *args: Any, **options: Any) -> None:
        if self == path:
            raise KeyboardInterrupt
        unlink(self, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            scheduled.collect()
    assert path.exists()
    assert scheduled.collect() == []
    assert (ImportJob.objects.count(), path.exists()) == (1, False)


def test_what_cannot_become_a_job_is_put_aside_and_the_others_go_on(watched: Path, admin: User) -> None:
    drop(watched, f"{FIRST}.csv", b"Name,Name\n")
    drop(watched, "nonsense_create_20240301110000000.csv")
    drop(watched, "cut.zip", archive(**{f"{FIRST}.csv": b"Name\n"})[:-9])
    drop(watched, "empty.zip", archive(**{"notes.txt": b"x"}))
    drop(watched, f"{SECOND}.csv")
    assert [job.filename for job in scheduled.collect()] == [f"{SECOND}.csv"]
    rejected = watched / "rejected"
    reasons = {path.name: path.read_text().split(":")[0] for path in rejected.glob("*.reason.txt")}
    assert reasons == {
        f"{FIRST}.csv.reason.txt": "IMPORT_JOB_RECORD_PARSE_ERROR",
        "nonsense_create_20240301110000000.csv.reason.txt": "IMPORT_JOB_OBJ_SCHEMA_NOT_FOUND",
        "cut.zip.reason.txt": "IMPORT_JOB_RECORD_PARSE_ERROR",
        "empty.zip.reason.txt": "IMPORT_JOB_CSV_NOT_FOUND_IN_ZIP",
    }
    assert Upload.objects.count() == 1


def test_only_super_administrators_schedule_files(as_user: Callable[[User], Api]) -> None:
    chief = as_user(factories.user("INSTITUTE"))
    answer = chief.upload("/import-jobs/schedule", f"{FIRST}.csv", b"Name\nNorth\n")
    assert (answer.status, answer.codes) == (403, ["RBAC_ADMIN_RIGHTS_REQUIRED"])
