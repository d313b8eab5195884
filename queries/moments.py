"""Dates in queries: formats of the locale, literals, and the named ranges of spec 05 §1.6 and §1.8."""

from __future__ import annotations

import calendar
import re
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
    try:
        return _ranges(name, count, today)
    except (OverflowError, ValueError):
        raise Malformed(f"The range {name} with {count} lies outside the calendar") from None


def _ranges(name: str, n: int, today: date) -> tuple[date, date]:
    day = timedelta(days=1)
    sunday = today - day * ((today.weekday() + 1) % 7)
    month = today.replace(day=1)
    quarter = date(today.year, today.month - (today.month - 1) % 3, 1)
    next_month, next_quarter = add_months(month, 1), add_months(quarter, 3)
    match name:
        case "today":
            return today, today
        case "yesterday":
            return today - day, today - day
        case "tomorrow":
            return today + day, today + day
        case "current_week":
            return sunday, today
        case "last_days":
            return today - day * n, today - day
        case "last_week":
            return sunday - day * 7 * n, sunday - day
        case "last_month":
            return add_months(today, -n), today - day
        case "last_cal_month":
            return add_months(month, -n), month - day
        case "last_qtr":
            return add_months(month, -3 * n), month - day
        case "last_cal_qtr":
            return add_months(quarter, -3 * n), quarter - day
        case "next_days":
            return today + day, today + day * n
        case "next_week":
            return sunday + day * 7, sunday + day * (7 + 7 * n - 1)
        case "next_month":
            return today + day, add_months(today + day, n) - day
        case "next_cal_month":
            return next_month, add_months(next_month, n) - day
        case "next_qtr":
            return next_month, add_months(next_month, 3 * n) - day
        case "next_cal_qtr":
            return next_quarter, add_months(next_quarter, 3 * n) - day
    raise Malformed(f"Unknown date range: {name}")
