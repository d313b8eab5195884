"""What becomes of the files of export jobs: kept for a time, and swept away when nobody owns them."""

import os
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from biobank.files import folder
from biobank.jobs.models import State
from biobank.jobs.tasks import register_broom
from exports.objects.models import ObjectExport
from exports.objects.writing import FOLDER, path_of, stored_name


@register_broom
def remove_old_files() -> None:
    """Remove files past their retention; the rows of the jobs stay."""
    past = timezone.now() - timedelta(days=settings.FILES_RETENTION_DAYS)
    old = ObjectExport.objects.exclude(file="").filter(finished_at__lt=past)
    for pk, file in list(old.values_list("pk", "file")):
        path_of(file).unlink(missing_ok=True)
        ObjectExport.objects.filter(pk=pk).update(file="", size=None)


@register_broom
def remove_orphans() -> None:
    """Remove every file, whole or begun, that no row owns: left behind by a worker that died.

    The files are listed before the rows are read, and a build's row exists before its file.
    """
    with os.scandir(folder(FOLDER)) as entries:
        found = [(Path(entry.path), *_key_of(entry.name)) for entry in entries if entry.is_file()]
    rows = ObjectExport.objects.in_bulk([key for _, key, _ in found if key])
    for path, key, name in found:
        if name not in _owned(rows.get(key)):
            path.unlink(missing_ok=True)


def _owned(row: ObjectExport | None) -> tuple[str, ...]:
    """The file a row accounts for: the one it holds, or the one being built."""
    if row is None:
        return ()
    if row.state == State.RUNNING:
        return (stored_name(row.pk, row.owner),)
    return (row.file,) if row.file else ()


def _key_of(name: str) -> tuple[int, str]:
    """The key of a file's job, 0 for a stray file, and the name its build publishes."""
    published = name.removeprefix(".").split(".zip", 1)[0]
    key = published.split("-", 1)[0]
    return (int(key) if key.isdecimal() else 0), f"{published}.zip"
