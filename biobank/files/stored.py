"""Uploaded documents that belong to a record: kept under a name of our own, never under the sender's."""

import filecmp
import mimetypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.files.base import File

from biobank.files import folder, published
from biobank.files.names import safe_name

_BLOCK = 1 << 20
_LONGEST = 120


_kept: ContextVar[list[tuple[str, str]] | None] = ContextVar("kept", default=None)


@contextmanager
def files_kept() -> Iterator[Callable[[], None]]:
    """For a transaction that may be undone: gives what removes the documents stored within."""
    kept: list[tuple[str, str]] = []
    token = _kept.set(kept)

    def undo() -> None:
        for area, stored in kept:
            remove(area, stored)

    try:
        yield undo
    finally:
        _kept.reset(token)


def keep(area: str, file: "File[Any]") -> str:
    """Store an upload in `DATA_DIR/<area>`; returns its stored name `<uuid>_<original name>`.

    The row that names it is written afterwards; a file without a row is harmless.
    """
    stored = f"{uuid4()}_{_short(safe_name(file.name or ''))}"
    with published(folder(area) / stored) as target:
        for block in file.chunks(_BLOCK):
            target.write(block)
    kept = _kept.get()
    if kept is not None:
        kept.append((area, stored))
    return stored


def _short(name: str) -> str:
    """The end of a name, so that file systems take it: they count bytes, 255 at most with what stands around it."""
    while len(name.encode()) > _LONGEST:
        name = name[1:]
    return name


def place(area: str, stored: str) -> Path:
    """Where a stored file lies; a name that would lead elsewhere is reduced to its last part."""
    return folder(area) / safe_name(stored, length=255)


def same_content(one: Path, other: Path) -> bool:
    """Whether two files hold the same bytes; one that is missing is like no other."""
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def original(stored: str) -> str:
    """The sender's file name within a stored name."""
    return stored.split("_", 1)[-1]


def media_type(name: str) -> str:
    """The content type that a file name's ending tells."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def remove(area: str, stored: str) -> None:
    """Forget a stored file; one that is gone already is no error."""
    place(area, stored).unlink(missing_ok=True)
