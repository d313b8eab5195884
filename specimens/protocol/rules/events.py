"""What an event may look like, and how events are ordered (spec 02 part B)."""

from collections.abc import Iterator

from biobank.wire.errors import ACTIVITY_STATUS_INVALID, Problem
from specimens.protocol.detail.events import ProtocolEventDetail
from specimens.protocol.rules import codes
from specimens.protocol.rules.protocols import STATUSES, VISIT_PRINT_MODES, too_long

DAYS = {"DAYS": 1, "WEEKS": 7, "MONTHS": 30, "YEARS": 365}
LENGTHS = {"event_label": 255, "code": 32}


def print_mode(text: str | None) -> str | None:
    """The print mode meant by a text: `on completion` is ON_COMPLETION."""
    return "_".join(text.upper().replace("-", " ").split()) if text else None


def event_problems(detail: ProtocolEventDetail) -> Iterator[Problem]:
    """What is wrong with an event's own values."""
    if not detail.event_label:
        yield codes.CPE_LABEL_REQUIRED()
    yield from point_problems(detail.event_point, detail.event_point_unit)
    mode = print_mode(detail.visit_name_print_mode)
    if mode and mode not in VISIT_PRINT_MODES:
        yield codes.CP_INVALID_VISIT_NAME_PRINT_MODE(value=detail.visit_name_print_mode)
    if detail.activity_status and detail.activity_status not in STATUSES:
        yield ACTIVITY_STATUS_INVALID(value=detail.activity_status)
    yield from too_long(detail, LENGTHS)


def point_problems(point: int | None, unit: str | None) -> Iterator[Problem]:
    """A point needs one of the units; a unit without point is ignored."""
    if point is None:
        return
    if abs(point) > 2**31 - 1:
        yield codes.TOO_LONG(name="eventPoint", limit=10)
    if not unit:
        yield codes.CPE_POINT_UNIT_REQUIRED()
    elif unit not in DAYS:
        yield codes.CPE_INVALID_POINT_UNIT(value=unit)


def days(point: int | None, unit: str | None) -> int | None:
    """An event's point in days, None without one."""
    return None if point is None else point * DAYS.get(unit or "DAYS", 1)


def place(
    point: int | None, unit: str | None, pk: int, sort_order: int | None = None
) -> tuple[bool, int, bool, int, int]:
    """Sort key of events: by day, those without a point last, then by sort order, then by id."""
    day = days(point, unit)
    return (day is None, day or 0, sort_order is None, sort_order or 0, pk)


def description(label: str, code: str | None, point: int | None, unit: str | None) -> str:
    """How an event is shown, such as `T7D: Week 1 (W1)` (spec 02 §B3)."""
    prefix = "" if point is None else f"{'-' if point < 0 else ''}T{abs(point)}{(unit or 'DAYS')[0]}: "
    return f"{prefix}{label}" + (f" ({code})" if code else "")
