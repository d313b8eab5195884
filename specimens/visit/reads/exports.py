"""Visits as exports write them (spec 04 §6.1)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from biobank.access import Actor
from biobank.batch.batches import in_batches
from biobank.batch.schema import Wanted
from biobank.files.stored import place
from specimens.protocol.reads import allowed_among
from specimens.visit import rules
from specimens.visit.detail import VisitDetail
from specimens.visit.models import Visit
from specimens.visit.reads.details import visible, visit_details, with_parts
from specimens.visit.reads.reports import AREA, REPORT
from specimens.visit.reads.scopes import visits_for


def visit_batches(wanted: Wanted, actor: Actor) -> Iterator[Sequence[VisitDetail]]:
    """The visits wanted, by id; accession numbers and reports are blank without the right to see them."""
    rows = visits_for(actor)
    if wanted.cp_id is not None:
        rows = rows.filter(protocol=wanted.cp_id)
    if names := wanted.texts("visitNames"):
        rows = rows.filter(name__in=names)
    if ppids := wanted.texts("ppids"):
        rows = rows.filter(registration__ppid__in=ppids)

    def details(pks: Sequence[int]) -> list[VisitDetail]:
        held = with_parts(Visit.objects.all()).in_bulk(list(pks))
        found = [held[pk] for pk in pks if pk in held]
        reports = allowed_among(actor, {row.protocol_id for row in found}, REPORT, "Read")
        shown = visit_details(found, phi=visible(actor, found))
        for row, detail in zip(found, shown, strict=True):
            if not row.spr_file or row.protocol_id not in reports:
                detail.spr_name = None
            if detail.surgical_pathology_number == rules.MASK:
                detail.surgical_pathology_number = None
        return shown

    return in_batches(rows.order_by("pk").values_list("pk", flat=True).iterator(), details)


def report_files(details: Sequence[VisitDetail]) -> list[tuple[str, Path] | None]:
    """The pathology report of each visit that names one; one query."""
    named = {detail.id: detail.spr_name for detail in details if detail.id and detail.spr_name}
    stored = dict(Visit.objects.filter(pk__in=named).values_list("pk", "spr_file")) if named else {}
    return [
        (detail.spr_name, place(AREA, file))
        if detail.spr_name and (file := stored.get(detail.id or 0))
        else None
        for detail in details
    ]
