"""What a scheduled job must say: every mistake of one detail, in one pass (spec 05 §7.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from biobank.wire.errors import ACTIVITY_STATUS_INVALID, Code, Problem, refuse_if
from queries.errors import (
    END_BEFORE_START,
    EXTERNAL_FORBIDDEN,
    JOB_NAME_REQUIRED,
    JOB_TYPE_INVALID,
    NOT_FOUND,
    QUERY_REQUIRED,
    SCHEDULE_INVALID,
    SCHEDULE_REQUIRED,
    TASK_INVALID,
    TASK_REQUIRED,
    TIME_INVALID,
)
from queries.schedule import WEEKDAYS
from queries.scheduled_detail import ScheduledJobDetail
from sessions_auth.detail import UserSummary

USER_NOT_FOUND = Code("USER_NOT_FOUND", "There is no user {id}")
USERS_NOT_FOUND = Code("USER_ONE_OR_MORE_NOT_FOUND", "Some users do not exist: {ids}")
REPEATS = ("MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "ONDEMAND")
STATUSES = ("Active", "Closed", "Disabled")


@dataclass(frozen=True, slots=True)
class References:
    """Which of the things a job names exist."""

    users: frozenset[int]
    query_found: bool

    def ids(self, named: Sequence[UserSummary] | None) -> list[int]:
        return [each.id for each in named or [] if each.id is not None]

    def missing(self, named: Sequence[UserSummary] | None) -> list[int | None]:
        return [each.id for each in named or [] if each.id not in self.users]


def check(given: ScheduledJobDetail, references: References, start: datetime) -> None:
    """Raise `Refused` with everything that is wrong with the job."""
    refuse_if(
        [*_about_type(given, references), *_about_schedule(given, start), *_about_users(given, references)]
    )


def _about_type(given: ScheduledJobDetail, references: References) -> Iterator[Problem]:
    if not given.name:
        yield JOB_NAME_REQUIRED()
    if given.type == "EXTERNAL":
        yield EXTERNAL_FORBIDDEN()
    elif given.type == "INTERNAL":
        yield TASK_INVALID(value=given.task_impl_fqn) if given.task_impl_fqn else TASK_REQUIRED()
    elif given.type != "QUERY":
        yield JOB_TYPE_INVALID(value=given.type)
    elif given.saved_query is None or given.saved_query.id is None:
        yield QUERY_REQUIRED()
    elif not references.query_found:
        yield NOT_FOUND(id=given.saved_query.id)
    if given.activity_status and given.activity_status not in STATUSES:
        yield ACTIVITY_STATUS_INVALID(value=given.activity_status)


def _about_schedule(given: ScheduledJobDetail, start: datetime) -> Iterator[Problem]:
    if not given.repeat_schedule:
        yield SCHEDULE_REQUIRED()
    elif given.repeat_schedule not in REPEATS:
        yield SCHEDULE_INVALID(value=given.repeat_schedule)
    elif not _time_is_right(given):
        yield TIME_INVALID()
    if given.end_date is not None and given.end_date < start:
        yield END_BEFORE_START()


def _time_is_right(given: ScheduledJobDetail) -> bool:
    repeat = given.repeat_schedule
    if repeat == "ONDEMAND":
        return True
    if repeat == "MINUTELY":
        return _within(given.minutely_interval, 0, 10_000_000, default=1)
    right = _within(given.scheduled_minute, 0, 59)
    if repeat == "HOURLY":
        return right and _within(given.hourly_interval, 1, 100_000, default=1)
    right = right and _within(given.scheduled_hour, 0, 23)
    if repeat == "WEEKLY":
        return right and given.scheduled_day_of_week in WEEKDAYS
    if repeat == "MONTHLY":
        return right and _within(given.scheduled_day_of_month, 1, 31)
    return right


def _within(number: int | None, low: int, high: int, default: int | None = None) -> bool:
    found = default if number is None else number
    return found is not None and low <= found <= high


def _about_users(given: ScheduledJobDetail, references: References) -> Iterator[Problem]:
    if given.run_as is not None and given.run_as.id not in references.users:
        yield USER_NOT_FOUND(id=given.run_as.id)
    missing = [*references.missing(given.recipients), *references.missing(given.shared_with)]
    if missing:
        yield USERS_NOT_FOUND(ids=", ".join(map(str, missing)))
