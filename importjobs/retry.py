"""Running the rows of a job again that did not get into the database.

    failed_rows(job)                -> CSV: the header of the input and the rows to do, cells as they were
    retry(job, Retry(...), actor)   -> a new job of the same options over these rows, or over a repaired file
    in_earnest(job, actor)          -> a new job that saves what a dry run tried

To do are the rows that failed and those a stopped or broken job did not reach. Of a job that saves all or nothing
and saved nothing, all rows are to do. A dry run has to do what it found wrong or did not reach when it is tried
again; it saved nothing, so to save it everything is to do.
"""

from collections.abc import Iterator

from biobank.access import Actor
from biobank.batch.schema import Operation
from biobank.jobs.models import State
from biobank.tabular.lines import csv_lines
from biobank.wire.errors import Refused
from importjobs import layouts, uploads
from importjobs.detail import JobDetail, NewJob, Retry
from importjobs.errors import NOT_OVER, NOTHING_TO_RETRY, OUTPUT_NOT_CREATED, Malformed
from importjobs.models import Failure, ImportJob, Upload
from importjobs.source import Source
from importjobs.submit import submit

_BLOCK = 2000


def failed_rows(job: ImportJob) -> Iterator[bytes]:
    """The rows to do, with their header.

    Raises IMPORT_JOB_NOT_OVER, IMPORT_JOB_NOTHING_TO_RETRY, IMPORT_JOB_OUTPUT_FILE_NOT_CREATED (the input is gone).
    """
    _check(job)
    separator = layouts.separator(job.field_separator)
    try:
        source = Source(job, _upload(job))
    except (Malformed, OSError):
        raise Refused(OUTPUT_NOT_CREATED.missing()) from None
    return csv_lines(_rows(job, source), separator, guard=False)


def retry(job: ImportJob, request: Retry, actor: Actor) -> ImportJob | JobDetail:
    """Queue a new job of the same options. Raises what `failed_rows` and `submit` raise.

    A dry run that is to be saved (`dryRun` false, no repaired file) is taken with all its rows.
    """
    if job.dry_run and request.dry_run is False and not request.input_file_id:
        return in_earnest(job, actor)
    _check(job)
    file_id = request.input_file_id
    separator = job.field_separator or None  # a repaired file may have another one
    if not file_id:
        separator = layouts.separator(separator)
        file_id = str(uploads.derive(_upload(job), failed_rows(job), actor).id)
    dry_run = job.dry_run if request.dry_run is None else bool(request.dry_run)
    return _again(job, file_id, separator, actor, dry_run=dry_run)


def in_earnest(job: ImportJob, actor: Actor) -> ImportJob | JobDetail:
    """Queue what a dry run tried, all rows of it, to be saved. Raises what `submit` raises, IMPORT_JOB_NOT_OVER."""
    if not job.is_over:
        raise Refused(NOT_OVER(id=job.pk))
    twin = uploads.twin(_upload(job))
    return _again(job, str(twin.id), job.field_separator or None, actor, dry_run=False)


def _again(
    job: ImportJob, file_id: str, separator: str | None, actor: Actor, *, dry_run: bool
) -> ImportJob | JobDetail:
    again = NewJob(
        object_type=job.name,
        import_type=Operation(job.type),
        csv_type=job.csv_type,
        input_file_id=file_id,
        date_format=job.date_format,
        time_format=job.time_format,
        time_zone=job.time_zone,
        field_separator=separator,
        object_params=job.params,
        atomic=job.atomic,
        offline_queue=job.offline,
        dry_run=dry_run,
    )
    made = submit(again, actor)
    if isinstance(made, ImportJob):
        ImportJob.objects.filter(pk=made.pk).update(retry_of=job)
        made.retry_of = job
    return made


def _upload(job: ImportJob) -> Upload:
    found = Upload.objects.filter(job=job).first()
    if found is None:
        raise Refused(OUTPUT_NOT_CREATED.missing())
    return found


def _check(job: ImportJob) -> None:
    """Somebody at it, or nothing to do?"""
    if not job.is_over:
        raise Refused(NOT_OVER(id=job.pk))
    if job.state == State.DONE and not job.failed:
        raise Refused(NOTHING_TO_RETRY(id=job.pk))


def _saved_nothing(job: ImportJob) -> bool:
    return job.atomic and not job.dry_run and (job.failed > 0 or job.state != State.DONE)


def _rows(job: ImportJob, source: Source) -> Iterator[list[str]]:
    """The header, then of all rows those to do."""
    with source:
        yield source.header
        if _saved_nothing(job):
            yield from source.rows()
            return
        wrong = _wrong(job)
        next_wrong = next(wrong, None)
        for number, row in enumerate(source.rows(), 1):
            if number == next_wrong:
                next_wrong = next(wrong, None)
                yield row
            elif number > job.row:
                yield row


def _wrong(job: ImportJob) -> Iterator[int]:
    rows = Failure.objects.filter(job=job).order_by("row").values_list("row", flat=True)
    return rows.iterator(chunk_size=_BLOCK)
