"""Where the files are: one folder, names made of the job's key, and a broom for what nobody owns any more."""

import logging
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from biobank.files import folder
from biobank.jobs.models import State
from biobank.jobs.tasks import register_broom
from exports.models import Export

log = logging.getLogger("exports")


def path_of(file: str) -> Path:
    """Where a stored file stands; `file` is `Export.file`."""
    return folder("exports") / file


def name_for(export: Export) -> str:
    """The name a build writes to: its own for every claim of the job, so that no two workers ever share one."""
    owner = export.owner.hex if export.owner else "none"
    return f"{export.pk}-{owner}.zip"


def open_file(file: str) -> BinaryIO:
    """The stored file. Raises FileNotFoundError."""
    return path_of(file).open("rb")


def exists(file: str) -> bool:
    return bool(file) and path_of(file).is_file()


def remove_on_commit(*files: str) -> None:
    """Remove files once the rows that named them are gone for good."""
    named = [file for file in files if file]
    transaction.on_commit(lambda: remove(*named))


def remove(*files: str) -> None:
    """Remove files; one that cannot be removed now is left to the broom."""
    for file in files:
        try:
            path_of(file).unlink(missing_ok=True)
        except OSError:
            log.warning("could not remove %s", file, exc_info=True)


@register_broom
def remove_orphans() -> None:
    """Remove every file, whole or begun, that no row owns: left behind by a worker that died.

    The files are listed before the rows are read, and a build's row exists before its file: what no row
    explains then is nobody's.
    """
    found = list(_built_files())
    if not found:
        return
    rows = Export.objects.filter(pk__in={key for _, key, _ in found}).exclude(state=State.FAILED)
    owned = {name for row in rows for name in _owned(row)}
    for path, _, name in found:
        if name not in owned:
            path.unlink(missing_ok=True)


@register_broom
def forget_failures() -> None:
    """Remove the rows of builds that failed or were ended, after the time files are kept."""
    since = timezone.now() - timedelta(days=settings.FILES_RETENTION_DAYS)
    Export.objects.filter(state__in=(State.FAILED, State.STOPPED), finished_at__lt=since).delete()


def _owned(row: Export) -> list[str]:
    """The files a row accounts for: the one it holds, or the one being built."""
    return [row.file] if row.is_ready else [name_for(row)] if row.state == State.RUNNING else []


def _built_files() -> Iterator[tuple[Path, int, str]]:
    """Each file in the folder with the key of its job and the name its build publishes."""
    with os.scandir(folder("exports")) as entries:
        for entry in entries:
            name = entry.name.removeprefix(".").split(".zip", 1)[0]
            key = name.split("-", 1)[0]
            if entry.is_file() and key.isdigit():
                yield Path(entry.path), int(key), f"{name}.zip"
