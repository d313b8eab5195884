"""The codes of the audit, and what a report may ask (spec 01 §A.11)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from biobank.audit.registry import REPORT_TYPES
from biobank.wire.errors import INVALID_INPUT, Code, Problem

ENTITY_NOT_FOUND = Code("AUDIT_ENTITY_NOT_FOUND", "There is no {name} {id} to audit")
DATE_GT_TODAY = Code("AUDIT_DATE_GT_TODAY", "The period of a report ends today at the latest")
INTERVAL_GT_ALLOWED = Code(
    "AUDIT_DATE_INTERVAL_GT_ALLOWED", "The period of a report is {days} days at the longest"
)
FROM_GT_TO = Code("AUDIT_FROM_DT_GT_TO_DATE", "The period of a report ends before it begins")
USERS_NOT_FOUND = Code("USER_ONE_OR_MORE_NOT_FOUND", "Some users do not exist: {ids}")
MAX_OBJECTS = 1000


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days of the server's calendar, the last included."""

    first: date
    last: date

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The first instant, and the first one after the period."""
        return (
            datetime.combine(self.first, time.min, zone),
            datetime.combine(self.last + timedelta(days=1), time.min, zone),
        )


def period(start: datetime | None, end: datetime | None, now: datetime, zone: ZoneInfo, days: int) -> Period:
    """What was asked for; a missing end is today, a missing beginning the longest period before the end."""
    last = (end or now).astimezone(zone).date()
    first = start.astimezone(zone).date() if start else last - timedelta(days=max(days, 0))
    return Period(first, last)


def period_problems(asked: Period, today: date, days: int) -> Iterator[Problem]:
    if asked.first > today or asked.last > today:
        yield DATE_GT_TODAY()
    elif asked.first > asked.last:
        yield FROM_GT_TO()
    elif (asked.last - asked.first).days > days:
        yield INTERVAL_GT_ALLOWED(days=days)


def unknown_types(kinds: Sequence[str]) -> Iterator[Problem]:
    for kind in kinds:
        if kind not in REPORT_TYPES:
            yield INVALID_INPUT(name="reportTypes", value=kind)
