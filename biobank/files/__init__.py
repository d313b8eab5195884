"""The data directory, and publishing a file by renaming it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from django.conf import settings


def folder(*parts: str) -> Path:
    """A folder below the data directory, made when missing."""
    path: Path = settings.DATA_DIR.joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def published(target: Path) -> Iterator[BinaryIO]:
    """Write a file so that others see all of it or nothing: temporary name, fsync, rename.

    The temporary file stands in the same folder, begins with a dot and is removed when writing fails.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.parent / f".{target.name}.{uuid4().hex}.part"
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        _sync_folder(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
