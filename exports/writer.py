"""Writing the zip of an export in constant memory: fragments in, one DEFLATE entry out (spec 06 §1.7, §3.3)."""

import hashlib
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO, Protocol, cast

import orjson
from django.db import connection

from exports.registry import Section, Stored

ENTRY = "export.json"
BLOCK = 256 * 1024  # bytes of JSON handed to the compressor at once
_ZIP64_FROM = 2_000_000_000  # bytes of JSON; below, plain sizes, which every reader of streams understands
# Unit separators never stand in JSON text, so COPY's CSV format neither quotes nor escapes anything.
_COPY = "COPY ({}) TO STDOUT WITH (FORMAT csv, DELIMITER E'\\x1e', QUOTE E'\\x1f')"


class _Sink(Protocol):
    def write(self, data: bytes, /) -> int: ...


@dataclass(slots=True)
class Written:
    """What was written: bytes of the zip, their hash, and how many rows each section has."""

    size: int
    sha256: str
    counts: dict[str, int] = field(default_factory=dict)


def write_export(
    target: BinaryIO,
    header: Mapping[str, Any],
    sections: Sequence[Section],
    *,
    stamp: datetime,
    size_hint: int = 0,
) -> Written:
    """Write the whole zip to `target`, hashing on the way; the same input gives the same bytes.

    `stamp` is the time written into the zip. The entry is written unseekably, with a data descriptor, so
    that the file can also be read as a stream.
    """
    out = _Hashed(target)
    counts: dict[str, int] = {}
    with zipfile.ZipFile(cast(BinaryIO, out), "w") as archive:
        entry = zipfile.ZipInfo(ENTRY, _zip_time(stamp))
        entry.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(entry, "w", force_zip64=size_hint > _ZIP64_FROM) as body:
            body.write(orjson.dumps(header)[:-1])
            for section in sections:
                counts[section.key] = _write_section(body, section)
            body.write(b"}\n")
    return Written(out.size, out.digest.hexdigest(), counts)


def _write_section(body: _Sink, section: Section) -> int:
    body.write(b',\n"' + section.key.encode() + b'":[')
    rows = _Rows(body)
    if isinstance(section.rows, Stored):
        _copy(section.rows, rows)
    else:
        _feed(section.rows, rows)
    rows.flush()
    body.write(b"]")
    return rows.count


def _feed(fragments: Iterable[bytes], rows: "_Rows") -> None:
    for fragment in fragments:
        rows.write(fragment)


def _copy(stored: Stored, rows: "_Rows") -> None:
    """Let PostgreSQL stream the fragments; at no time are there more than a block of them here."""
    with connection.cursor() as cursor:
        query = cursor.mogrify(stored.sql, stored.params).decode() if stored.params else stored.sql
        cursor.copy_expert(_COPY.format(query), rows)


class _Rows:
    """Joins fragments by commas and passes them on in blocks; a file to COPY, one call a row."""

    def __init__(self, body: _Sink) -> None:
        self.count = 0
        self._body = body
        self._waiting: list[bytes] = []
        self._size = 0
        self._lead = b""

    def write(self, fragment: bytes) -> int:
        self._waiting.append(fragment)
        self._size += len(fragment)
        if self._size >= BLOCK:
            self.flush()
        return len(fragment)

    def flush(self) -> None:
        if self._waiting:
            self.count += len(self._waiting)
            self._body.write(self._lead + b",".join(self._waiting))
            self._waiting.clear()
            self._size = 0
            self._lead = b","


class _Hashed:
    """A file that can only be appended to and knows size and hash of what passed."""

    def __init__(self, target: BinaryIO) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self._target = target

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._target.write(data)

    def flush(self) -> None:
        self._target.flush()

    def seekable(self) -> bool:
        return False


def _zip_time(stamp: datetime) -> tuple[int, int, int, int, int, int]:
    utc = stamp.astimezone(UTC)
    return max(utc.year, 1980), utc.month, utc.day, utc.hour, utc.minute, utc.second
