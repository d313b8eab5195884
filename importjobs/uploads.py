"""Input files: stored as they stream in, unpacked when they are archives (spec 04 §1.2, §3.3)."""

import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.base import File

from biobank.access import Actor
from biobank.files import folder, published
from biobank.files.names import safe_name
from biobank.wire.errors import Refused
from importjobs.errors import CSV_NOT_IN_ZIP, Malformed
from importjobs.models import Upload

MAX_ENTRIES = 10_000
MAX_RATIO = 200  # unpacked bytes for each packed byte
_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_BLOCK = 1 << 20


def home(upload_id: UUID) -> Path:
    """The folder of one upload."""
    return folder("import-jobs", str(upload_id))


def store(file: "File[Any]", actor: Actor) -> Upload:
    """Keep an uploaded file under a fresh id."""
    upload = Upload(
        id=uuid4(),
        filename=safe_name(file.name or "", "input.csv"),
        size=file.size or 0,
        created_by_id=actor.user_id,
    )
    with published(home(upload.id) / "original") as target:
        for block in file.chunks(_BLOCK):
            target.write(block)
    file.close()
    upload.save(force_insert=True)
    return upload


@contextmanager
def csv_files(file: "File[Any]") -> "Iterator[list[File[Any]]]":
    """The CSV files at the top of an uploaded archive, open one after the other; the file itself when it is none.

    Raises `Malformed` for an archive that cannot be trusted.
    """
    magic = file.read(4)
    file.seek(0)
    if not magic.startswith(_MAGIC):
        yield [file]
        return
    with _archive(file) as archive:
        yield [_entry_file(archive, entry) for entry in archive.infolist() if _is_csv(entry)]


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
    """The CSV file of an upload, unpacked on first use.

    Raises `Malformed` for an archive that cannot be trusted, `Refused(CSV_NOT_IN_ZIP)` for one without CSV.
    """
    original, unpacked = home(upload.id) / "original", home(upload.id) / "input.csv"
    if unpacked.exists():
        return unpacked
    try:
        with original.open("rb") as file:
            if not file.read(4).startswith(_MAGIC):
                return original
    except FileNotFoundError:
        raise Malformed("the input file no longer exists") from None
    with _archive(original) as archive:
        _unpack(archive, _csv_entry(archive, upload.filename), unpacked)
    return unpacked


@contextmanager
def _archive(path: "Path | File[Any]") -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive)
            yield archive
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise Malformed(f"the archive cannot be unpacked: {error}") from None


def _check(archive: zipfile.ZipFile) -> None:
    """Refuse bombs, traversal and encryption by what the archive says of itself."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise Malformed(f"the archive has more than {MAX_ENTRIES:,} entries")
    for entry in entries:
        parts = entry.filename.replace("\\", "/").split("/")
        if entry.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise Malformed("the archive has an entry that points outside of it")
        if entry.flag_bits & 0x1:
            raise Malformed("the archive is encrypted")
        if entry.file_size > _largest(entry):
            raise Malformed("the archive unpacks to far more than it should")
    if sum(entry.file_size for entry in entries) > settings.MAX_UPLOAD_BYTES:
        raise Malformed("the archive unpacks to more than an upload may hold")


def _largest(entry: zipfile.ZipInfo) -> int:
    return max(entry.compress_size * MAX_RATIO, _BLOCK)


def _csv_entry(archive: zipfile.ZipFile, filename: str) -> zipfile.ZipInfo:
    for entry in archive.infolist():
        if _is_csv(entry):
            return entry
    raise Refused(CSV_NOT_IN_ZIP(file=filename))


def _is_csv(entry: zipfile.ZipInfo) -> bool:
    return entry.filename.endswith(".csv") and "/" not in entry.filename


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Write one entry; the sizes in an archive may lie, so count what comes out."""
    written = 0
    with archive.open(entry) as source, published(target) as file:
        while block := source.read(_BLOCK):
            written += len(block)
            if written > entry.file_size:
                raise Malformed("the archive unpacks to more than it says")
            file.write(block)


def remove(upload: Upload) -> None:
    """Forget an upload and its files."""
    shutil.rmtree(home(upload.id), ignore_errors=True)
    upload.delete()
