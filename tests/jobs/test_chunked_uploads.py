"""Input files that come in chunks and go on after a break, in the protocol tus 1.0."""

import base64
import fcntl
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from importjobs import chunks
from importjobs.chunks import remove_expired
from importjobs.models import PartialUpload, Upload
from importjobs.uploads import home
from sessions_auth.models import User
from sites.models import Institute
from tests import factories
from tests.client import Answer, Api
from tests.jobs.importing import finish

pytestmark = pytest.mark.django_db

PATH = "/import-jobs/input-file/chunks"
TUS = {"Tus-Resumable": "1.0.0"}
CHUNK = {"Content-Type": "application/offset+octet-stream"}
ROWS = b"Name\nNorth\nSouth\n"


METADATA = f"filename {base64.b64encode(b'rows.csv').decode()},is_confidential"


def begin(
    api: Api, headers: dict[str, str] | None = None, size: int = len(ROWS), body: bytes = b""
) -> Answer:
    sent = {**TUS, "Upload-Length": str(size), "Upload-Metadata": METADATA, **(headers or {})}
    return api.post(PATH, body, **sent)


def begun(api: Api, size: int = len(ROWS)) -> str:
    answer = begin(api, size=size)
    assert answer.status == 201, answer.json
    return str(answer.headers["Location"].rsplit("/", 1)[1])


def send(api: Api, file_id: str, offset: int, content: bytes, **headers: str) -> Answer:
    return api.patch(
        f"{PATH}/{file_id}", content, **{**TUS, **CHUNK, "Upload-Offset": str(offset), **headers}
    )


def offset_of(api: Api, file_id: str) -> int:
    return int(api.head(f"{PATH}/{file_id}", **TUS).headers["Upload-Offset"])


def test_chunks_become_an_input_file_that_a_job_takes(api: Api) -> None:
    answer = begin(api)
    file_id = answer.headers["Location"].rsplit("/", 1)[1]
    assert answer.headers["Location"].endswith(f"/openspecimen/rest/ng{PATH}/{file_id}")
    assert (answer.headers["Upload-Offset"], answer.headers["Tus-Resumable"]) == ("0", "1.0.0")
    assert "Upload-Expires" in answer.headers
    answer = send(api, file_id, 0, ROWS[:7])
    assert (answer.status, answer.headers["Upload-Offset"], answer.body) == (204, "7", b"")
    told = api.head(f"{PATH}/{file_id}", **TUS)
    assert (told.status, told.headers["Upload-Length"], told.headers["Upload-Offset"]) == (200, "17", "7")
    assert "no-store" in told.headers["Cache-Control"]
    early = api.post("/import-jobs", {"objectType": "institute", "inputFileId": file_id})
    assert early.codes == ["IMPORT_JOB_RECORD_PARSE_ERROR"]
    assert send(api, file_id, 7, ROWS[7:]).headers["Upload-Offset"] == "17"
    assert api.get(f"{PATH}/{file_id}").json == {
        "fileId": file_id, "filename": "rows.csv", "size": 17, "offset": 17, "complete": True,
    }  # fmt: skip
    assert offset_of(api, file_id) == 17
    job = api.post("/import-jobs", {"objectType": "institute", "inputFileId": file_id}).json
    assert finish(api, job["id"])["status"] == "COMPLETED"
    assert Institute.objects.filter(name__in=["North", "South"]).count() == 2


def test_the_first_chunk_may_come_with_the_beginning(api: Api) -> None:
    answer = begin(api, CHUNK, body=ROWS)
    assert (answer.status, answer.headers["Upload-Offset"]) == (201, "17")
    assert Upload.objects.get().size == 17


def test_an_empty_file_is_complete_at_once(api: Api) -> None:
    file_id = begun(api, size=0)
    assert api.get(f"{PATH}/{file_id}").json["complete"] is True
    assert (home(Upload.objects.get().id) / "original").read_bytes() == b""


def test_a_chunk_for_another_offset_is_refused(api: Api) -> None:
    file_id = begun(api)
    send(api, file_id, 0, ROWS[:7])
    for offset in (0, 6, 8):
        answer = send(api, file_id, offset, b"xxx")
        assert (answer.status, answer.codes) == (409, ["IMPORT_JOB_UPLOAD_OFFSET"])
    assert offset_of(api, file_id) == 7


def test_bytes_that_were_not_committed_do_not_count(api: Api) -> None:
    """A server killed in the middle of a chunk leaves them behind."""
    file_id = begun(api)
    send(api, file_id, 0, ROWS[:7])
    with (home(PartialUpload.objects.get().id) / "part").open("ab") as file:
        file.write(b"garbage that is longer than the rest of the file")
    assert offset_of(api, file_id) == 7
    send(api, file_id, 7, ROWS[7:])
    assert (home(Upload.objects.get().id) / "original").read_bytes() == ROWS


def test_a_server_killed_before_the_last_step_takes_it_later(api: Api) -> None:
    file_id = begun(api)
    row = PartialUpload.objects.get()
    (home(row.id) / "part").write_bytes(ROWS)
    PartialUpload.objects.update(offset=len(ROWS))
    assert offset_of(api, file_id) == len(ROWS)
    assert (Upload.objects.get().filename, PartialUpload.objects.count()) == ("rows.csv", 0)


def test_what_the_disk_lost_is_not_made_up_of_zeros(api: Api) -> None:
    file_id = begun(api)
    send(api, file_id, 0, ROWS[:7])
    (home(PartialUpload.objects.get().id) / "part").unlink()
    assert send(api, file_id, 7, ROWS[7:]).status == 404


def test_what_came_before_the_connection_broke_is_kept(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id = begun(api)
    real = chunks._blocks

    def broken(read: Any, length: int) -> Any:
        yield next(real(read, 5))
        raise ConnectionResetError

    monkeypatch.setattr(chunks, "_blocks", broken)
    with pytest.raises(ConnectionResetError):
        chunks.append(file_id, "0", len(ROWS), None, lambda size: ROWS[:size], actor(api))
    assert offset_of(api, file_id) == 5


def actor(api: Api) -> Any:
    from sessions_auth.actor import actor_of

    return actor_of(User.objects.get(login_name="admin"))


@pytest.mark.parametrize("name", ["sha1", "sha256", "md5"])
def test_a_damaged_chunk_leaves_nothing(api: Api, name: str) -> None:
    file_id = begun(api)
    right = base64.b64encode(hashlib.new(name, ROWS).digest()).decode()
    answer = send(api, file_id, 0, ROWS[:-1] + b"x", **{"Upload-Checksum": f"{name} {right}"})
    assert (answer.status, answer.codes) == (460, ["IMPORT_JOB_UPLOAD_CHECKSUM"])
    assert offset_of(api, file_id) == 0
    assert send(api, file_id, 0, ROWS, **{"Upload-Checksum": f"{name} {right}"}).status == 204


def test_two_requests_do_not_send_the_same_file(api: Api) -> None:
    file_id = begun(api)
    with (home(PartialUpload.objects.get().id) / "part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        answer = send(api, file_id, 0, ROWS)
        assert (answer.status, answer.codes) == (423, ["IMPORT_JOB_UPLOAD_BUSY"])
    assert send(api, file_id, 0, ROWS).status == 204


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "IMPORT_JOB_UPLOAD_VERSION"),
        ({"Upload-Length": "many"}, 400, "IMPORT_JOB_UPLOAD_INVALID"),
        ({"Upload-Metadata": "filename ???"}, 400, "IMPORT_JOB_UPLOAD_INVALID"),
        ({"Upload-Length": "2000000000"}, 413, "COMMON_TOO_LARGE"),
    ],
)
def test_beginnings_that_are_refused(api: Api, headers: dict[str, str], status: int, code: str) -> None:
    answer = begin(api, headers)
    assert (answer.status, answer.codes) == (status, [code])
    assert not PartialUpload.objects.exists()


@pytest.mark.parametrize(
    ("headers", "content", "status", "code"),
    [
        ({"Content-Type": "text/csv"}, b"x", 415, "IMPORT_JOB_UPLOAD_INVALID"),
        ({"Upload-Offset": "-1"}, b"x", 400, "IMPORT_JOB_UPLOAD_INVALID"),
        ({"Upload-Checksum": "crc32 eA=="}, b"x", 400, "IMPORT_JOB_UPLOAD_INVALID"),
        ({}, b"x" * 18, 413, "COMMON_TOO_LARGE"),
    ],
)
def test_chunks_that_are_refused(
    api: Api, headers: dict[str, str], content: bytes, status: int, code: str
) -> None:
    file_id = begun(api)
    answer = send(api, file_id, 0, content, **headers)
    assert (answer.status, answer.codes) == (status, [code])
    assert offset_of(api, file_id) == 0


def test_files_belong_to_who_sends_them(api: Api, as_user: Callable[[User], Api]) -> None:
    file_id = begun(api)
    other = as_user(factories.user("SUPER"))
    assert send(other, file_id, 0, ROWS).status == 404
    assert other.get(f"{PATH}/{file_id}").codes == ["IMPORT_JOB_UPLOAD_NOT_FOUND"]
    assert other.delete(f"{PATH}/{file_id}", **TUS).status == 404
    assert begin(as_user(factories.user())).codes == ["RBAC_ACCESS_DENIED"]
    assert api.get(f"{PATH}/nonsense").status == 404


def test_a_file_can_be_forgotten_before_and_after_it_is_complete(api: Api) -> None:
    for content in (ROWS[:3], ROWS):
        file_id = begun(api)
        send(api, file_id, 0, content)
        place = home((PartialUpload.objects.first() or Upload.objects.get()).id)
        assert api.delete(f"{PATH}/{file_id}", **TUS).status == 204
        assert not place.exists()
        assert api.head(f"{PATH}/{file_id}", **TUS).status == 404


def test_unfinished_files_expire(api: Api, settings: Any) -> None:
    stale, fresh = begun(api), begun(api)
    old = timezone.now() - timedelta(hours=settings.UPLOAD_HOURS + 1)
    PartialUpload.objects.filter(pk=stale).update(changed_at=old)
    assert send(api, stale, 0, ROWS).status == 404
    remove_expired()
    assert [str(row.pk) for row in PartialUpload.objects.all()] == [fresh]


def test_a_client_can_ask_what_is_spoken_here(api: Api) -> None:
    raw = api.client.options("/openspecimen/rest/ng" + PATH)
    assert (raw.status_code, raw.headers["Tus-Version"]) == (200, "1.0.0")
    assert set(raw.headers["Tus-Extension"].split(",")) >= {
        "creation",
        "termination",
        "expiration",
        "checksum",
    }
    assert "Tus-Version" not in api.client.options("/openspecimen/rest/ng/sites").headers
