"""From the text of a cell to a JSON value (spec 04 §3)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from biobank.batch.schema import Cell, Column
from biobank.tabular.patterns import Pattern, compile_pattern, finer
from biobank.tabular.zones import find_zone
from biobank.wire.errors import INVALID_TZ, Problem, Refused
from importjobs.errors import INVALID_DATE_FORMAT, INVALID_TIME_FORMAT

CLEAR = "##set_to_blank##"
Convert = Callable[[str], object]

_WHOLE = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
_FLAGS = {"yes": True, "true": True, "no": False, "false": False}
_LONGEST_NUMBER = 30  # characters
_REMEMBERED = 4096  # dates and quantities of a file repeat


@dataclass(frozen=True, slots=True)
class Formats:
    """How dates are written in one file."""

    day: Pattern
    moment: Pattern
    zone: ZoneInfo

    @classmethod
    def parse(cls, date_format: str, time_format: str, time_zone: str) -> "Formats":
        """Raises `Refused` with a problem for each format that is wrong (spec 04 §1.3)."""
        problems: list[Problem] = []
        day = moment = None
        try:
            day = compile_pattern(date_format)
        except ValueError as error:
            problems.append(INVALID_DATE_FORMAT(pattern=date_format, reason=error))
        try:
            moment = compile_pattern(f"{date_format if day else 'yyyy-MM-dd'} {time_format}")
        except ValueError as error:
            problems.append(INVALID_TIME_FORMAT(pattern=time_format, reason=error))
        zone = find_zone(time_zone)
        if zone is None:
            problems.append(INVALID_TZ(value=time_zone))
        if day is None or moment is None or zone is None:
            raise Refused(*problems)
        return cls(day, moment, zone)


def converter(cell: Cell, formats: Formats) -> Convert | None:
    """What turns the text of such a cell into a value, raising ValueError; None leaves the text as it is."""
    match cell:
        case Cell.WHOLE:
            return _whole
        case Cell.NUMBER:
            return _number
        case Cell.FLAG:
            return _flag
        case Cell.DAY:
            return _days(formats)
        case Cell.DATE:
            return _moments(formats.zone, formats.day, formats.moment, *finer(formats.moment.text))
        case Cell.INSTANT:
            return _moments(formats.zone, formats.moment, formats.day, *finer(formats.moment.text))
        case _:
            return None


def expected(cell: Cell, formats: Formats) -> str:
    """What such a cell must hold, told to whoever filled it otherwise; nothing for plain text."""
    match cell:
        case Cell.WHOLE:
            return "a whole number, in digits only"
        case Cell.NUMBER:
            return "a number with a decimal point, without unit and thousands separators"
        case Cell.FLAG:
            return "yes or no"
        case Cell.DAY:
            return f"a date written as {formats.day.text}"
        case Cell.DATE:
            return f"a date written as {formats.day.text}; a time may follow as in {formats.moment.text}"
        case Cell.INSTANT:
            return f"a date and time written as {formats.moment.text}, or the date alone"
        case Cell.FILE:
            return "the name of a file in the folder files of the archive"
        case _:
            return ""


def hint_of(column: Column, formats: Formats) -> str:
    """What belongs into a cell of the column: how it is written, and what the schema says of it."""
    return "; ".join(part for part in (expected(column.cell, formats), column.hint) if part)


@lru_cache(_REMEMBERED)
def _whole(text: str) -> int:
    if _WHOLE.fullmatch(text) is None or not -(2**63) <= (found := int(text)) < 2**63:
        raise ValueError("is not a whole number")
    return found


@lru_cache(_REMEMBERED)
def _number(text: str) -> Decimal:
    if _NUMBER.fullmatch(text) is None or len(text) > _LONGEST_NUMBER:
        raise ValueError("is not a number")
    return Decimal(text)


def _flag(text: str) -> bool:
    found = _FLAGS.get(text.lower())
    if found is None:
        raise ValueError("is neither yes nor no")
    return found


def _days(formats: Formats) -> Callable[[str], date]:
    @lru_cache(_REMEMBERED)
    def read(text: str) -> date:
        try:
            return formats.day.day(text)
        except ValueError:
            raise ValueError(f"is not a date written as {formats.day.text}") from None

    return read


def _moments(zone: ZoneInfo, first: Pattern, *others: Pattern) -> Callable[[str], datetime]:
    @lru_cache(_REMEMBERED)
    def read(text: str) -> datetime:
        for pattern in (first, *others):
            try:
                return pattern.moment(text, zone)
            except (ValueError, OverflowError):
                continue
        if text.endswith("Z"):
            try:
                return datetime.fromisoformat(text).astimezone(UTC)
            except (ValueError, OverflowError):
                pass
        raise ValueError(f"is not a date and time written as {first.text}")

    return read
