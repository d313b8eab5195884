"""Codes and decisions about printing (spec 03 §4.5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from biobank.wire.errors import INVALID_INPUT, Code, Problem

SPECIMEN_PRINT_ERROR = Code("SPECIMEN_PRINT_ERROR", "No print rule says how to print {what}")
NO_SPECIMENS = Code("SPECIMEN_NO_SPECIMENS_TO_PRINT", "There is no specimen with a label to print")
VISIT_PRINT_ERROR = Code("VISIT_PRINT_ERROR", "No print rule says how to print {what}")
NO_VISITS = Code("VISIT_NO_VISITS_TO_PRINT", "There is no visit to print")
NO_PRINTER = Code("VISIT_NO_PRINTER_CONFIGURED", "Neither the print rule nor your profile names a printer")
SPECIMEN_NO_PRINTER = Code(
    "SPECIMEN_NO_PRINTER_CONFIGURED", "Neither the print rule nor your profile names a printer"
)

MAX_COPIES = 100  # of one label
MAX_LABELS = 20_000  # of one job

PRE_PRINT, ON_COLLECTION, ON_RECEIVE, ON_COMPLETION = (
    "PRE_PRINT",
    "ON_COLLECTION",
    "ON_RECEIVE",
    "ON_COMPLETION",
)


@dataclass(frozen=True, slots=True)
class Fit:
    """What rules look at: of a label, what it is; of a rule, what it must be (None: anything)."""

    protocol_id: int | None
    site_id: int | None
    lineage: str | None = None
    specimen_class: str | None = None
    specimen_type: str | None = None


def fits(wanted: Fit, user_group: int | None, label: Fit, groups: Iterable[int]) -> bool:
    """Whether a rule that wants `wanted`, of this group only if any, is for the label."""
    if user_group is not None and user_group not in groups:
        return False
    pairs = (
        (wanted.protocol_id, label.protocol_id),
        (wanted.site_id, label.site_id),
        (wanted.lineage, label.lineage),
        (wanted.specimen_class, label.specimen_class),
        (wanted.specimen_type, label.specimen_type),
    )
    return all(want is None or want == found for want, found in pairs)


def copies_problem(name: str, copies: int | None, labels: int) -> Problem | None:
    """Why so many copies of so many labels cannot be printed, if so."""
    if copies is not None and not 1 <= copies <= MAX_COPIES:
        return INVALID_INPUT(name=name, value=copies)
    if labels * (copies or 1) > MAX_LABELS:
        return INVALID_INPUT(name=name, value=f"{labels * (copies or 1)} labels, the limit is {MAX_LABELS}")
    return None


def print_setting(
    mode: str | None, copies: int | None, lineage: str, settings: Iterable[Mapping[str, object]]
) -> tuple[str | None, int | None]:
    """When a specimen's label prints by itself, and in how many copies (spec 02 §A5, §C4).

    The requirement's mode wins over what its protocol says of the lineage.
    """
    of_lineage = next((one for one in settings if one.get("lineage") == lineage), {})
    found, number = of_lineage.get("printMode"), of_lineage.get("copies")
    wanted = mode or (str(found) if found else None)
    return wanted, copies or (number if isinstance(number, int) else None)


def prints_now(
    mode: str | None, *, lineage: str, created: bool, collected: bool, received: bool, asked: bool
) -> bool:
    """Whether a specimen's label is due: it was asked for, or its time has come.

    What was made of another specimen has no receipt of its own: it counts as received when it is collected.
    """
    if asked:
        return True
    if mode == PRE_PRINT:
        return created
    if mode == ON_COLLECTION:
        return collected
    return mode == ON_RECEIVE and (received if lineage == "New" else collected)


def visit_prints_now(mode: str | None, status: str, *, created: bool, changed: bool) -> bool:
    """Whether the name of a visit is due (spec 02 §A3, §B2)."""
    if mode == PRE_PRINT:
        return created and status == "Pending"
    return mode == ON_COMPLETION and status == "Complete" and (created or changed)
