"""Scheduled jobs and their runs: finding, showing and writing them (spec 05 §7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from django.db import IntegrityError, transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from biobank.access import Actor
from biobank.jobs.models import State
from biobank.records import ActivityStatus, stamp
from biobank.wire.dates import server_zone
from biobank.wire.errors import INVALID_REQUEST, Refused
from queries import saved
from queries.access import require
from queries.errors import (
    JOB_NAME_TAKEN,
    JOB_NOT_FOUND,
    JOB_OP_NOT_ALLOWED,
    RESULT_GONE,
    RESULT_NOT_AVAILABLE,
    RUN_NOT_FOUND,
)
from queries.files import results_folder
from queries.models import ScheduledJob, ScheduledRun
from queries.schedule import next_run
from queries.scheduled_detail import (
    JobFilter,
    RunDetail,
    RunFilter,
    SavedQueryRef,
    ScheduledJobDetail,
)
from queries.scheduled_rules import References, check
from queries.scheduling import disable_jobs, is_active, schedule_of, set_due, start_run
from sessions_auth.detail import UserSummary
from sessions_auth.models import User

_MOMENTS = ("%Y-%m-%d %H:%M", "%Y%m%dT%H%M%S", "%Y%m%d")
_STATES = {
    "IN_PROGRESS": (State.PENDING, State.RUNNING),
    "SUCCEEDED": (State.DONE,),
    "FAILED": (State.FAILED, State.STOPPED),
}


# --- Finding ------------------------------------------------------------------------------------------


def living(actor: Actor) -> QuerySet[ScheduledJob]:
    """Jobs that were not deleted and that the caller may see: all, or their own and those shared with them."""
    rows = ScheduledJob.objects.exclude(activity_status=ActivityStatus.DISABLED)
    if not actor.is_super:
        mine = Q(created_by=actor.user_id) | Q(shared_with=actor.user_id)
        rows = rows.filter(pk__in=ScheduledJob.objects.filter(mine).values("pk"))
    return rows


def _shown(rows: QuerySet[ScheduledJob]) -> QuerySet[ScheduledJob]:
    return rows.select_related(
        "created_by", "run_as", "saved_query__created_by", "saved_query__last_modified_by", "due"
    ).prefetch_related("recipients", "shared_with")


def listed(wanted: JobFilter, actor: Actor) -> QuerySet[ScheduledJob]:
    require(actor, "ScheduledJob", "Read")
    rows = living(actor)
    if wanted.query:
        rows = rows.filter(name__icontains=wanted.query)
    if wanted.type:
        if wanted.type not in ("INTERNAL", "EXTERNAL", "QUERY"):
            raise Refused(INVALID_REQUEST(reason="type is not a type of scheduled job"))
        rows = rows.filter(type=wanted.type)
    return _shown(rows).annotate(last_run=Max("runs__started_at")).order_by("-pk")


def scheduled_job(pk: int, actor: Actor, operation: str = "Read") -> ScheduledJob:
    """A job by id. Raises `SCHEDULED_JOB_NOT_FOUND`, then `RBAC_ACCESS_DENIED` or `SCHEDULED_JOB_OP_NOT_ALLOWED`."""
    require(actor, "ScheduledJob", operation)
    found = (
        _shown(ScheduledJob.objects.exclude(activity_status=ActivityStatus.DISABLED)).filter(pk=pk).first()
    )
    if found is None:
        raise Refused(JOB_NOT_FOUND.missing(id=pk))
    mine = actor.is_super or found.created_by_id == actor.user_id
    shared = operation == "Read" and found.shared_with.filter(pk=actor.user_id).exists()
    if not mine and not shared:
        raise Refused(JOB_OP_NOT_ALLOWED())
    return found


# --- Showing ------------------------------------------------------------------------------------------


def detail(job: ScheduledJob) -> ScheduledJobDetail:
    due = getattr(job, "due", None)
    query = job.saved_query
    return ScheduledJobDetail(
        id=job.pk,
        name=job.name,
        type=job.type,
        task_impl_fqn=job.task_name,
        saved_query=SavedQueryRef(**dict(saved.summary(query))) if query else None,
        repeat_schedule=job.repeat_schedule,
        minutely_interval=job.minutely_interval,
        hourly_interval=job.hourly_interval,
        scheduled_minute=job.scheduled_minute,
        scheduled_hour=job.scheduled_hour,
        scheduled_day_of_week=job.scheduled_day_of_week,
        scheduled_day_of_month=job.scheduled_day_of_month,
        start_date=job.start_date,
        end_date=job.end_date,
        activity_status=job.activity_status,
        fixed_args=job.fixed_args,
        rt_args_provided=job.rt_args_provided,
        rt_args_help_text=job.rt_args_help_text,
        run_as=saved.short(job.run_as) if job.run_as else None,
        recipients=_people(job.recipients.all()),
        shared_with=_people(job.shared_with.all()),
        created_by=saved.short(job.created_by),
        is_active_job=is_active(job),
        next_run_on=due.at if due is not None else None,
        last_run_on=getattr(job, "last_run", None),
    )


def _people(users: Iterable[User]) -> list[UserSummary]:
    return [saved.short(user) for user in sorted(users, key=lambda user: user.pk)]


def run_detail(run: ScheduledRun) -> RunDetail:
    return RunDetail(
        id=run.pk,
        job_id=run.job_id,
        job_name=run.job.name,
        started_at=run.started_at or run.created_at,
        finished_at=run.finished_at,
        status=run.status,
        log_file_path=str(results_folder() / run.file_name) if run.file_name else None,
        message=run.error or None,
        rt_args=run.rt_args,
        run_by=saved.short(run.run_by),
    )


# --- Writing ------------------------------------------------------------------------------------------


def create(given: ScheduledJobDetail, actor: Actor) -> ScheduledJob:
    require(actor, "ScheduledJob", "Create")
    return _write(ScheduledJob(created_by_id=actor.user_id), given, actor)


def update(pk: int, given: ScheduledJobDetail, actor: Actor) -> ScheduledJob:
    """Replace a job; an absent start date keeps the old one, `createdBy` never changes."""
    return _write(scheduled_job(pk, actor, "Update"), given, actor)


def refuse_bad(job: ScheduledJob, given: ScheduledJobDetail) -> References:
    """Raise `Refused` with everything that is wrong; answers what the job names."""
    references = _references(given)
    check(given, references, start=given.start_date or (job.start_date if job.pk else timezone.now()))
    if ScheduledJob.objects.filter(name__iexact=given.name).exclude(pk=job.pk).exists():
        raise Refused(JOB_NAME_TAKEN(name=given.name))
    return references


def _write(job: ScheduledJob, given: ScheduledJobDetail, actor: Actor) -> ScheduledJob:
    references = refuse_bad(job, given)
    if given.activity_status == ActivityStatus.DISABLED and job.pk:
        return delete(job.pk, actor)
    _fill(job, given, timezone.now())
    try:
        with transaction.atomic():
            stamp(actor)
            job.save()
            job.recipients.set(references.ids(given.recipients))
            job.shared_with.set(references.ids(given.shared_with))
            set_due(job)
    except IntegrityError as error:
        raise Refused(JOB_NAME_TAKEN(name=given.name)) from error
    return _shown(ScheduledJob.objects.filter(pk=job.pk)).get()


def _references(given: ScheduledJobDetail) -> References:
    """The users and the query a job names: one query each."""
    named = [given.run_as, *(given.recipients or []), *(given.shared_with or [])]
    ids = {each.id for each in named if each is not None and each.id is not None}
    users = User.objects.filter(pk__in=ids).exclude(activity_status=ActivityStatus.DISABLED)
    query = given.saved_query
    wanted = saved.living().filter(pk=query.id) if query is not None and query.id is not None else None
    return References(
        users=frozenset(users.values_list("pk", flat=True)),
        query_found=wanted is not None and wanted.exists(),
    )


def _fill(job: ScheduledJob, given: ScheduledJobDetail, now: datetime) -> None:
    repeat = given.repeat_schedule or ""
    timed, daily = repeat not in ("MINUTELY", "ONDEMAND"), repeat in ("DAILY", "WEEKLY", "MONTHLY")
    job.name = (given.name or "")[:255]
    job.type = given.type or "QUERY"
    job.task_name = "queries.scheduled_export"
    job.saved_query_id = given.saved_query.id if given.saved_query else None
    job.repeat_schedule = repeat
    job.minutely_interval = (given.minutely_interval or 1) if repeat == "MINUTELY" else None
    job.hourly_interval = (given.hourly_interval or 1) if repeat == "HOURLY" else None
    job.scheduled_minute = given.scheduled_minute if timed else None
    job.scheduled_hour = given.scheduled_hour if daily else None
    job.scheduled_day_of_week = given.scheduled_day_of_week if repeat == "WEEKLY" else None
    job.scheduled_day_of_month = given.scheduled_day_of_month if repeat == "MONTHLY" else None
    job.start_date = given.start_date or (job.start_date if job.pk else now)
    job.end_date = given.end_date
    job.activity_status = given.activity_status or ActivityStatus.ACTIVE
    job.fixed_args = given.fixed_args
    job.rt_args_provided = bool(given.rt_args_provided)
    job.rt_args_help_text = given.rt_args_help_text
    job.run_as_id = given.run_as.id if given.run_as else None


def delete(pk: int, actor: Actor) -> ScheduledJob:
    """Disable a job and free its name."""
    job = scheduled_job(pk, actor, "Delete")
    with transaction.atomic():
        stamp(actor)
        disable_jobs([job])
    job.due = None
    return job


def next_times(job: ScheduledJob, count: int) -> list[datetime]:
    """The next due times of a job, for people to look at."""
    found: list[datetime] = []
    moment: datetime | None = timezone.now()
    while moment is not None and len(found) < count:
        moment = next_run(schedule_of(job), moment, server_zone())
        found += [moment] if moment is not None else []
    return found


# --- Runs ---------------------------------------------------------------------------------------------


def run_now(pk: int, arguments: str | None, actor: Actor) -> ScheduledJob:
    """Start a run as the caller; nothing happens when the job is not active or runs already."""
    job = scheduled_job(pk, actor)
    if is_active(job):
        with transaction.atomic():
            start_run(job, actor.user_id, arguments=arguments)
    return job


def runs(job: ScheduledJob, wanted: RunFilter, actor: Actor) -> Sequence[ScheduledRun]:
    """The job's runs, newest first; a regular user sees their own."""
    rows = ScheduledRun.objects.filter(job=job).select_related("job", "run_by").order_by("-pk")
    if not actor.is_super:
        rows = rows.filter(run_by=actor.user_id)
    if wanted.status:
        if wanted.status not in _STATES:
            raise Refused(INVALID_REQUEST(reason="status is not a status of a run"))
        rows = rows.filter(state__in=_STATES[wanted.status])
    if wanted.from_date:
        rows = rows.filter(started_at__gte=_moment(wanted.from_date))
    if wanted.to_date:
        rows = rows.filter(finished_at__lte=_moment(wanted.to_date))
    return list(rows[: wanted.bounds()[1] - wanted.bounds()[0]])


def _moment(text: str) -> datetime:
    for pattern in _MOMENTS:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=server_zone())
        except ValueError:
            continue
    raise Refused(INVALID_REQUEST(reason="fromDate and toDate are written as yyyyMMdd'T'HHmmss"))


def run(pk: int, actor: Actor) -> ScheduledRun:
    """A run by id. Raises `SCHEDULED_JOB_JOB_RUN_NOT_FOUND`, `SCHEDULED_JOB_OP_NOT_ALLOWED`."""
    require(actor, "ScheduledJob", "Read")
    found = ScheduledRun.objects.select_related("job", "run_by").filter(pk=pk).first()
    if found is None:
        raise Refused(RUN_NOT_FOUND.missing(id=pk))
    receives = found.job.recipients.filter(pk=actor.user_id).exists()
    if not (actor.is_super or found.run_by_id == actor.user_id or receives):
        raise Refused(JOB_OP_NOT_ALLOWED())
    return found


def result_file(pk: int, actor: Actor) -> Path:
    """The file a run wrote. Raises the codes of spec 05 §7.3 when there is none, or none any more."""
    found = run(pk, actor)
    if not found.file_name:
        raise Refused(RESULT_NOT_AVAILABLE())
    path = results_folder() / found.file_name
    if not path.exists():
        raise Refused(RESULT_GONE())
    return path
