"""Java date patterns: strict, fast parsers, and writers of what these read (spec 04 §3, §6.3)."""

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


def _slot(letter: str, width: int) -> str:
    """How such an element is written: a replacement field over a moment (0) and what it is not asked itself (1)."""
    name = {"M": "month", "L": "month", "d": "day", "H": "hour", "m": "minute", "s": "second"}.get(letter)
    if letter in "yu" and width != 2:
        name = "year"
    if letter in "ML" and width >= 3:
        return "{1.month_name}" if width > 3 else "{1.month_name:.3s}"
    if letter == "E":
        return "{1.weekday}" if width > 3 else "{1.weekday:.3s}"
    if letter == "S":
        return f"{{1.fraction:0<{width}.{width}s}}"
    if name is not None:
        return f"{{0.{name}:0{width}d}}"
    other = {
        "y": "short_year",
        "u": "short_year",
        "a": "half",
        "Z": "offset",
        "X": f"iso_offset_{min(width, 3)}",
    }
    return f"{{1.{other[letter]}}}" if letter in other else f"{{1.{letter}:0{width}d}}"


class _Rest:
    """What a moment is called in patterns and does not call itself."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    @property
    def month_name(self) -> str:
        return _MONTHS[self._moment.month - 1].capitalize()

    @property
    def weekday(self) -> str:
        return _WEEKDAYS[self._moment.weekday()].capitalize()

    @property
    def fraction(self) -> str:
        return f"{self._moment.microsecond:06d}"

    @property
    def half(self) -> str:
        return "AM" if self._moment.hour < 12 else "PM"

    @property
    def short_year(self) -> str:
        """Two digits where they mean this year, else all four: then reading fails, and does not mistake the century."""
        year, digits = self._moment.year, f"{self._moment.year % 100:02d}"
        return digits if _year({"short_year": digits}) == year else f"{year:04d}"

    @property
    def k(self) -> int:
        return self._moment.hour or 24

    @property
    def h(self) -> int:
        return self._moment.hour % 12 or 12

    @property
    def K(self) -> int:
        return self._moment.hour % 12

    @property
    def offset(self) -> str:
        return f"{self._moment:%z}" or "+0000"

    @property
    def iso_offset_1(self) -> str:
        text = self.iso_offset_2
        return text.removesuffix("00") if len(text) > 1 else text

    @property
    def iso_offset_2(self) -> str:
        return "Z" if self.offset == "+0000" else self.offset

    @property
    def iso_offset_3(self) -> str:
        text = self.iso_offset_2
        return text if text == "Z" else f"{text[:3]}:{text[3:]}"


def _parts(pattern: str) -> Iterator[tuple[str | None, str, str]]:
    """The elements of a pattern: (name, expression, template); the name of literal text is None."""
    end = 0
    for token in _TOKENS.finditer(pattern):
        if token.start() != end:
            break
        end = token.end()
        text = token.group()
        if token.group(1):
            yield *_element(text[0], len(text)), _slot(text[0], len(text))
            continue
        if text.startswith("'"):
            text = token.group(2).replace("''", "'") or "'"
        yield None, re.escape(text), text.replace("{", "{{").replace("}", "}}")
    if end != len(pattern):
        raise ValueError("a quote is not closed")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled Java pattern. `day` and `moment` raise ValueError for text that does not match exactly."""

    text: str
    _names: tuple[str, ...]
    _regex: re.Pattern[str]
    _template: str

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

    @property
    def tells_minutes(self) -> bool:
        """Whether a text tells a whole minute of any day from every other one."""
        return {"year", "minute"} <= set(self._names) and (
            "hour" in self._names or "hour_from_one" in self._names
        )

    def written(self, moment: datetime) -> str:
        """The moment by its own clock, as far as the pattern has elements for it."""
        return self._template.format(moment, _Rest(moment))

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
    template = ""
    for name, expression, slot in _parts(text):
        template += slot
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
    return Pattern(text, tuple(names), re.compile("".join(expressions), re.ASCII | re.IGNORECASE), template)


@lru_cache(maxsize=256)
def finer(text: str) -> tuple[Pattern, ...]:
    """The pattern with the seconds behind its minutes, and with milliseconds too; empty when it has no place for them.

    Files hold such texts where a moment does not fit the pattern as it is.
    """
    found: list[Pattern] = []
    for last, more in (("m", ":ss"), ("s", ".SSS")):
        at = next((token.end() for token in _TOKENS.finditer(text) if token.group(1) == last), None)
        if at is None or f"{more[1]}" in text[at:]:
            continue
        text = f"{text[:at]}{more}{text[at:]}"
        found.append(compile_pattern(text))
    return tuple(found)
