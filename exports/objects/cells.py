"""From values to the text of cells, so that an import reads the same values again (spec 04 §6.3)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from biobank.batch.schema import Cell
from biobank.configuration.reads import setting
from biobank.tabular.lines import guarded
from biobank.tabular.patterns import Pattern, compile_pattern, finer
from biobank.wire.dates import from_millis, parse_day

Write = Callable[[object], str]  # never gets None

_REMEMBERED = 8192  # dates and quantities of a file repeat
_HARMLESS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


@dataclass(frozen=True, slots=True)
class Formats:
    """How dates are written: the forms of the server, in the zone of the caller."""

    day: Pattern
    moment: Pattern
    zone: ZoneInfo

    @classmethod
    def of_server(cls, zone: ZoneInfo) -> "Formats":
        day = setting("common", "date_format")
        return cls(compile_pattern(day), compile_pattern(f"{day} {setting('common', 'time_format')}"), zone)


def writer(cell: Cell, formats: Formats) -> Write:
    """What turns the values of such a cell into text."""
    match cell:
        case Cell.NUMBER | Cell.WHOLE:
            return number
        case Cell.FLAG:
            return flag
        case Cell.DAY:
            return _days(formats)
        case Cell.DATE:
            return _dates(formats)
        case Cell.INSTANT:
            return _instants(formats)
        case _:
            return text


def text(value: object) -> str:
    found = value if type(value) is str else _plain(value)
    return found if not found or found[0] in _HARMLESS else guarded(found)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return flag(value)
    return number(value) if isinstance(value, int | float | Decimal) else str(value)


def flag(value: object) -> str:
    return "yes" if value else "no"


def number(value: object) -> str:
    """The exact value, never with an exponent, without zeros at its end."""
    if type(value) is int:
        return str(value)
    return _decimal(value if isinstance(value, Decimal) else Decimal(str(value)))


@lru_cache(_REMEMBERED)
def _decimal(value: Decimal) -> str:
    found = format(value, "f")
    return (found.rstrip("0").rstrip(".") or "0") if "." in found else found


def _days(formats: Formats) -> Write:
    @lru_cache(_REMEMBERED)
    def write(value: object) -> str:
        day = parse_day(value)
        return "" if day is None else formats.day.written(datetime.combine(day, time.min))

    return write


def _dates(formats: Formats) -> Write:
    """The day alone, where it is read as the same moment again: local midnight."""
    whole = _instants(formats)

    @lru_cache(_REMEMBERED)
    def write(value: object) -> str:
        moment = _moment(value)
        local = moment.astimezone(formats.zone)
        if local.time() == time.min:
            day = formats.day.written(local)
            if _reads(formats.day, day, formats.zone) == moment:
                return day
        return whole(moment)

    return write


def _instants(formats: Formats) -> Write:
    """Local date and time.

    What the server's form has no place for is not lost: seconds and milliseconds are added when there are any, and a
    moment that the local clock shows twice, in the night the summer ends, is written in UTC.
    """
    zone, usual = formats.zone, formats.moment
    simple = usual.tells_minutes
    patterns = (usual, *finer(usual.text))

    @lru_cache(_REMEMBERED)
    def write(value: object) -> str:
        moment = _moment(value)
        local = moment.astimezone(zone)
        if simple and not (local.second or local.microsecond or local.fold):
            return usual.written(local)
        for pattern in patterns:
            found = pattern.written(local)
            if _reads(pattern, found, zone) == moment:
                return found
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")

    return write


def _reads(pattern: Pattern, found: str, zone: ZoneInfo) -> datetime | None:
    try:
        return pattern.moment(found, zone)
    except (ValueError, OverflowError):
        return None


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time.min, UTC)
    return from_millis(int(value))  # type: ignore[call-overload]
