"""ZIP archives from outside: looked at before anything is unpacked, counted while it is (spec 04 §3.3)."""

import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from django.conf import settings

from biobank.files import published
from importjobs.errors import Malformed

MAX_ENTRIES = 10_000
MAX_RATIO = 200  # unpacked bytes for each packed byte
_ALWAYS_ALLOWED = 1 << 20  # bytes an entry may unpack to, however small it is packed
_MAX_DIRECTORY = 8_000_000  # bytes of the archive's table of contents
_LONGEST_NAME = 255  # bytes of one part of a path
_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_WORKBOOK = "xl/workbook.xml"
_FOLDER = "files/"
_END, _END_SIZE = b"PK\x05\x06", 22
_LOCATOR_SIZE, _END64_SIZE = 20, 56
_BLOCK = 1 << 20


def is_archive(start: bytes) -> bool:
    """Whether a file that begins so is a ZIP archive (or a workbook, which is one)."""
    return start.startswith(_MAGIC)


@contextmanager
def opened(source: "Path | IO[bytes]") -> Iterator[zipfile.ZipFile]:
    """An archive that can be trusted. Raises `Malformed` for any other, also while entries are read."""
    try:
        with source.open("rb") if isinstance(source, Path) else _kept(source) as file:
            _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                _check(archive)
                yield archive
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, struct.error) as error:
        raise Malformed(f"the archive cannot be unpacked: {error}") from None


@contextmanager
def _kept(file: Any) -> Iterator[Any]:
    yield file


def is_workbook(archive: zipfile.ZipFile) -> bool:
    return _WORKBOOK in archive.namelist()


def top_level(archive: zipfile.ZipFile, *suffixes: str) -> list[zipfile.ZipInfo]:
    """The files at the archive's top whose names end so, in its order; hidden ones are left out."""
    return [
        entry
        for entry in archive.infolist()
        if entry.filename.endswith(suffixes) and "/" not in entry.filename and entry.filename[0] != "."
    ]


def attachments(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """What stands directly in `files/`, by bare name."""
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        name = entry.filename.removeprefix(_FOLDER)
        if entry.filename.startswith(_FOLDER) and "/" not in name and name not in ("", "."):
            found[shown_name(name, entry)] = entry
    return found


def shown_name(name: str, entry: zipfile.ZipInfo) -> str:
    """A name as cells spell it: composed, and read as UTF-8 where an archiver forgot to say that it is."""
    if not entry.flag_bits & 0x800:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name)


def unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Write one entry; the sizes in an archive may lie, so what comes out is counted."""
    written = 0
    with archive.open(entry) as source, published(target) as file:
        while block := source.read(_BLOCK):
            written += len(block)
            if written > entry.file_size:
                raise Malformed("the archive unpacks to more than it says")
            file.write(block)


def _check_directory(file: "BinaryIO | Any") -> None:
    """Refuse a table of contents that would not fit into memory before it is read."""
    file.seek(0, 2)
    size = file.tell()
    tail_at = max(0, size - _END_SIZE - 65_535 - _LOCATOR_SIZE - _END64_SIZE)
    file.seek(tail_at)
    tail = file.read()
    file.seek(0)
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + _END_SIZE:
        raise zipfile.BadZipFile("it is cut off")
    entries, length = struct.unpack_from("<HI", tail, at + 10)
    end64 = tail[max(0, at - _LOCATOR_SIZE - _END64_SIZE) : at - _LOCATOR_SIZE]
    if tail[at - _LOCATOR_SIZE :].startswith(b"PK\x06\x07") and len(end64) == _END64_SIZE:
        entries, length = struct.unpack_from("<QQ", end64, 32)
    if entries > MAX_ENTRIES or length > _MAX_DIRECTORY:
        raise Malformed(f"the archive has more than {MAX_ENTRIES:,} entries")


def _check(archive: zipfile.ZipFile) -> None:
    """Refuse bombs, traversal, links, encryption and ambiguous names by what the archive says of itself."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise Malformed(f"the archive has more than {MAX_ENTRIES:,} entries")
    names: set[str] = set()
    for entry in entries:
        _check_entry(entry)
        name = shown_name(entry.filename, entry).casefold()
        if name in names:
            raise Malformed(f"the archive has two entries named {entry.filename[:100]}")
        names.add(name)
    if sum(entry.file_size for entry in entries) > settings.MAX_UPLOAD_BYTES:
        raise Malformed("the archive unpacks to more than an upload may hold")


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename.replace("\\", "/")
    parts = name.split("/")
    if not name or name.startswith("/") or ".." in parts or ":" in parts[0] or "\0" in entry.orig_filename:
        raise Malformed("the archive has an entry that points outside of it")
    if any(len(part.encode("utf-8", "surrogatepass")) > _LONGEST_NAME for part in parts):
        raise Malformed("the archive has an entry with too long a name")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Malformed("the archive has a link or a device among its entries")
    if entry.flag_bits & 0x1:
        raise Malformed("the archive is encrypted")
    if entry.file_size > max(entry.compress_size * MAX_RATIO, _ALWAYS_ALLOWED):
        raise Malformed("the archive unpacks to far more than it should")
