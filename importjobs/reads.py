"""Reading import jobs: who sees which, and how they look on the wire (spec 04 §1.5-§1.6, §2.7)."""

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Q, QuerySet
from rest_framework.request import Request

from biobank.access import Actor
from biobank.batch import schema as schemas
from biobank.wire.errors import Refused
from importjobs.detail import JobDetail, JobQuery
from importjobs.errors import JOB_ACCESS_DENIED, NOT_FOUND, NOT_IN_PROGRESS
from importjobs.models import ImportJob
from sessions_auth.reads import summaries

PAGE, LARGEST_PAGE = 25, 100
_OWN_PARAMETERS = frozenset({"startAt", "maxResults", "objectType"})


def visible_jobs(actor: Actor) -> QuerySet[ImportJob]:
    """The jobs a list shows to the caller, newest first."""
    rows = ImportJob.objects.order_by("-pk")
    if actor.is_super:
        return rows
    if actor.is_institute_admin:
        return rows.filter(created_by__institute=actor.institute_id)
    return rows.filter(created_by=actor.user_id)


def job(pk: int, actor: Actor) -> ImportJob:
    """One job, for its creator and super administrators. Raises IMPORT_JOB_NOT_FOUND, IMPORT_JOB_ACCESS_DENIED."""
    found = ImportJob.objects.filter(pk=pk).first()
    if found is None:
        raise Refused(NOT_FOUND.missing(id=pk))
    if not actor.is_super and found.created_by_id != actor.user_id:
        raise Refused(JOB_ACCESS_DENIED())
    return found


def listed_jobs(query: JobQuery, others: Mapping[str, Sequence[str]], actor: Actor) -> Sequence[ImportJob]:
    """A page of jobs; of `others`, matched against the params, any one pair is enough."""
    rows = visible_jobs(actor)
    if query.object_type:
        rows = rows.filter(name__in=query.object_type)
    pairs = [(name, value) for name, values in others.items() for value in values]
    if pairs:
        condition = Q()
        for name, value in pairs:
            condition |= Q(params__contains={name: value})
        rows = rows.filter(condition)
    start = max(query.start_at or 0, 0)
    size = query.max_results if query.max_results is not None else PAGE
    size = size if 0 < size <= LARGEST_PAGE else LARGEST_PAGE
    return list(rows[start : start + size])


def other_parameters(request: Request) -> dict[str, list[str]]:
    """The query parameters that are matched against the params of jobs."""
    return {name: values for name, values in request.query_params.lists() if name not in _OWN_PARAMETERS}


def details(jobs: Iterable[ImportJob]) -> list[JobDetail]:
    """Details in the order given; one more query, for the creators."""
    rows = list(jobs)
    users = summaries(row.created_by_id for row in rows)
    return [
        JobDetail(
            id=row.pk,
            name=row.name,
            type=row.type,
            status=row.status,
            total_records=row.records if row.started_at else None,
            failed_records=row.wrong if row.started_at else None,
            created_by=users.get(row.created_by_id or 0),
            creation_time=row.created_at,
            end_time=row.finished_at if row.started_at else None,
            params=row.params,
            display_name=display_name(row),
            date_format=row.date_format,
            time_format=row.time_format,
            field_separator=row.field_separator or None,
            dry_run=row.dry_run or None,
            retry_of=row.retry_of_id,
        )
        for row in rows
    ]


def display_name(row: ImportJob) -> str:
    """`#41 Create Participant Registrations` (spec 04 §1.5, §2.8)."""
    schema = schemas.find(row.name)
    return f"#{row.pk} {row.get_type_display()} {schema.label if schema else row.name}"


def stop(row: ImportJob) -> ImportJob:
    """Ask a job to stop. Raises IMPORT_JOB_NOT_IN_PROGRESS when it has ended."""
    if row.is_over:
        raise Refused(NOT_IN_PROGRESS(id=row.pk))
    return row.request_stop()
