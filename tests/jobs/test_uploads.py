"""Input files on their way to the disk: limits and full disks (spec 04 §1.2)."""

import errno
from pathlib import Path
from typing import Any

import pytest

from importjobs import uploads
from importjobs.models import Upload
from tests.client import Api
from tests.jobs.importing import submit, upload
from tests.jobs.test_import_jobs import archive

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path / "import-jobs"


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing works until the file system has to find room."""

    def no_room(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("biobank.files.os.fsync", no_room)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_told_and_nothing_is_left_behind(api: Api, folder: Path) -> None:
    answer = api.upload("/import-jobs/input-file", "rows.csv", b"Name\nNorth\n")
    assert (answer.status, answer.codes) == (507, ["IMPORT_JOB_NO_SPACE"])
    assert list(folder.iterdir()) == []
    assert not Upload.objects.exists()


def test_a_disk_that_is_full_when_an_archive_is_unpacked_leaves_the_upload_usable(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"objectType": "institute", "inputFileId": upload(api, archive(**{"rows.csv": b"Name\nNorth\n"}))}

    def no_room(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("importjobs.archives.published", no_room)
        assert api.post("/import-jobs", body).codes == ["IMPORT_JOB_NO_SPACE"]
    assert api.post("/import-jobs", body).json["status"] == "QUEUED"


def test_a_body_that_says_it_is_too_large_is_refused_unread(api: Api, settings: Any, folder: Path) -> None:
    settings.MAX_UPLOAD_BYTES = 1000

    class Unread:
        def read(self, *_: Any) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    environ: dict[str, Any] = {"CONTENT_LENGTH": "5000000", "wsgi.input": Unread()}
    raw = api.client.generic(
        "POST",
        "/openspecimen/rest/ng/import-jobs/input-file",
        content_type="multipart/form-data; boundary=x",
        headers={"X-OS-API-TOKEN": api.token or ""},
        **environ,
    )
    assert (raw.status_code, raw.json()[0]["code"]) == (400, "COMMON_TOO_LARGE")


def test_the_folder_of_an_upload_goes_with_it(api: Api, folder: Path) -> None:
    submit(api, "Name\nNorth\n")
    [found] = Upload.objects.all()
    uploads.remove(found)
    assert list(folder.iterdir()) == []
