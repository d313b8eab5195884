"""When a schedule is due next: calendar arithmetic, no database (spec 05 §7.2)."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often, and at what time of the server's clocks. `weekday` is 0 for Monday."""

    repeat: str
    every: int = 1
    minute: int = 0
    hour: int = 0
    weekday: int = 0
    day: int = 1
    start: datetime | None = None
    end: datetime | None = None


def next_run(schedule: Schedule, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The first due time later than `after`, in UTC; None when there is none.

    A local time that a change of clocks skips is taken as much later as the clocks jump; one that comes twice
    counts once, at its first occurrence. Day 31 of a shorter month is its last day.
    """
    if schedule.repeat == "ONDEMAND":
        return None
    start = schedule.start
    if start is not None and start > after:
        if schedule.repeat == "MINUTELY":
            return _before_end(start, schedule.end)
        after = start - _INSTANT
    return _before_end(_following(schedule, after, zone), schedule.end)


def _before_end(found: datetime, end: datetime | None) -> datetime | None:
    return None if end is not None and found > end else found.astimezone(UTC)


def _following(schedule: Schedule, after: datetime, zone: ZoneInfo) -> datetime:
    if schedule.repeat == "MINUTELY":
        return after + timedelta(minutes=max(1, schedule.every))
    local = after.astimezone(zone)
    if schedule.repeat == "HOURLY":
        found = local.replace(minute=schedule.minute, second=0, microsecond=0).astimezone(UTC)
        while found <= after:
            found += timedelta(hours=max(1, schedule.every))
        return found
    day = local.date() - timedelta(days=1)  # a skipped hour may push yesterday's run into today
    while True:
        if _is_due(schedule, day):
            found = datetime.combine(day, time(schedule.hour, schedule.minute), zone).astimezone(UTC)
            if found > after:
                return found
        day += timedelta(days=1)


def _is_due(schedule: Schedule, day: date) -> bool:
    if schedule.repeat == "WEEKLY":
        return day.weekday() == schedule.weekday
    if schedule.repeat == "MONTHLY":
        return day.day == min(schedule.day, calendar.monthrange(day.year, day.month)[1])
    return True
