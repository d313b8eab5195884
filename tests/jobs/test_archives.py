"""Archives with attachments, and archives that must not be trusted (spec 04 §3.3)."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from importjobs import archives
from importjobs.models import ImportJob, Upload
from importjobs.uploads import home
from specimens.participant.models import Registration
from specimens.visit.models import Visit
from tests import studies
from tests.client import Api
from tests.jobs.importing import finish, report, start, submit, upload

pytestmark = pytest.mark.django_db

HEADER = "CP Short Title,PPID,Name,Path Report Name\n"


def zipped(entries: dict[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as found:
        for name, content in entries.items():
            found.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def ida(db: None) -> Registration:
    return studies.registration(studies.protocol("LUNG"), "P1")


def run(api: Api, entries: dict[str | zipfile.ZipInfo, bytes], **options: Any) -> list[str]:
    """The message of each row, blank where it went well."""
    job = finish(api, start(api, zipped(entries), "visit", **options))
    return [row["OS_ERROR_MESSAGE"] for row in report(api, job["id"])]


def spr(api: Api, name: str) -> bytes:
    found = api.get(f"/visits/{Visit.objects.get(name=name).pk}/spr-file")
    assert found.status == 200, found.json
    return found.body


# --- Attachments ------------------------------------------------------------------------------------


def test_rows_bring_their_files_along(api: Api, ida: Registration) -> None:
    rows = HEADER + "LUNG,P1,A,one.pdf\nLUNG,P1,B,\nLUNG,P1,C,Übersicht.pdf\nLUNG,P1,D,one.pdf\n"
    decomposed = "files/U\u0308bersicht.pdf"  # as some systems spell it
    entries: dict[str | zipfile.ZipInfo, bytes] = {
        "rows.csv": rows.encode(),
        "files/one.pdf": b"%PDF one",
        decomposed: b"%PDF two",
        "files/deep/one.pdf": b"another",
    }
    assert run(api, entries) == ["", "", "", ""]
    assert [spr(api, name) for name in "ACD"] == [b"%PDF one", b"%PDF two", b"%PDF one"]
    assert api.get(f"/visits/{Visit.objects.get(name='B').pk}/spr-file").status != 200


def test_a_row_whose_file_is_missing_is_not_written(api: Api, ida: Registration) -> None:
    rows = HEADER + "LUNG,P1,A,one.pdf\nLUNG,P1,B,two.pdf\nLUNG,P1,C,../rows.csv\nLUNG,P1,D,\n"
    first, second, third, fourth = run(api, {"rows.csv": rows.encode(), "files/one.pdf": b"%PDF"})
    assert (first, fourth) == ("", "")
    assert "two.pdf" in second
    assert "rows.csv" in third
    assert set(Visit.objects.values_list("name", flat=True)) == {"A", "D"}


def test_without_an_archive_every_named_file_is_missing(api: Api, ida: Registration) -> None:
    job = finish(api, start(api, HEADER + "LUNG,P1,A,one.pdf\nLUNG,P1,B,\n", "visit"))
    assert (job["totalRecords"], job["failedRecords"]) == (2, 1)


def test_a_row_whose_file_is_refused_is_undone_and_the_others_stay(api: Api, ida: Registration) -> None:
    entries: dict[str | zipfile.ZipInfo, bytes] = {"files/a.txt": b"first", "files/b.txt": b"second"}
    rows = HEADER + "LUNG,P1,A,a.txt\nLUNG,P1,B,a.txt\n"
    assert run(api, {"rows.csv": rows.encode(), **entries}) == ["", ""]
    api.put(f"/visits/{Visit.objects.get(name='A').pk}/spr-lock", {"locked": True})
    before = Visit.objects.get(name="A").comments
    changes = "CP Short Title,PPID,Name,Path Report Name,Comments\nLUNG,P1,A,b.txt,new\nLUNG,P1,B,b.txt,new\n"
    locked, fine = run(api, {"rows.csv": changes.encode(), **entries}, importType="UPDATE")
    assert "locked" in locked
    assert fine == ""
    assert (Visit.objects.get(name="A").comments, Visit.objects.get(name="B").comments) == (before, "new")
    assert (spr(api, "A"), spr(api, "B")) == (b"first", b"second")


def test_what_was_unpacked_is_removed_when_the_run_ends(api: Api, ida: Registration) -> None:
    rows = HEADER + "LUNG,P1,A,one.pdf\n"
    run(api, {"rows.csv": rows.encode(), "files/one.pdf": b"%PDF"})
    kept = {path.name for path in home(Upload.objects.get().id).iterdir()}
    assert kept == {"original", "rows.csv"}


# --- What must not be trusted -----------------------------------------------------------------------


def linked(name: str) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name)
    found.external_attr = (stat.S_IFLNK | 0o777) << 16
    return found


def encrypted(content: bytes) -> bytes:
    """Set the flag in both places where an archive says that an entry is encrypted."""
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.index(mark) + at
        content = content[:place] + struct.pack("<H", 1) + content[place + 2 :]
    return content


def doubled() -> bytes:
    content = zipped({"rows.csv": b"Name\n", "files/a.txt": b"1", "files/b.txt": b"2"})
    return content.replace(b"files/b.txt", b"files/a.txt")


def lying() -> bytes:
    """An archive whose entry is larger than it says."""
    content = zipped({"rows.csv": b"Name\n" + b"x" * 1000})
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = content.index(mark) + at
        content = content[:place] + struct.pack("<I", 10) + content[place + 4 :]
    return content


def crowded() -> bytes:
    """An archive that says it has a million entries."""
    content = zipped({"rows.csv": b"Name\n"})
    place = content.rindex(b"PK\x05\x06") + 10
    return content[:place] + struct.pack("<HI", 65_000, 80_000_000) + content[place + 6 :]


DANGEROUS: dict[str, Callable[[], bytes]] = {
    "a link": lambda: zipped({"rows.csv": b"Name\n", linked("files/x"): b"/etc/passwd"}),
    "an encrypted entry": lambda: encrypted(zipped({"rows.csv": b"Name\n"})),
    "two entries of one name": doubled,
    "names that differ in case": lambda: zipped({"rows.csv": b"Name\n", "files/a": b"", "files/A": b""}),
    "a traversal": lambda: zipped({"rows.csv": b"Name\n", "files/../../x": b""}),
    "a drive": lambda: zipped({"rows.csv": b"Name\n", "C:/x": b""}),
    "backslashes": lambda: zipped({"rows.csv": b"Name\n", "files/..\\..\\x": b""}),
    "a long name": lambda: zipped({"rows.csv": b"Name\n", "files/" + "x" * 300: b""}),
    "a lie": lying,
    "a crowd": crowded,
    "a bomb among the files": lambda: zipped({"rows.csv": b"Name\n", "files/x": b"\0" * 30_000_000}),
}


@pytest.mark.parametrize("kind", DANGEROUS)
def test_archives_that_are_refused(api: Api, kind: str) -> None:
    answer = submit(api, DANGEROUS[kind]())
    assert (answer.status, answer.codes) == (400, ["IMPORT_JOB_RECORD_PARSE_ERROR"])
    assert not ImportJob.objects.exists()
    assert {path.name for path in home(Upload.objects.get().id).iterdir()} == {"original"}


@pytest.fixture
def few_entries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 3)
    yield


@pytest.mark.usefixtures("few_entries")
def test_an_archive_has_a_limit_of_entries_and_of_bytes(api: Api, settings: Any) -> None:
    assert submit(api, zipped({f"{n}.csv": b"Name\n" for n in range(3)})).status == 200
    assert submit(api, zipped({f"{n}.csv": b"Name\n" for n in range(4)})).status == 400
    file_id = upload(api, zipped({"rows.csv": b"Name\n" + b"x,y" * 400}))
    settings.MAX_UPLOAD_BYTES = 1000
    assert api.post("/import-jobs", {"objectType": "institute", "inputFileId": file_id}).codes == [
        "IMPORT_JOB_RECORD_PARSE_ERROR"
    ]
