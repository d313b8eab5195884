"""Working through an input file: chunks of rows, each committed with the cursor and its failures (spec 04 §2).

A job that saves all or nothing, and a dry run, is one transaction from the first row to the last. It holds the same
chunks; what failed is kept beside it until it has ended, and how far it is goes out with the renewed lease.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from django.db import OperationalError, transaction

from biobank.access import IMPORT, Actor
from biobank.batch import schema as schemas
from biobank.batch.insert import insert
from biobank.batch.schema import ImportSchema, Operation
from biobank.files.stored import files_kept
from biobank.jobs.models import State
from biobank.jobs.runner import Unworkable
from biobank.wire.errors import Refused
from importjobs import grouping, layouts, uploads
from importjobs.attaching import attaching
from importjobs.building import Builder
from importjobs.cells import Formats
from importjobs.errors import Malformed
from importjobs.models import CsvType, Failure, ImportJob, ImportType, Upload
from importjobs.outcome import Explainer, Wrong, text_of
from importjobs.reader import Position
from importjobs.source import Chunk, Source, grouped_copy
from importjobs.spill import Spill
from importjobs.writing import Writer
from sessions_auth.actor import actor_of
from sessions_auth.models import User

MAX_TRIES = 5  # of one chunk whose transaction lost against another one
_LOST = frozenset({"40001", "40P01"})  # serialization failure, deadlock: the same again may well work


class _Undo(Exception):
    """A transaction that must not leave anything."""


@dataclass(slots=True)
class _Written:
    """What became of a chunk: its failures, ready to be stored, and how many of its objects failed."""

    failures: list[Failure]
    failed: int


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
                self._run = self._begin(job)
            return self._run.everything(job) if job.is_whole else self._run.step(job)
        except (Malformed, Refused) as error:
            raise Unworkable(_explain(error)) from error

    def _begin(self, job: ImportJob) -> "_Run":
        upload = Upload.objects.filter(job=job).first()
        if upload is None:
            raise Unworkable("The input file no longer exists")
        source = self._stack.enter_context(Source(job, upload))
        run = _Run(job, upload, source)
        if job.csv_type == CsvType.MULTIPLE and not source.is_grouped:
            separator = layouts.separator(job.field_separator)
            grouping.regroup(uploads.csv_of(upload), separator, run.tree, grouped_copy(upload))
            run.source = self._stack.enter_context(Source(job, upload))
        run.source.go_to(Position(job.offset, job.row))
        return run


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
    def __init__(self, job: ImportJob, upload: Upload, source: Source) -> None:
        schema: ImportSchema | None = schemas.find(job.name)
        if schema is None:
            raise Unworkable(f"There is no import schema {job.name}")
        formats = Formats.parse(job.date_format, job.time_format, job.time_zone)
        actor = creator(job)
        columns = schema.columns_with(job.params)
        self._writer = attaching(Writer(schema, Operation(job.type), actor), schema, job, actor)
        self._builder = Builder(
            columns,
            source.header,
            formats,
            shape=schema.detail,
            drop_id=job.type == ImportType.CREATE,
        )
        self.tree = self._builder.tree
        self._explainer = Explainer(columns, self.tree, formats)
        self.source = source
        self._failed = job.failed
        self._objects = job.objects_done
        self._chunk: Chunk | None = None
        self._tries = 0

    # --- Chunk by chunk -------------------------------------------------------------------------------

    def step(self, job: ImportJob) -> bool:
        """Import one chunk in one transaction with the cursor; True while rows are left."""
        if _stop_is_requested(job):
            job.finish(State.STOPPED)
            return False
        chunk = self._chunk = self._chunk or self.source.read()
        try:
            with files_kept() as undo_files, transaction.atomic():
                written = self._write(job, chunk)
                insert(written.failures)
                progress = {
                    "row": chunk.end.row,
                    "offset": chunk.end.offset,
                    "failed": self._failed + written.failed,
                    "objects_done": self._objects + chunk.objects,
                }
                if chunk.is_last:
                    job.finish(State.DONE, **progress)
                else:
                    job.commit(**progress)
        except OperationalError as error:
            undo_files()
            self._try_again(error)
            return True
        self._chunk, self._tries = None, 0
        self._failed += written.failed
        self._objects += chunk.objects
        return not chunk.is_last

    def _try_again(self, error: OperationalError) -> None:
        """Swallow the error of a transaction that lost against another one; the chunk is still at hand."""
        self._tries += 1
        if getattr(error.__cause__, "pgcode", None) not in _LOST or self._tries >= MAX_TRIES:
            raise error

    def _write(self, job: ImportJob, chunk: Chunk) -> _Written:
        """Send the objects through the schema's door; says what went wrong."""
        wrong: dict[int, list[Wrong]] = {}  # by the object's place in the chunk: one for each of its rows
        details: list[Any] = []
        places: list[int] = []
        starts = _starts(chunk)
        for place, (detail, mistakes) in enumerate(self._built(chunk)):
            if detail is None:
                wrong[place] = self._explainer.unreadable(mistakes)
            else:
                details.append(detail)
                places.append(place)
        outcomes = self._writer.write(details) if details else []
        for place, outcome in zip(places, outcomes, strict=True):
            if outcome.problems:
                rows = chunk.rows[starts[place] : starts[place + 1]]
                wrong[place] = self._explainer.refused(outcome.problems, rows)
        failures = [
            found.failure(job.pk, chunk.first_row + row, chunk.numbers[row])
            for place in sorted(wrong)
            for row, found in enumerate(wrong[place], starts[place])
        ]
        return _Written(failures, len(wrong))

    def _built(self, chunk: Chunk) -> Any:
        """A detail (or None) for each object, and the mistakes of each of its rows."""
        if chunk.sizes is not None:
            return self._builder.build_objects(chunk.rows, chunk.sizes)
        built = self._builder.build(chunk.rows)
        return ((None if mistakes else detail, (mistakes,)) for detail, mistakes in built)

    # --- All or nothing -------------------------------------------------------------------------------

    def everything(self, job: ImportJob) -> bool:
        """Try all rows in one transaction; none stays when one fails, and none of a dry run (spec 04 §2.3)."""
        self.source.go_to(Position())
        self._failed = self._objects = 0
        stopped = False
        chunk = Chunk(first_row=1)
        with Spill() as spill, files_kept() as undo_files:
            try:
                with transaction.atomic():
                    while not (chunk.is_last or stopped):
                        chunk = self.source.read()
                        written = self._write(job, chunk)
                        spill.add(written.failures)
                        self._failed += written.failed
                        self._objects += chunk.objects
                        self._tell(job, chunk)
                        stopped = _stop_is_requested(job)
                    if self._failed or stopped or job.dry_run:
                        raise _Undo
                    self._end(job, chunk, State.DONE)
            except _Undo:
                undo_files()
                with transaction.atomic():
                    for failures in spill.blocks():
                        insert(failures)
                    self._end(job, chunk, State.STOPPED if stopped else State.DONE)
            except BaseException:
                undo_files()
                raise
        return False

    def _tell(self, job: ImportJob, chunk: Chunk) -> None:
        """What the thread that renews the lease makes known: the transaction shows nothing before its end."""
        job.news = {
            "live": {"row": chunk.end.row, "objects": self._objects, "failed": self._failed},
        }

    def _end(self, job: ImportJob, chunk: Chunk, state: State) -> None:
        job.finish(
            state,
            row=chunk.end.row,
            offset=chunk.end.offset,
            failed=self._failed,
            objects_done=self._objects,
        )


def _starts(chunk: Chunk) -> "range | list[int]":
    """Where in the chunk each object begins, and where the last one ends."""
    if chunk.sizes is None:
        return range(len(chunk.rows) + 1)
    found = [0]
    for size in chunk.sizes:
        found.append(found[-1] + size)
    return found


def _stop_is_requested(job: ImportJob) -> bool:
    return ImportJob.objects.filter(pk=job.pk, stop_requested=True).exists()
