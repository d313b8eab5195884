"""Input files: stored as they stream in, unpacked when they are archives (spec 04 §1.2, §3.3)."""

import errno
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.base import File

from biobank.access import Actor
from biobank.files import folder, published
from biobank.files.names import safe_name
from biobank.wire.errors import Refused
from importjobs import archives
from importjobs.errors import CSV_NOT_IN_ZIP, NO_SPACE, Malformed
from importjobs.models import Upload

ROWS = (".csv", ".tsv", ".tab", ".xlsx")  # what may hold the rows in an archive, the first kind found
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_BLOCK = 1 << 20


def home(upload_id: UUID) -> Path:
    """The folder of one upload."""
    return folder("import-jobs", str(upload_id))


def store(file: "File[Any]", actor: Actor) -> Upload:
    """Keep an uploaded file under a fresh id. Raises IMPORT_JOB_NO_SPACE; then nothing is left of it."""
    upload = Upload(
        id=uuid4(),
        filename=safe_name(file.name or "", "input.csv"),
        size=file.size or 0,
        created_by_id=actor.user_id,
    )
    with kept_or_removed(upload.id):
        with published(home(upload.id) / "original") as target:
            for block in file.chunks(_BLOCK):
                target.write(block)
        file.close()
        upload.save(force_insert=True)
    return upload


def derive(source: Upload, blocks: Iterable[bytes], actor: Actor) -> Upload:
    """A new upload with these rows; what else the source brought along (its archive) comes with it."""
    found = Upload(id=uuid4(), filename=source.filename, created_by_id=actor.user_id)
    with kept_or_removed(found.id):
        _link(source, found, "original")
        with published(home(found.id) / "rows.csv") as target:
            for block in blocks:
                target.write(block)
            found.size = target.tell()
        found.save(force_insert=True)
    return found


def twin(source: Upload) -> Upload:
    """A second upload with the same files: one serves a job, the other stays usable."""
    found = Upload(id=uuid4(), filename=source.filename, size=source.size, created_by_id=source.created_by_id)
    for name in ("original", "input.csv", *(f"rows{suffix}" for suffix in ROWS)):
        _link(source, found, name)
    found.save(force_insert=True)
    return found


def _link(source: Upload, target: Upload, name: str) -> None:
    """The same file in a second folder; files of uploads are never changed, only removed."""
    with suppress(FileNotFoundError):
        os.link(home(source.id) / name, home(target.id) / name)


@contextmanager
def kept_or_removed(upload_id: UUID) -> Iterator[None]:
    """Remove the folder of an upload that cannot be completed. Raises IMPORT_JOB_NO_SPACE when the disk is full."""
    try:
        yield
    except BaseException as error:
        shutil.rmtree(settings.DATA_DIR / "import-jobs" / str(upload_id), ignore_errors=True)
        if isinstance(error, OSError) and error.errno in _FULL:
            raise Refused(NO_SPACE()) from None
        raise


@contextmanager
def csv_files(file: "File[Any]") -> "Iterator[list[File[Any]]]":
    """The CSV files at the top of an uploaded archive, open one after the other; the file itself when it is none.

    Raises `Malformed` for an archive that cannot be trusted.
    """
    start = file.read(4)
    file.seek(0)
    if not archives.is_archive(start):
        yield [file]
        return
    with archives.opened(file) as archive:
        yield [_entry_file(archive, entry) for entry in archives.top_level(archive, ".csv")]


def _entry_file(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> "File[Any]":
    found = File(archive.open(entry), entry.filename)
    found.size = entry.file_size
    return found


def find(file_id: str | None, actor: Actor) -> Upload:
    """An upload of the caller that no job has taken. Raises `Malformed`."""
    try:
        key = UUID(file_id or "")
    except ValueError:
        raise Malformed("there is no such input file") from None
    mine = Upload.objects.filter(pk=key, job=None)
    upload = (mine if actor.is_super else mine.filter(created_by=actor.user_id)).first()
    if upload is None:
        raise Malformed("there is no such input file, or a job has used it already")
    return upload


def csv_of(upload: Upload) -> Path:
    """The file with the rows of a job as text. Raises `Malformed`, `Refused(CSV_NOT_IN_ZIP)`."""
    chosen = home(upload.id) / "input.csv"
    return chosen if chosen.exists() else rows_file(upload)


def rows_file(upload: Upload) -> Path:
    """What holds the rows of an upload, unpacked on first use: CSV, TSV, or a workbook named `.xlsx`.

    Raises `Malformed` for an archive that cannot be trusted, `Refused(CSV_NOT_IN_ZIP)` for one without rows.
    """
    place = home(upload.id)
    for suffix in ROWS:
        if (found := place / f"rows{suffix}").exists():
            return found
    original = place / "original"
    try:
        with original.open("rb") as file:
            if not archives.is_archive(file.read(4)):
                return original
    except FileNotFoundError:
        raise Malformed("the input file no longer exists") from None
    with archives.opened(original) as archive:
        if archives.is_workbook(archive):
            target = place / "rows.xlsx"
            with suppress(FileExistsError):
                target.hardlink_to(original)
            return target
        entry = _rows_entry(archive, upload.filename)
        target = place / f"rows{Path(entry.filename).suffix}"
        with space_needed():
            archives.unpack(archive, entry, target)
    return target


@contextmanager
def space_needed() -> Iterator[None]:
    """Raises IMPORT_JOB_NO_SPACE for a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise Refused(NO_SPACE()) from None
        raise


def _rows_entry(archive: zipfile.ZipFile, filename: str) -> zipfile.ZipInfo:
    for suffix in ROWS:
        for entry in archives.top_level(archive, suffix):
            return entry
    raise Refused(CSV_NOT_IN_ZIP(file=filename))


def choose(upload: Upload, path: Path) -> None:
    """Make a text made of the upload the one its job reads."""
    chosen = home(upload.id) / "input.csv"
    draft = chosen.with_name(f".{uuid4().hex}")
    draft.hardlink_to(path)
    draft.replace(chosen)


def remove(upload: Upload) -> None:
    """Forget an upload and its files."""
    shutil.rmtree(home(upload.id), ignore_errors=True)
    upload.delete()
