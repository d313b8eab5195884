"""The table of due times, and firing what is due: exactly once, however many beats tick (spec 05 §7)."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from biobank.jobs.runner import send
from biobank.records import ActivityStatus, disable
from biobank.wire.dates import server_zone
from queries.models import DueTime, ScheduledJob, ScheduledRun
from queries.schedule import WEEKDAYS, Schedule, next_run

log = logging.getLogger("queries")


def schedule_of(job: ScheduledJob) -> Schedule:
    every = job.minutely_interval if job.repeat_schedule == "MINUTELY" else job.hourly_interval
    day = job.scheduled_day_of_week
    return Schedule(
        repeat=job.repeat_schedule,
        every=every or 1,
        minute=job.scheduled_minute or 0,
        hour=job.scheduled_hour or 0,
        weekday=WEEKDAYS.index(day) if day in WEEKDAYS else 0,
        day=job.scheduled_day_of_month or 1,
        start=job.start_date,
        end=job.end_date,
    )


def is_active(job: ScheduledJob) -> bool:
    """Active itself, and so is its query."""
    query = job.saved_query
    return job.activity_status == ActivityStatus.ACTIVE and (
        query is None or query.activity_status != ActivityStatus.DISABLED
    )


def set_due(job: ScheduledJob, after: datetime | None = None) -> datetime | None:
    """Write when the job runs next, or that it does not; returns the time."""
    at = next_run(schedule_of(job), after or timezone.now(), server_zone()) if is_active(job) else None
    if at is None:
        DueTime.objects.filter(job=job).delete()
    else:
        DueTime.objects.update_or_create(job=job, defaults={"at": at})
    return at


def fire_due(now: datetime | None = None) -> list[int]:
    """Start a run of every job that is due, and set its next time; answers the ids of the runs.

    Rows another beat holds are skipped; the run's unique due time makes firing twice impossible. A job whose last run
    has not ended is not started again, and times missed while the server was down are made up for by one run.
    """
    now = now or timezone.now()
    fired: list[int] = []
    with transaction.atomic():
        due = list(
            DueTime.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(at__lte=now)
            .select_related("job", "job__saved_query")
            .order_by("at")[:500]
        )
        for entry in due:
            if is_active(entry.job):
                run = start_run(entry.job, entry.job.owner_id, due_at=entry.at)
                fired += [run.pk] if run is not None else []
            set_due(entry.job, after=now)
    return fired


def start_run(
    job: ScheduledJob, user_id: int, *, due_at: datetime | None = None, arguments: str | None = None
) -> ScheduledRun | None:
    """Insert a run and tell the workers; None when the job runs already or this due time was fired."""
    try:
        with transaction.atomic():
            made = ScheduledRun.objects.create(
                job=job, due_at=due_at, run_by_id=user_id, created_by_id=user_id, rt_args=arguments
            )
    except IntegrityError:
        log.info("scheduled job %s runs already; this start is dropped", job.pk)
        return None
    send(made)
    return made


def disable_jobs(jobs: QuerySet[ScheduledJob] | Iterable[ScheduledJob]) -> list[ScheduledJob]:
    """Delete jobs softly: their names become free, they never run again."""
    rows = [job for job in jobs if job.activity_status != ActivityStatus.DISABLED]
    if rows:
        ScheduledJob.objects.bulk_update(rows, disable(rows, name=255))
        DueTime.objects.filter(job__in=rows).delete()
    return rows
