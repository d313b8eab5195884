"""Codes and decisions about visits (spec 03 §2)."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta

from biobank.files.stored import media_type
from biobank.wire.errors import ACTIVITY_STATUS_INVALID, Code, Kind, Problem
from sites.rules import too_long
from specimens.visit.detail import VisitDetail

NOT_FOUND = Code("VISIT_NOT_FOUND", "There is no such visit: {key}")
CPR_NOT_FOUND = Code("CPR_M_NOT_FOUND", "There is no such registration: {key}")
PPID_REQUIRED = Code("CPR_PPID_REQUIRED", "A visit names its registration by id or PPID")
CP_REQUIRED = Code("CPR_CP_REQUIRED", "A PPID needs its collection protocol")
EVENT_NOT_FOUND = Code("CPE_NOT_FOUND", "There is no such event: {key}")
EVENT_CLOSED = Code("CPE_CLOSED", "The event {label} is closed")
INVALID_EVENT = Code("CPR_INVALID_CPE", "The event belongs to another collection protocol")
INVALID_STATUS = Code("VISIT_INVALID_STATUS", "{value} is not a visit status")
NAME_REQUIRED = Code("VISIT_NAME_REQUIRED", "The visit needs a name")
DUP_NAME = Code("VISIT_DUP_NAME", "A visit with the same name exists already: {name}")
INVALID_NAME = Code("VISIT_INVALID_NAME", "The visit name {name} does not follow the protocol's format")
MANUAL_NAME = Code("VISIT_MANUAL_NAME_NOT_ALLOWED", "The protocol makes the names of its visits itself")
MISSED_USER = Code("VISIT_INVALID_MISSED_USER", "There is no such user: {key}")
CREATE_DISABLED = Code("VISIT_CREATE_DISABLED_NA", "A visit cannot be created as a deleted one")
IN_USE = Code("SPECIMEN_REF_ENTITY_FOUND", "The visit still has collected specimens")
COMPLETE_REQUIRED = Code("VISIT_COMPL_VISIT_REQ", "Only a complete visit has a pathology report")
NO_REPORT = Code("VISIT_NO_SPR_UPLOADED", "The visit {name} has no pathology report")
REPORT_LOST = Code("VISIT_UNABLE_TO_LOCATE_SPR", "The pathology report is missing on disk", Kind.INTERNAL)
REPORT_NOT_SENT = Code(REPORT_LOST.code, "The pathology report {name} is not among the files of the archive")
REPORT_LOCKED = Code("VISIT_LOCKED_SPR", "The pathology report is locked")
REPORT_NOT_TEXT = Code("VISIT_NON_TEXT_SPR", "The pathology report is not a text")
REPORT_EMPTY = Code("VISIT_SPR_TEXT_NA", "A pathology report cannot be left without text")
INVALID_VALUE = {
    "clinical_diagnosis": Code("VISIT_INVALID_CLINICAL_DIAGNOSIS", "{value} is not a known diagnosis"),
    "clinical_status": Code("VISIT_INVALID_CLINICAL_STATUS", "{value} is not a known clinical status"),
    "cohort": Code("VISIT_INVALID_COHORT", "{value} is not a known cohort"),
    "missed_visit_reason": Code("VISIT_INVALID_MISSED_REASON", "{value} is not a known reason"),
}

COMPLETE, PENDING, MISSED, NOT_COLLECTED = "Complete", "Pending", "Missed Collection", "Not Collected"
STATUSES = (COMPLETE, PENDING, MISSED, NOT_COLLECTED)
UNCOLLECTED = (MISSED, NOT_COLLECTED)
ACTIVITIES = ("Active", "Closed", "Disabled")
MASK = "###"
_HIDDEN = re.compile(r"\$\$cp_visit_\d+\$\$")
_UNIT_DAYS = {"DAYS": 1, "WEEKS": 7, "MONTHS": 30, "YEARS": 365}


def visit_problems(detail: VisitDetail) -> Iterator[Problem]:
    """What is wrong with the visit's own fields, before look-ups."""
    if detail.status and detail.status not in STATUSES:
        yield INVALID_STATUS(value=detail.status)
    if detail.activity_status and detail.activity_status not in ACTIVITIES:
        yield ACTIVITY_STATUS_INVALID(value=detail.activity_status)
    yield from too_long(
        name=(detail.name, 255), surgicalPathologyNumber=(detail.surgical_pathology_number, 50)
    )


def hidden_name(protocol_id: int) -> str:
    """The name of the visit behind a specimen-centric protocol."""
    return f"$$cp_visit_{protocol_id}$$"


def name_problem(
    name: str | None, *, status: str, has_format: bool, manual: bool, fits: bool
) -> Problem | None:
    """Whether this name (blank: none) may be given to a visit (spec 03 §2.5); a blank that passes is generated."""
    if not name:
        return NAME_REQUIRED() if manual and status == COMPLETE else None
    if _HIDDEN.fullmatch(name):
        return INVALID_NAME(name=name)
    if not has_format:
        return None
    if not manual:
        return MANUAL_NAME()
    return None if fits else INVALID_NAME(name=name)


# --- Pathology reports ------------------------------------------------------------------------------

TEXT, PDF = "text/plain", "application/pdf"


def is_text(name: str, content_type: str | None) -> bool:
    """Whether an upload is plain text; the ending of its name counts more than what the sender says."""
    told = media_type(name)
    return TEXT in (told, content_type if told == media_type("") else None)


def report_name(name: str, *, text: bool) -> str:
    """What a report is called: texts end in `.txt` (spec 03 §2.7)."""
    return name if not text or name.lower().endswith(".txt") else f"{name}.txt"


def decoded(raw: bytes) -> str:
    """A text as its sender's machine may have written it."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


# --- Events in time ---------------------------------------------------------------------------------


def point_in_days(point: int | None, unit: str | None) -> int | None:
    """An event point in days, for ordering: a month counts 30, a year 365 (spec 02 §B1)."""
    return None if point is None else point * _UNIT_DAYS.get(unit or "DAYS", 1)


def moved(day: date, point: int, unit: str | None) -> date:
    """The day a number of days, weeks, months or years later; a day the month lacks becomes its last.

    Stays within the years 1-9999.
    """
    try:
        if unit in ("MONTHS", "YEARS"):
            return _months_later(day, point * (12 if unit == "YEARS" else 1))
        return day + timedelta(days=point * _UNIT_DAYS.get(unit or "DAYS", 1))
    except (OverflowError, ValueError):
        return date.max if point > 0 else date.min


def _months_later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            if last == 28:
                raise
    raise ValueError("unreachable")


def anticipated_day(registered: date, point: int | None, unit: str | None, smallest_days: int) -> date | None:
    """When the event is due: registration day plus its point, counted from the earliest negative point (§2.6)."""
    if point is None:
        return None
    due = moved(registered, point, unit)
    return due - timedelta(days=min(smallest_days, 0)) if due not in (date.max, date.min) else due


def description(
    *,
    label: str | None,
    code: str | None,
    point: int | None,
    unit: str | None,
    when: datetime | None,
    date_format: str,
) -> str:
    """`T0D: Baseline (B) / 03-12-2024`; `date_format` is a strftime pattern (spec 03 §2.6)."""
    if label is None:
        text = "Unplanned Visit"
    else:
        text = label + (f" ({code})" if code else "")
        if point is not None:
            sign = "-" if point < 0 else ""
            text = f"{sign}T{abs(point)}{(unit or 'DAYS')[0]}: {text}"
    return text if when is None else f"{text} / {when.strftime(date_format)}"


_PATTERNS: Mapping[str, str] = {"yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "dd": "%d"}


def strftime_pattern(pattern: str) -> str:
    """A date pattern such as `MM-dd-yyyy` as strftime writes it; unknown letters stay."""
    found = pattern.replace("%", "%%")
    for letters, directive in _PATTERNS.items():
        found = found.replace(letters, directive)
    return found
