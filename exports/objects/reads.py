"""Reading export jobs: who sees which, how they look on the wire, and their files (spec 04 §6.2, §6.3)."""

from collections.abc import Iterable
from pathlib import Path

from django.db.models import Q

from biobank.access import Actor
from biobank.batch import schema as schemas
from biobank.jobs.models import State
from biobank.wire.errors import ACCESS_DENIED, Refused
from exports.objects.building import so_far
from exports.objects.detail import ExportJobDetail
from exports.objects.errors import IN_PROGRESS, NOT_FOUND, OUTPUT_NOT_CREATED
from exports.objects.models import ObjectExport
from exports.objects.writing import path_of
from sessions_auth.reads import summaries


def job(pk: int, actor: Actor) -> ObjectExport:
    """One job, for its creator, its other readers and super administrators.

    Raises EXPORT_JOB_NOT_FOUND, RBAC_ACCESS_DENIED.
    """
    found = ObjectExport.objects.filter(pk=pk).first()
    if found is None:
        raise Refused(NOT_FOUND.missing(id=pk))
    if not actor.is_super and actor.user_id not in (found.created_by_id, *found.readers):
        raise Refused(ACCESS_DENIED())
    return found


def visible(actor: Actor) -> Q:
    """The condition on jobs that `job` would answer them."""
    return Q() if actor.is_super else Q(created_by=actor.user_id) | Q(readers__contains=actor.user_id)


def output(row: ObjectExport) -> Path:
    """The finished file. Raises EXPORT_JOB_IN_PROGRESS, EXPORT_JOB_OUTPUT_FILE_NOT_CREATED."""
    if not row.is_over:
        raise Refused(IN_PROGRESS(id=row.pk))
    if not has_file(row):
        raise Refused(OUTPUT_NOT_CREATED.missing(id=row.pk))
    return path_of(row.file)


def has_file(row: ObjectExport) -> bool:
    """Whether the job ended well and its file is still kept."""
    return row.state == State.DONE and bool(row.file) and path_of(row.file).is_file()


def details(jobs: Iterable[ObjectExport], *, counted: bool = True) -> list[ExportJobDetail]:
    """Details in the order given; one more query, for the creators. `counted`: with the number of records."""
    rows = list(jobs)
    users = summaries(row.created_by_id for row in rows)
    return [
        ExportJobDetail(
            id=row.pk,
            name=row.name,
            status=row.status,
            total_records=records(row) if counted else None,
            created_by=users.get(row.created_by_id or 0),
            creation_time=row.created_at,
            end_time=row.finished_at,
            params=row.params,
        )
        for row in rows
    ]


def records(row: ObjectExport) -> int | None:
    """How many records the file has, or a running job has read so far."""
    return row.records if row.is_over else so_far(row.pk)


def title(row: ObjectExport) -> str:
    """The job as people see it in lists."""
    return f"#{row.pk} {label(row)}"


def label(row: ObjectExport) -> str:
    """What the records are called, for people (spec 04 §6.4)."""
    return label_of(row.name)


def label_of(name: str) -> str:
    """What records of a kind are called in exports."""
    schema = schemas.find(name)
    if schema is None or schema.export is None:
        return name
    return schema.export.label or schema.label
