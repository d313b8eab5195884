"""Instants and calendar days on the wire (spec 01 §A.7, 03 §0.4).

Out: epoch milliseconds. In: epoch milliseconds (number or digits), ISO with or without offset. An instant
without offset is UTC. A date-only value keeps its calendar day and never shifts.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from math import isfinite
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"[+-]?\d+$")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}$")
_COMPACT_OFFSET = re.compile(r"([+-]\d{2})(\d{2})$")


def server_zone() -> ZoneInfo:
    """The server's time zone: the zone in which date-only values live."""
    return ZoneInfo(settings.TIME_ZONE)


def millis(value: datetime) -> int:
    """Epoch milliseconds of an aware instant, exact."""
    return (value - EPOCH) // timedelta(milliseconds=1)


def from_millis(value: int) -> datetime:
    """The UTC instant of epoch milliseconds. Raises ValueError outside the years 1-9999."""
    try:
        return EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        raise ValueError("is outside the range of dates") from None


def day_millis(value: date) -> int:
    """Epoch milliseconds of midnight of that day in the server's zone."""
    return millis(datetime.combine(value, time.min, server_zone()))


def parse_instant(value: object) -> datetime | None:
    """An aware instant from any accepted form, None from a blank. Raises ValueError."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return _in(UTC, value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, date):
        return datetime.combine(value, time.min, UTC)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("is not a date")
    if isinstance(value, int | float):
        if not isfinite(value):
            raise ValueError("is not a date")
        return from_millis(int(value))
    text = value.strip()
    if not text:
        return None
    if _DIGITS.match(text) and len(text) != 8:
        return from_millis(int(text))
    return _in(UTC, _parse_iso(text))


def parse_day(value: object) -> date | None:
    """A calendar day from any accepted form, None from a blank. Raises ValueError.

    Epoch milliseconds and ISO with an offset are read in the server's zone; everything else is taken as
    written.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        text = value.strip()
        if _DAY.match(text):
            return _parse_iso(text).date()
        if text and not _DIGITS.match(text):
            naive = _has_no_offset(text)
            instant = _parse_iso(text)
            return instant.date() if naive else _in(server_zone(), instant).date()
    instant_or_none = parse_instant(value)
    return None if instant_or_none is None else _in(server_zone(), instant_or_none).date()


def _in(zone: tzinfo, instant: datetime) -> datetime:
    """The instant in that zone. Raises ValueError where that is before the year 1 or after 9999: no column holds it."""
    try:
        return instant.astimezone(zone)
    except OverflowError:
        raise ValueError("is outside the range of dates") from None


def _has_no_offset(text: str) -> bool:
    return not re.search(r"([zZ]|[+-]\d{2}:?\d{2})$", text[10:])


def _parse_iso(text: str) -> datetime:
    if len(text) < 10 or text[4:5] != "-":
        raise ValueError("is not a date")
    try:
        found = datetime.fromisoformat(_COMPACT_OFFSET.sub(r"\1:\2", text) if len(text) > 10 else text)
    except ValueError:
        raise ValueError("is not a date") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _as_millis(value: datetime | None) -> int | None:
    return None if value is None else millis(value)


def _day_as_millis(value: date | None) -> int | None:
    return None if value is None else day_millis(value)


_EPOCH_SCHEMA: dict[str, Any] = {
    "type": ["integer", "null"],
    "format": "int64",
    "description": "Epoch milliseconds; on input also digits in a string or ISO 8601.",
}

Instant = Annotated[
    datetime | None,
    BeforeValidator(parse_instant),
    PlainSerializer(_as_millis, return_type=int | None),
    WithJsonSchema(_EPOCH_SCHEMA),
]
Day = Annotated[
    date | None,
    BeforeValidator(parse_day),
    PlainSerializer(_day_as_millis, return_type=int | None),
    WithJsonSchema({**_EPOCH_SCHEMA, "description": "A calendar day: midnight in the server's zone."}),
]
