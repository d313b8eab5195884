"""Input files that come in chunks and go on after a break, in the protocol tus 1.0 that many clients speak (ours).

Every chunk is on disk for good before its offset is committed. A killed server goes on at the last offset: bytes
behind it do not count and are cut off.
"""

import base64
import binascii
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from biobank.access import Actor
from biobank.files.names import safe_name
from biobank.wire.errors import Problem
from importjobs import errors
from importjobs.models import PartialUpload, Upload
from importjobs.uploads import home, space_needed

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,expiration,checksum"
ALGORITHMS = ("sha1", "sha256", "md5")
CHUNK_TYPE = "application/offset+octet-stream"
_BLOCK = 1 << 20
_COMMIT_EVERY = 16 << 20  # bytes a kill can cost

Read = Callable[[int], bytes]


class Stopped(Exception):
    """The request cannot be carried out, with the status that the protocol wants."""

    def __init__(self, status: int, problem: Problem) -> None:
        self.status, self.problem = status, problem
        super().__init__(problem.code)


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of a file is there; complete files are input files like any other."""

    id: UUID
    filename: str
    size: int
    offset: int
    expires: datetime | None

    @property
    def complete(self) -> bool:
        return self.offset == self.size


def create(size: str | None, metadata: str | None, actor: Actor) -> Progress:
    """Begin a file. Raises `Stopped` 400 and 413."""
    if size is None or not (size.isascii() and size.isdigit()):
        raise Stopped(400, errors.UPLOAD_INVALID(reason="Upload-Length must be a number"))
    if int(size) > settings.MAX_UPLOAD_BYTES:
        raise Stopped(413, errors.UPLOAD_TOO_LARGE(limit=settings.MAX_UPLOAD_BYTES))
    row = PartialUpload.objects.create(
        filename=safe_name(_metadata(metadata).get("filename", ""), "input.csv"),
        size=int(size),
        created_by_id=actor.user_id,
    )
    return _finish(row) if not row.size else _progress(row)


def find(pk: str, actor: Actor) -> Progress:
    """A file of the caller. Raises `Stopped` 404."""
    try:
        key = UUID(pk)
    except ValueError:
        raise Stopped(404, errors.UPLOAD_UNKNOWN()) from None
    row = PartialUpload.objects.filter(pk=key, created_by=actor.user_id).first()
    if row is not None and not _is_expired(row):
        return _finish(row) if row.offset == row.size else _progress(row)
    upload = Upload.objects.filter(pk=key, created_by=actor.user_id).first()
    if upload is None:
        raise Stopped(404, errors.UPLOAD_UNKNOWN())
    return Progress(upload.id, upload.filename, upload.size, upload.size, None)


def append(
    pk: str, offset: str | None, length: int, checksum: str | None, read: Read, actor: Actor
) -> Progress:
    """Add a chunk of at most `length` bytes behind `offset`.

    Raises `Stopped`: 400, 404, 409 (other offset), 413 (longer than the file), 423 (somebody else is at it), 460
    (the checksum does not match, nothing is kept). What came before the connection broke is kept.
    """
    found = find(pk, actor)
    if offset is None or not (offset.isascii() and offset.isdigit()):
        raise Stopped(400, errors.UPLOAD_INVALID(reason="Upload-Offset must be a number"))
    digest = _Digest.of(checksum)
    if found.offset + length > found.size and int(offset) == found.offset:
        raise Stopped(413, errors.UPLOAD_TOO_LARGE(limit=found.size))
    if found.complete:
        if int(offset) != found.size:
            raise Stopped(409, errors.UPLOAD_OFFSET(offset=found.offset))
        return found
    with space_needed(), _held(_part(found.id)) as file:
        row = PartialUpload.objects.filter(pk=found.id).first()
        if row is None or int(offset) != row.offset:
            raise Stopped(409, errors.UPLOAD_OFFSET(offset=row.offset if row else found.size))
        if os.fstat(file.fileno()).st_size < row.offset:  # the disk lost it: zeros must not stand in for it
            row.delete()
            raise Stopped(404, errors.UPLOAD_UNKNOWN())
        _receive(row, file, length, digest, read)
    return _finish(row) if row.offset == row.size else _progress(row)


def remove(pk: str, actor: Actor) -> None:
    """Forget a file that no job has taken. Raises `Stopped` 404."""
    found = find(pk, actor)
    removed, _ = PartialUpload.objects.filter(pk=found.id).delete()
    removed += Upload.objects.filter(pk=found.id, job=None).delete()[0]
    if not removed:
        raise Stopped(404, errors.UPLOAD_UNKNOWN())
    shutil.rmtree(home(found.id), ignore_errors=True)


def remove_expired() -> None:
    """Forget unfinished files nobody went on with."""
    past = timezone.now() - _lifetime()
    for row in PartialUpload.objects.filter(changed_at__lt=past).order_by("changed_at")[:1000]:
        row.delete()
        shutil.rmtree(home(row.id), ignore_errors=True)


# --- Receiving --------------------------------------------------------------------------------------


class _Digest:
    """What a chunk must add up to; a chunk with checksum counts as a whole or not at all."""

    def __init__(self, name: str, wanted: bytes) -> None:
        self._sum = hashlib.new(name, usedforsecurity=False)
        self._wanted = wanted

    @classmethod
    def of(cls, header: str | None) -> "_Digest | None":
        if header is None:
            return None
        name, _, text = header.strip().partition(" ")
        try:
            if name not in ALGORITHMS:
                raise ValueError
            return cls(name, base64.b64decode(text, validate=True))
        except (ValueError, binascii.Error):
            raise Stopped(400, errors.UPLOAD_INVALID(reason="Upload-Checksum is not understood")) from None

    def add(self, block: bytes) -> None:
        self._sum.update(block)

    def check(self) -> None:
        if self._sum.digest() != self._wanted:
            raise Stopped(460, errors.UPLOAD_CHECKSUM())


def _receive(row: PartialUpload, file: BinaryIO, length: int, digest: _Digest | None, read: Read) -> None:
    file.truncate(row.offset)
    file.seek(row.offset)
    at = row.offset
    try:
        for block in _blocks(read, length):
            file.write(block)
            at += len(block)
            if digest is not None:
                digest.add(block)
            elif at - row.offset >= _COMMIT_EVERY:
                _commit(row, file, at)
        if digest is not None:
            digest.check()
    except BaseException:
        if digest is None:
            _commit(row, file, at)
        raise
    _commit(row, file, at)


def _blocks(read: Read, length: int) -> Iterator[bytes]:
    left = length
    while left > 0 and (block := read(min(left, _BLOCK))):
        left -= len(block)
        yield block


def _commit(row: PartialUpload, file: BinaryIO, at: int) -> None:
    """Only what is on disk for good counts."""
    file.flush()
    os.fsync(file.fileno())
    row.offset, row.changed_at = at, timezone.now()
    if not PartialUpload.objects.filter(pk=row.pk).update(offset=at, changed_at=row.changed_at):
        raise Stopped(404, errors.UPLOAD_UNKNOWN())  # removed meanwhile


@contextmanager
def _held(path: Path) -> Iterator[BinaryIO]:
    """The file, for one request at a time; the lock ends with its process."""
    with path.open("ab") as made:
        made.flush()
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Stopped(423, errors.UPLOAD_BUSY()) from None
        yield file


def _finish(row: PartialUpload) -> Progress:
    """Make a complete file an input file; does no harm when it is done again."""
    part, original = _part(row.id), home(row.id) / "original"
    if not row.size:
        part.touch()
    if part.exists():
        part.replace(original)
    with transaction.atomic():
        Upload.objects.get_or_create(
            id=row.id,
            defaults={"filename": row.filename, "size": row.size, "created_by_id": row.created_by_id},
        )
        PartialUpload.objects.filter(pk=row.id).delete()
    return Progress(row.id, row.filename, row.size, row.size, None)


def _part(pk: UUID) -> Path:
    return home(pk) / "part"


def _progress(row: PartialUpload) -> Progress:
    return Progress(row.id, row.filename, row.size, row.offset, row.changed_at + _lifetime())


def _is_expired(row: PartialUpload) -> bool:
    return row.changed_at + _lifetime() < timezone.now()


def _lifetime() -> timedelta:
    return timedelta(hours=settings.UPLOAD_HOURS)


def _metadata(text: str | None) -> dict[str, str]:
    """`filename cm93cy5jc3Y=,filetype dGV4dA==`. Raises `Stopped` 400."""
    found: dict[str, str] = {}
    for pair in filter(None, (text or "").split(",")):
        name, _, value = pair.strip().partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (ValueError, binascii.Error):
            raise Stopped(400, errors.UPLOAD_INVALID(reason="Upload-Metadata is not base64 text")) from None
    return found
