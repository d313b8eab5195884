"""Working through an input file: chunks of rows, each committed with the cursor and its failures (spec 04 §2)."""

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from django.conf import settings
from django.db import OperationalError, transaction

from biobank.access import IMPORT, Actor
from biobank.batch import schema as schemas
from biobank.batch.insert import insert
from biobank.batch.schema import ImportSchema, Operation
from biobank.jobs.models import State
from biobank.jobs.runner import Unworkable
from biobank.wire.errors import Refused
from importjobs import layouts, uploads
from importjobs.attaching import attaching
from importjobs.building import Builder
from importjobs.cells import Formats
from importjobs.errors import Malformed
from importjobs.models import Failure, ImportJob, ImportType, Upload
from importjobs.outcome import Explainer, Wrong, text_of
from importjobs.reader import CsvFile, Position
from importjobs.writing import Writer
from sessions_auth.actor import actor_of
from sessions_auth.models import User

CHUNK_BYTES = 4_000_000
MAX_TRIES = 5  # of one chunk whose transaction lost against another one
_LOST = frozenset({"40001", "40P01"})  # serialization failure, deadlock: the same again may well work


@dataclass(slots=True)
class Chunk:
    """Some rows of the file, and where the next one begins."""

    first_row: int
    rows: list[list[str]] = field(default_factory=list)
    end: Position = field(default_factory=Position)
    is_last: bool = False


class _Undo(Exception):
    """An atomic job that must not leave anything."""


class Importer:
    """Works on one job for the length of a slice; call it for each chunk, it answers whether work is left."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._run: _Run | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def __call__(self, job: ImportJob) -> bool:
        try:
            if self._run is None:
                file = self._stack.enter_context(CsvFile(_input(job), layouts.separator(job.field_separator)))
                self._run = _Run(job, file)
            return self._run.everything(job) if job.is_whole else self._run.step(job)
        except (Malformed, Refused) as error:
            raise Unworkable(_explain(error)) from error


def _input(job: ImportJob) -> Any:
    upload = Upload.objects.filter(job=job).first()
    if upload is None:
        raise Unworkable("The input file no longer exists")
    return uploads.csv_of(upload)


def _explain(error: Malformed | Refused) -> str:
    return (
        text_of(error.problems) if isinstance(error, Refused) else f"The input file cannot be read: {error}"
    )


def creator(job: ImportJob) -> Actor:
    """The job's creator with the rights they have now, in the job's time zone (spec 04 §2.1, §2.6).

    Raises `Unworkable`.
    """
    user = (
        User.objects.filter(pk=job.created_by_id or 0)
        .exclude(activity_status__in=["Closed", "Disabled"])
        .first()
    )
    if user is None:
        raise Unworkable("The account of the job's creator is no longer active")
    return replace(actor_of(user, via=IMPORT), time_zone=job.time_zone)


class _Run:
    def __init__(self, job: ImportJob, file: CsvFile) -> None:
        schema = schemas.find(job.name)
        if schema is None:
            raise Unworkable(f"There is no import schema {job.name}")
        formats = Formats.parse(job.date_format, job.time_format, job.time_zone)
        self._schema: ImportSchema = schema
        actor = creator(job)
        self._writer = attaching(Writer(schema, Operation(job.type), actor), schema, job, actor)
        columns = schema.columns_with(job.params)
        self._builder = Builder(
            columns,
            file.header,
            formats,
            shape=schema.detail,
            drop_id=job.type == ImportType.CREATE,
        )
        self._explainer = Explainer(columns, self._builder.tree, formats)
        self._file = file
        self._failed = job.failed
        self._chunk: Chunk | None = None
        self._tries = 0
        file.go_to(Position(job.offset, job.row))
        self._rows = file.rows()

    # --- Chunk by chunk -------------------------------------------------------------------------------

    def step(self, job: ImportJob) -> bool:
        """Import one chunk in one transaction with the cursor; True while rows are left."""
        if _stop_is_requested(job):
            job.finish(State.STOPPED)
            return False
        chunk = self._chunk = self._chunk or self._read()
        try:
            with transaction.atomic():
                failures = self._write(job, chunk)
                insert(failures)
                progress = {
                    "row": chunk.end.row,
                    "offset": chunk.end.offset,
                    "failed": self._failed + len(failures),
                }
                if chunk.is_last:
                    job.finish(State.DONE, **progress)
                else:
                    job.commit(**progress)
        except OperationalError as error:
            self._try_again(error)
            return True
        self._chunk, self._tries = None, 0
        self._failed += len(failures)
        return not chunk.is_last

    def _try_again(self, error: OperationalError) -> None:
        """Swallow the error of a transaction that lost against another one; the chunk is still at hand."""
        self._tries += 1
        if getattr(error.__cause__, "pgcode", None) not in _LOST or self._tries >= MAX_TRIES:
            raise error

    def _read(self) -> Chunk:
        chunk = Chunk(first_row=self._file.position.row + 1)
        began = self._file.position.offset
        for row in self._rows:
            chunk.rows.append(row)
            full = len(chunk.rows) >= settings.IMPORT_CHUNK_ROWS
            if full or self._file.position.offset - began >= CHUNK_BYTES:
                break
        else:
            chunk.is_last = True
        chunk.end = self._file.position
        return chunk

    def _write(self, job: ImportJob, chunk: Chunk) -> list[Failure]:
        """Send the rows through the schema's door; returns what went wrong, ready to be stored."""
        wrong: dict[int, Wrong] = {}
        details: list[Any] = []
        places: list[int] = []
        built = self._builder.build(chunk.rows)
        for number, (detail, mistakes) in enumerate(built, chunk.first_row):
            if mistakes:
                wrong[number] = self._explainer.unreadable(mistakes)
            else:
                details.append(detail)
                places.append(number)
        outcomes = self._writer.write(details) if details else []
        for number, outcome in zip(places, outcomes, strict=True):
            if outcome.problems:
                row = chunk.rows[number - chunk.first_row]
                wrong[number] = self._explainer.refused(outcome.problems, row)
        return [found.failure(job.pk, number, number) for number, found in sorted(wrong.items())]

    # --- All or nothing -------------------------------------------------------------------------------

    def everything(self, job: ImportJob) -> bool:
        """Import all rows in one transaction; all are tried, none stays when one fails (spec 04 §2.3)."""
        failures: list[Failure] = []
        stopped = False
        end = Position()
        try:
            with transaction.atomic():
                while True:
                    chunk = self._read()
                    failures += self._write(job, chunk)
                    end = chunk.end
                    stopped = _stop_is_requested(job)
                    if chunk.is_last or stopped:
                        break
                if failures or stopped or job.dry_run:
                    raise _Undo
                job.finish(State.DONE, row=end.row, offset=end.offset)
        except _Undo:
            with transaction.atomic():
                insert(failures)
                state = State.STOPPED if stopped else State.DONE
                job.finish(state, row=end.row, offset=end.offset, failed=len(failures))
        return False


def _stop_is_requested(job: ImportJob) -> bool:
    return ImportJob.objects.filter(pk=job.pk, stop_requested=True).exists()
