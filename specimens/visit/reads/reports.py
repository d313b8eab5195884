"""Surgical pathology reports: who may see them, and the file behind a visit (spec 03 §2.7, 01 §D.7)."""

from pathlib import Path, PurePath

from biobank.access import Actor
from biobank.files.stored import media_type, place
from biobank.wire.errors import ACCESS_DENIED, Refused
from specimens.protocol.reads import allowed_among
from specimens.visit import rules
from specimens.visit.models import Visit
from specimens.visit.reads.scopes import visit

REPORT = "SurgicalPathologyReport"
AREA = "pathology-reports"


def visit_with_rights(actor: Actor, pk: int, on_visit: tuple[str, ...], on_report: tuple[str, ...]) -> Visit:
    """The visit, when the caller has one of the operations on it and one on its pathology report.

    Raises VISIT_NOT_FOUND, RBAC_ACCESS_DENIED.
    """
    row = visit(actor, pk, *on_visit)
    if not allowed_among(actor, [row.protocol_id], REPORT, *on_report):
        raise Refused(ACCESS_DENIED())
    return row


def readable(actor: Actor, pk: int) -> Visit:
    """The visit whose report the caller may read; raises VISIT_NO_SPR_UPLOADED, too."""
    row = visit_with_rights(actor, pk, ("Read",), ("Read",))
    stored(row)
    return row


def stored(row: Visit) -> Path:
    """Where the report of a visit lies. Raises VISIT_NO_SPR_UPLOADED."""
    if not row.spr_file:
        raise Refused(rules.NO_REPORT(name=row.name))
    return place(AREA, row.spr_file)


def kind(row: Visit) -> str:
    """The media type of a visit's report."""
    return media_type(row.spr_name or "")


def text(row: Visit) -> str | None:
    """The report as text, None when it is none. Raises VISIT_NO_SPR_UPLOADED, VISIT_UNABLE_TO_LOCATE_SPR."""
    path = stored(row)
    if kind(row) != rules.TEXT:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Refused(rules.REPORT_LOST()) from None


def download_name(row: Visit, ending: str | None = None) -> str:
    """`<visit name>.<ending>`; by default the ending of the stored report."""
    return row.name + (PurePath(row.spr_name or "").suffix if ending is None else ending)
