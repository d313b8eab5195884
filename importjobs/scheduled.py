"""The watch folder of scheduled imports: files whose names say what they are become jobs (spec 04 §1.7).

`DATA_DIR/scheduled-imports` takes what operators drop there; files sent to `POST /import-jobs/schedule` land below
`from/<user>`, as their jobs are that user's. Every file becomes a job exactly once, whatever is killed: its upload's
id is made of what the file is, and the file goes when the job is there. What cannot become one goes to `rejected`, with
the reason beside it.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from django.core.files.base import File
from django.db import connection, transaction

from biobank.access import Actor
from biobank.files import folder, published
from biobank.files.names import safe_name
from biobank.wire.errors import Refused
from importjobs import archives, uploads
from importjobs.detail import NewJob
from importjobs.errors import CSV_NOT_IN_ZIP, INVALID_FILENAME, PARSE_ERROR, Malformed
from importjobs.models import CsvType, ImportJob, ImportType, Upload
from importjobs.submit import submit
from sessions_auth.actor import actor_of
from sessions_auth.models import User

SETTLED_SECONDS = 10  # a dropped file that changed later may still be being copied
_NAMESPACE = UUID("7d0a2c3e-52b1-4f0e-9a51-3f0f6f6a1c55")
_ONE_COLLECTOR = 0x494D504A  # advisory lock


@dataclass(frozen=True, slots=True)
class Name:
    """What a file name says: `<type>_<operation>_<yyyyMMddHHmmssSSS>[_m | _cpId_<id>].csv`."""

    object_type: str
    operation: str
    at: datetime
    is_multiple: bool
    params: dict[str, str]

    @classmethod
    def parse(cls, filename: str) -> "Name":
        """Raises IMPORT_JOB_INV_FILENAME."""
        tokens = filename.removesuffix(".csv").split("_")
        params: dict[str, str] = {}
        if tokens[0] == "extensions" and len(tokens) >= 5:
            params = {"entityType": tokens[1], "formName": "_".join(tokens[2:-2])}
            tokens = [tokens[0], *tokens[-2:]]
        if len(tokens) < 3:
            raise Refused(INVALID_FILENAME(name=filename))
        object_type, operation, stamp, *more = tokens
        if operation.upper() not in ImportType.values:
            raise Refused(INVALID_FILENAME(name=filename))
        if more[:1] == ["cpId"] and len(more) == 2:
            params["cpId"] = more[1]
        return cls(object_type, operation, _instant(stamp, filename), more == ["m"], params)


def _instant(text: str, filename: str) -> datetime:
    try:
        if len(text) != 17 or not text.isascii() or not text.isdigit():
            raise ValueError
        return datetime.strptime(text + "000", "%Y%m%d%H%M%S%f")
    except ValueError:
        raise Refused(INVALID_FILENAME(name=filename)) from None


def watched() -> Path:
    """The folder operators drop files into."""
    return folder("scheduled-imports")


def schedule(file: "File[Any]", actor: Actor) -> int:
    """Put a CSV, or every CSV of an archive, into the watch folder; all of them or none. Answers how many.

    Raises IMPORT_JOB_INV_FILENAME, IMPORT_JOB_CSV_NOT_FOUND_IN_ZIP, IMPORT_JOB_RECORD_PARSE_ERROR.
    """
    place = folder("scheduled-imports", "from", str(actor.user_id))
    try:
        with uploads.csv_files(file) as files:
            named = [(safe_name(item.name or ""), item) for item in files]
            for name, _ in named:
                Name.parse(name)
            if not named:
                raise Refused(CSV_NOT_IN_ZIP())
            for name, item in named:
                with uploads.space_needed(), published(place / name) as target:
                    shutil.copyfileobj(item, target)
            return len(named)
    except Malformed as error:
        raise Refused(PARSE_ERROR(reason=error)) from None


# --- Collecting -------------------------------------------------------------------------------------


def collect() -> list[ImportJob]:
    """Make jobs of the files in the watch folder, by the time stamps in their names; one collector at a time."""
    with _alone() as mine:
        if not mine:
            return []
        for path in _dropped(".zip"):
            _unfold(path)
        found: list[tuple[Name, Path]] = []
        for path in [*_dropped(".csv"), *_sent()]:
            try:
                found.append((Name.parse(path.name), path))
            except Refused as refused:
                _reject(path, refused)
        jobs = [
            _queue(name, path) for name, path in sorted(found, key=lambda pair: (pair[0].at, pair[1].name))
        ]
        return [job for job in jobs if job is not None]


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether nobody else collects; the lock ends with the connection of its holder."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_ONE_COLLECTOR])
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_ONE_COLLECTOR])


def _dropped(suffix: str) -> list[Path]:
    settled = time.time() - SETTLED_SECONDS
    return [path for path in _files(watched(), suffix) if path.stat().st_mtime < settled]


def _sent() -> list[Path]:
    return [path for place in sorted((watched() / "from").glob("*")) for path in _files(place, ".csv")]


def _files(place: Path, suffix: str) -> list[Path]:
    return sorted(
        path
        for path in place.glob(f"*{suffix}")
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    )


def _unfold(path: Path) -> None:
    """Put the files of a dropped archive beside it, as old as it is, so that doing it twice does no harm."""
    stat = path.stat()
    try:
        with archives.opened(path) as archive:
            entries = archives.top_level(archive, ".csv")
            if not entries:
                raise Refused(CSV_NOT_IN_ZIP())
            for entry in entries:
                target = watched() / safe_name(entry.filename)
                archives.unpack(archive, entry, target)
                os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    except Malformed as error:
        _reject(path, Refused(PARSE_ERROR(reason=error)))
    except Refused as refused:
        _reject(path, refused)
    else:
        path.unlink()


def _queue(name: Name, path: Path) -> ImportJob | None:
    """The job of one file, None when it has one already or cannot become one."""
    stat = path.stat()
    key = uuid5(_NAMESPACE, f"{path.relative_to(watched())}\0{stat.st_mtime_ns}\0{stat.st_size}")
    job = None
    if not Upload.objects.filter(pk=key, job__isnull=False).exists():
        try:
            with transaction.atomic():
                job = _submit(name, path, key, _owner(path))
        except Refused as refused:
            shutil.rmtree(uploads.home(key), ignore_errors=True)
            _reject(path, refused)
            return None
    path.unlink()
    return job


def _owner(path: Path) -> Actor:
    """Who sent the file; of a dropped one, the first super administrator."""
    active = User.objects.filter(activity_status="Active", type=User.Type.SUPER).order_by("pk")
    if path.parent.parent.name == "from":
        active = active.filter(pk=int(path.parent.name))
    user = active.first()
    if user is None:
        raise Refused(PARSE_ERROR(reason="no active super administrator stands for this file"))
    return actor_of(user)


def _submit(name: Name, path: Path, key: UUID, actor: Actor) -> ImportJob:
    with path.open("rb") as source, published(uploads.home(key) / "original") as target:
        shutil.copyfileobj(source, target)
    upload, _ = Upload.objects.get_or_create(
        id=key, defaults={"filename": path.name, "size": path.stat().st_size, "created_by_id": actor.user_id}
    )
    request = NewJob(
        object_type=name.object_type,
        import_type=name.operation.upper(),
        csv_type=CsvType.MULTIPLE if name.is_multiple else CsvType.SINGLE,
        input_file_id=str(upload.id),
        object_params=name.params,
    )
    job = submit(request, actor)
    if not isinstance(job, ImportJob):  # too large for the working day
        request.offline_queue = True
        job = submit(request, actor)
    if not isinstance(job, ImportJob):
        raise Refused(PARSE_ERROR(reason=f"the file has {job.total_records} rows ({job.status})"))
    return job


def _reject(path: Path, refused: Refused) -> None:
    place = folder("scheduled-imports", "rejected")
    reasons = "".join(f"{problem.code}: {problem.message}\n" for problem in refused.problems)
    with published(place / f"{path.name}.reason.txt") as file:
        file.write(reasons.encode())
    path.replace(place / path.name)
