"""Java date patterns as strict, fast parsers (spec 04 §3)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final

_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TOKENS = re.compile(r"([A-Za-z])\1*|'((?:[^']|'')*)'|[^A-Za-z']+")


def _names(values: tuple[str, ...], full: bool) -> str:
    return "|".join(value if full else value[:3] for value in values)


def _digits(most: int, width: int) -> str:
    """One letter takes as many digits as the number has; more letters take exactly that many."""
    return rf"\d{{1,{most}}}" if width == 1 else rf"\d{{{width}}}"


def _element(letter: str, width: int) -> tuple[str, str]:
    """Name and regular expression of one run of pattern letters. Raises ValueError."""
    if letter in "yu":
        return ("short_year", r"\d\d") if width == 2 else ("year", _digits(4, width))
    if letter in "ML" and width >= 3:
        return ("month_name", _names(_MONTHS, full=width > 3))
    if letter == "E":
        return ("weekday", _names(_WEEKDAYS, full=width > 3))
    if letter == "a":
        return ("half", "am|pm")
    if letter == "S":
        return ("fraction", rf"\d{{{width}}}")
    if letter == "Z":
        return ("offset", r"[+-]\d{4}")
    if letter == "X":
        return ("offset", ("Z|[+-]" + (r"\d\d" if width == 1 else r"\d\d:?\d\d")))
    name = {
        "M": "month", "L": "month", "d": "day", "H": "hour", "k": "hour_from_one",
        "h": "half_hour", "K": "half_hour", "m": "minute", "s": "second",
    }.get(letter)  # fmt: skip
    if name is None or width > 2:
        raise ValueError(f"{letter * width} is not supported")
    return name, _digits(2, width)


def _parts(pattern: str) -> Iterator[tuple[str | None, str]]:
    """The elements of a pattern: (name, expression), or (None, expression) for literal text."""
    end = 0
    for token in _TOKENS.finditer(pattern):
        if token.start() != end:
            break
        end = token.end()
        text = token.group()
        if token.group(1):
            yield _element(text[0], len(text))
        elif text.startswith("'"):
            literal = token.group(2).replace("''", "'")
            yield None, re.escape(literal or "'")
        else:
            yield None, re.escape(text)
    if end != len(pattern):
        raise ValueError("a quote is not closed")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled Java pattern. `day` and `moment` raise ValueError for text that does not match exactly."""

    text: str
    _names: tuple[str, ...]
    _regex: re.Pattern[str]

    def day(self, text: str) -> date:
        found = self._read(text)
        return date(_year(found), _month(found), int(found["day"]))

    def moment(self, text: str, zone: tzinfo) -> datetime:
        """The instant in UTC; `zone` holds where the pattern has no offset of its own."""
        found = self._read(text)
        clock = time(
            _hour(found),
            int(found.get("minute", 0)),
            int(found.get("second", 0)),
            int(found.get("fraction", "0")[:6].ljust(6, "0")),
        )
        where = _offset(found["offset"]) if "offset" in found else zone
        day = date(_year(found), _month(found), int(found["day"]))
        return datetime.combine(day, clock, where).astimezone(UTC)

    def _read(self, text: str) -> dict[str, str]:
        match = self._regex.fullmatch(text)
        if match is None:
            raise ValueError(f"does not match {self.text}")
        return dict(zip(self._names, match.groups(), strict=True))


def _year(found: dict[str, str]) -> int:
    if "year" in found:
        return int(found["year"])
    # Two digits mean the year between 80 years before and 20 years after today, as Java reads them.
    latest = date.today().year + 20
    year = latest - latest % 100 + int(found["short_year"])
    return year - 100 if year > latest else year


def _month(found: dict[str, str]) -> int:
    if "month" in found:
        return int(found["month"])
    name = found["month_name"].lower()
    return next(number for number, month in enumerate(_MONTHS, 1) if month.startswith(name[:3]))


def _hour(found: dict[str, str]) -> int:
    if "hour" in found:
        return int(found["hour"])
    if "hour_from_one" in found:
        return _between(int(found["hour_from_one"]), 1, 24) % 24
    if "half_hour" in found:
        hour = _between(int(found["half_hour"]), 0, 12) % 12
        return hour + 12 if found.get("half", "").lower() == "pm" else hour
    return 0


def _between(number: int, least: int, most: int) -> int:
    if not least <= number <= most:
        raise ValueError(f"{number} is out of range")
    return number


def _offset(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-span if text[0] == "-" else span)


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> Pattern:
    """Compile a Java pattern that holds at least year, month and day. Raises ValueError saying what is wrong."""
    names: list[str] = []
    expressions: list[str] = []
    for name, expression in _parts(text):
        if name is None:
            expressions.append(expression)
            continue
        if name in names:
            raise ValueError(f"the {name.replace('_', ' ')} occurs twice")
        names.append(name)
        expressions.append(f"({expression})")
    for wanted in (("year", "short_year"), ("month", "month_name"), ("day",)):
        if len(set(wanted) & set(names)) != 1:
            raise ValueError(f"it must have one {wanted[0]}")
    return Pattern(text, tuple(names), re.compile("".join(expressions), re.ASCII | re.IGNORECASE))
