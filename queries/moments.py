"""Dates in queries: formats of the locale, literals, and the named ranges of spec 05 §1.6 and §1.8."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from queries.errors import Malformed

_JAVA = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_STRPTIME = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "dd": "%d", "d": "%d",
    "HH": "%H", "H": "%H", "hh": "%I", "h": "%I", "mm": "%M", "m": "%M", "ss": "%S", "s": "%S", "a": "%p",
}  # fmt: skip
_POSTGRES = {
    "yyyy": "YYYY", "yy": "YY", "MMMM": "FMMonth", "MMM": "Mon", "MM": "MM", "M": "FMMM", "dd": "DD",
    "d": "FMDD", "HH": "HH24", "H": "FMHH24", "hh": "HH12", "h": "FMHH12", "mm": "MI", "m": "FMMI",
    "ss": "SS", "s": "FMSS", "a": "AM",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """A date literal: an instant of the server's zone; `whole_day` when no time was written or it is 00:00."""

    at: datetime
    whole_day: bool

    @property
    def day(self) -> date:
        return self.at.date()


@dataclass(frozen=True, slots=True)
class Formats:
    """The locale's patterns for days and for times, in the letters of spec 01 §E.4 (`MM-dd-yyyy`, `HH:mm`)."""

    day: str = "MM-dd-yyyy"
    time: str = "HH:mm"

    @property
    def moment(self) -> str:
        return f"{self.day} {self.time}"


def _translated(pattern: str, letters: dict[str, str], literal: str) -> str:
    parts = []
    for match in _JAVA.finditer(pattern):
        quoted, letter = match.group(1), match.group(2)
        if quoted is not None:
            parts.append(literal % (quoted.replace("''", "'") or "'"))
        elif letter is not None:
            parts.append(letters.get(match.group(), ""))
        else:
            parts.append(match.group())
    return "".join(parts)


def python_format(pattern: str) -> str:
    """A pattern for `strptime` and `strftime`."""
    return _translated(pattern, _STRPTIME, "%s")


def postgres_format(pattern: str) -> str:
    """A pattern for PostgreSQL's `to_char`."""
    return _translated(pattern, _POSTGRES, '"%s"')


def parse_moment(text: str, formats: Formats, zone: ZoneInfo) -> Moment:
    """Read a literal in the locale's format, else as `yyyy-MM-dd[ HH:mm]`; raises Malformed (spec 05 §1.6)."""
    cleaned = " ".join(text.split())
    for pattern in (formats.moment, formats.day, "yyyy-MM-dd HH:mm", "yyyy-MM-dd"):
        try:
            found = datetime.strptime(cleaned, python_format(pattern))
        except ValueError:
            continue
        return Moment(found.replace(tzinfo=zone), found.time() == time.min)
    raise Malformed(f"Invalid date: {text[:40]}")


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the last day of that month when it is shorter."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def named_range(name: str, count: int, today: date) -> tuple[date, date]:
    """First and last day of a named range (spec 05 §1.8); weeks start on Sunday. Raises Malformed."""
    found = _RANGES.get(name)
    if found is None:
        raise Malformed(f"Unknown date range: {name[:40]}")
    try:
        return found(_Around(today), count)
    except (OverflowError, ValueError):
        raise Malformed(f"The range {name} with {count} lies outside the calendar") from None


_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Around:
    """The days that ranges are counted from."""

    today: date

    @property
    def sunday(self) -> date:
        return self.today - _DAY * ((self.today.weekday() + 1) % 7)

    @property
    def tomorrow(self) -> date:
        return self.today + _DAY

    @property
    def yesterday(self) -> date:
        return self.today - _DAY

    def month(self, offset: int = 0) -> date:
        """The first day of this month, or of one so many months away."""
        return add_months(self.today.replace(day=1), offset)

    def quarter(self, offset: int = 0) -> date:
        """The first day of this quarter, or of a month so many months away from it."""
        return add_months(self.month(), offset - (self.today.month - 1) % 3)


_RANGES: dict[str, Callable[[_Around, int], tuple[date, date]]] = {
    "today": lambda at, n: (at.today, at.today),
    "yesterday": lambda at, n: (at.yesterday, at.yesterday),
    "tomorrow": lambda at, n: (at.tomorrow, at.tomorrow),
    "current_week": lambda at, n: (at.sunday, at.today),
    "last_days": lambda at, n: (at.today - _DAY * n, at.yesterday),
    "last_week": lambda at, n: (at.sunday - _DAY * 7 * n, at.sunday - _DAY),
    "last_month": lambda at, n: (add_months(at.today, -n), at.yesterday),
    "last_cal_month": lambda at, n: (at.month(-n), at.month() - _DAY),
    "last_qtr": lambda at, n: (at.month(-3 * n), at.month() - _DAY),
    "last_cal_qtr": lambda at, n: (at.quarter(-3 * n), at.quarter() - _DAY),
    "next_days": lambda at, n: (at.tomorrow, at.today + _DAY * n),
    "next_week": lambda at, n: (at.sunday + _DAY * 7, at.sunday + _DAY * (7 * n + 6)),
    "next_month": lambda at, n: (at.tomorrow, add_months(at.tomorrow, n) - _DAY),
    "next_cal_month": lambda at, n: (at.month(1), at.month(1 + n) - _DAY),
    "next_qtr": lambda at, n: (at.month(1), at.month(1 + 3 * n) - _DAY),
    "next_cal_qtr": lambda at, n: (at.quarter(3), at.quarter(3 + 3 * n) - _DAY),
}
