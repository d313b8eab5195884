"""The report of a job: its input rows, each with what became of it (spec 04 §2.10).

Nothing of it is kept: the rows stand in the input file, what went wrong in the database, committed with the
cursor. So it is right at any moment, whatever happened to the workers.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from biobank.jobs.models import State
from biobank.tabular.lines import csv_lines
from biobank.wire.errors import Refused
from importjobs import layouts
from importjobs.errors import OUTPUT_NOT_CREATED, Malformed
from importjobs.models import CsvType, Failure, ImportJob, Upload
from importjobs.source import Source

STATUS, MESSAGE = "OS_IMPORT_STATUS", "OS_ERROR_MESSAGE"


def report(job: ImportJob) -> Iterator[bytes]:
    """The report as far as the job has come. Raises IMPORT_JOB_OUTPUT_FILE_NOT_CREATED at once when there is none."""
    upload = Upload.objects.filter(job=job).first()
    if job.started_at is None or upload is None:
        raise Refused(OUTPUT_NOT_CREATED.missing())
    try:
        source = Source(job, upload)
    except (Malformed, OSError):
        raise Refused(OUTPUT_NOT_CREATED.missing()) from None
    return csv_lines(_rows(job, source), layouts.separator(job.field_separator))


def _rows(job: ImportJob, source: Source) -> Iterator[list[str]]:
    with source:
        width = len(source.header)
        yield [*source.header, STATUS, MESSAGE]
        failures = _failures(job)
        failure = next(failures, None)
        for number, row in enumerate(_listed(job, source), 1):
            cells, surplus = row[:width], row[width:]
            cells += [""] * (width - len(cells))
            if number > job.row:
                yield [*cells, "", "", *surplus]
            elif failure is not None and failure[0] == number:
                # Surplus cells stand behind the message, so that the two columns are found by name.
                yield [*cells, "FAIL", failure[1], *surplus]
                failure = next(failures, None)
            else:
                yield [*cells, "SUCCESS", "", *surplus]
        if job.state == State.FAILED:
            yield [*[""] * width, "FAIL", job.error]


def _listed(job: ImportJob, source: Source) -> Iterator[list[str]]:
    """The rows the job has done; of one that was stopped, all of them where they make objects together (§2.4)."""
    if job.csv_type == CsvType.MULTIPLE and job.state == State.STOPPED:
        return source.rows()
    return islice(source.rows(), job.row)


def _failures(job: ImportJob) -> Iterator[Any]:
    """Row numbers and messages in order; rows committed after `job` was read are left out."""
    found = Failure.objects.filter(job=job, row__lte=job.row).order_by("row")
    return found.values_list("row", "message").iterator(chunk_size=2000)
