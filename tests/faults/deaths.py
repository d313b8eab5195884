"""Workers that kill themselves at a chosen point of a job: forks of the test process, so that hundreds are cheap."""

import os
import resource
import signal
import warnings
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection, connections, transaction

from biobank.jobs import runner as slices
from importjobs import grouping, tasks
from importjobs.models import ImportJob
from importjobs.reader import CsvFile
from importjobs.report import report
from importjobs.writing import Writer

PATIENCE = 60  # seconds after which a child that does not die is given up

Install = Callable[[int], None]


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _later(function: Callable[..., Any], before: int, then: Callable[..., Any]) -> Callable[..., Any]:
    """The function, but `then` takes its place from call number `before` + 1 on."""
    calls = 0

    def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        return (function if calls <= before else then)(*arguments, **named)

    return wrapped


def regroup(before: int) -> None:
    """Rows are being put in the order of their objects."""

    def some(store: Any) -> Any:
        yield next(ordered(store))
        die()

    ordered = grouping._ordered
    grouping._ordered = some


def claim(before: int) -> None:
    """The row says that a worker has it; nothing else has happened."""
    taken = ImportJob.claim.__func__  # type: ignore[attr-defined]

    def claim_and_die(model: Any, pk: int) -> None:
        taken(model, pk)
        die()

    ImportJob.claim = classmethod(claim_and_die)  # type: ignore[assignment,method-assign]


def parse(before: int) -> None:
    """In the middle of reading a chunk."""
    rows = CsvFile.rows

    def some(self: CsvFile) -> Any:
        for number, row in enumerate(rows(self), 1):
            if number == before * settings.IMPORT_CHUNK_ROWS + 3:
                die()
            yield row

    CsvFile.rows = some  # type: ignore[method-assign]


def plan(before: int) -> None:
    """At the first look-up in the database for a chunk."""

    def write(self: Writer, details: Any) -> Any:
        connection.execute_wrappers.append(die)
        return original(self, details)

    original = Writer.write
    Writer.write = _later(original, before, write)  # type: ignore[method-assign]


def apply(before: int) -> None:
    """The rows of one table are written, those of others and the cursor are not."""

    def write(self: Writer, details: Any) -> Any:
        connection.execute_wrappers.append(_after_writing)
        return original(self, details)

    original = Writer.write
    Writer.write = _later(original, before, write)  # type: ignore[method-assign]


def _after_writing(execute: Any, sql: Any, parameters: Any, many: bool, context: Any) -> Any:
    found = execute(sql, parameters, many, context)
    if str(sql).startswith(("UPDATE", "COPY", "INSERT", "SELECT nextval")):
        die()
    return found


def before_commit(before: int) -> None:
    """Rows and cursor are written, but not committed."""
    original = ImportJob.commit

    def commit(self: ImportJob, **changes: Any) -> None:
        original(self, **changes)
        die()

    ImportJob.commit = _later(original, before, commit)  # type: ignore[method-assign]


def after_commit(before: int) -> None:
    """The chunk has just been committed."""
    original = ImportJob.commit

    def commit(self: ImportJob, **changes: Any) -> None:
        original(self, **changes)
        transaction.on_commit(die)

    ImportJob.commit = _later(original, max(before - 1, 0), commit)  # type: ignore[method-assign]


def hand_over(before: int) -> None:
    """The job is back in the queue, but nobody has been told."""
    settings.JOB_SLICE_SECONDS = -1
    slices.send = lambda job: transaction.on_commit(die)


def ending(before: int) -> None:
    """The end of the job is written, but not committed."""
    original = ImportJob.finish

    def finish(self: ImportJob, *arguments: Any, **changes: Any) -> None:
        original(self, *arguments, **changes)
        die()

    ImportJob.finish = finish  # type: ignore[method-assign]


def stop(before: int) -> None:
    """A stop was asked for and seen, but the job does not say so yet."""
    ImportJob.finish = die  # type: ignore[method-assign]


def ended(before: int) -> None:
    """The end is committed; the creator has no mail yet."""
    tasks.tell = die  # type: ignore[attr-defined]


POINTS: dict[str, Install] = {
    "regroup": regroup,
    "claim": claim,
    "parse": parse,
    "plan": plan,
    "apply": apply,
    "before commit": before_commit,
    "after commit": after_commit,
    "hand-over": hand_over,
    "stop": stop,
    "finish": ending,
    "finished": ended,
}


def killed_at(point: str, job_id: int, before: int = 1) -> None:
    """Have a process work on the job and die with -9 at the point, `before` chunks later than it could."""

    def work() -> None:
        POINTS[point](before)
        tasks.run(job_id)

    assert killed(work), "the process did not reach the point"


def killed_reading_report(job_id: int) -> None:
    """Have a process die in the middle of sending the report."""

    def read() -> None:
        blocks = report(ImportJob.objects.get(pk=job_id))
        next(blocks)
        die()

    assert killed(read), "the process did not reach the point"


def with_full_disk(work: Callable[[], None]) -> None:
    """Do the work in a process that cannot write a byte to a file; fails when it ends badly."""

    def poor() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        work()
        die()

    assert killed(poor), "the work could not be done"


def killed(work: Callable[[], None]) -> bool:
    """Whether a process that does the work dies of SIGKILL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(PATIENCE)
            for one in connections.all():
                one.connection = None  # the parent goes on using it
            work()
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
