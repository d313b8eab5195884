"""Keeping, editing, locking and forgetting surgical pathology reports (spec 03 §2.7)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.core.files.base import ContentFile, File
from django.db import transaction

from biobank.access import Actor
from biobank.files.names import safe_name
from biobank.files.stored import keep, remove
from biobank.records import stamp
from biobank.wire.errors import TOO_LARGE, Refused
from specimens.participant.rules import SPECIMEN_CENTRIC
from specimens.visit import rules
from specimens.visit.models import Visit
from specimens.visit.reads.reports import AREA, kind, stored, visit_with_rights

WRITE = ("Create", "Update")
TEXT_LIMIT = 10_000_000  # bytes: texts are answered as JSON, whole


@contextmanager
def _held(actor: Actor, pk: int, on_visit: tuple[str, ...], on_report: tuple[str, ...]) -> Iterator[Visit]:
    """The visit, locked while its report changes."""
    found = visit_with_rights(actor, pk, on_visit, on_report)
    if found.protocol.specimen_centric:
        raise Refused(SPECIMEN_CENTRIC(name=found.protocol.short_title))
    with transaction.atomic():
        stamp(actor)
        yield Visit.objects.select_for_update().get(pk=pk)


def upload(pk: int, file: "File[Any]", content_type: str | None, actor: Actor) -> str:
    """Keep a report in place of the one there was; answers its name.

    Raises VISIT_COMPL_VISIT_REQ, VISIT_LOCKED_SPR.
    """
    name = safe_name(file.name or "", length=180)
    is_text = rules.is_text(name, content_type)
    if is_text:
        if file.size > TEXT_LIMIT:
            raise Refused(TOO_LARGE(limit=TEXT_LIMIT))
        file = ContentFile(rules.decoded(file.read()).encode())
    with _held(actor, pk, WRITE, WRITE) as row:
        _check_open(row)
        _replace(row, file, rules.report_name(name, text=is_text))
        return row.spr_name or ""


def write_text(pk: int, text: str | None, actor: Actor) -> str:
    """Replace the words of a text report; answers them.

    Raises VISIT_NO_SPR_UPLOADED, VISIT_NON_TEXT_SPR, VISIT_SPR_TEXT_NA besides those of an upload.
    """
    with _held(actor, pk, WRITE, WRITE) as row:
        _check_open(row)
        stored(row)
        if kind(row) != rules.TEXT:
            raise Refused(rules.REPORT_NOT_TEXT())
        if not text:
            raise Refused(rules.REPORT_EMPTY())
        _replace(row, ContentFile(text.encode()), row.spr_name or "")
        return text


def lock(pk: int, locked: bool, actor: Actor) -> Visit:
    """Lock or unlock a report. Raises VISIT_NO_SPR_UPLOADED, VISIT_NON_TEXT_SPR."""
    with _held(actor, pk, ("Update",), ("Lock" if locked else "Unlock",)) as row:
        stored(row)
        if kind(row) not in (rules.TEXT, rules.PDF):
            raise Refused(rules.REPORT_NOT_TEXT())
        row.spr_locked = locked
        row.save(update_fields=["spr_locked"])
        return row


def delete(pk: int, actor: Actor) -> None:
    """Take a report away. Raises VISIT_NO_SPR_UPLOADED, VISIT_LOCKED_SPR."""
    with _held(actor, pk, ("Delete",), ("Delete",)) as row:
        stored(row)
        if row.spr_locked:
            raise Refused(rules.REPORT_LOCKED())
        _forget_file(row.spr_file)
        row.spr_file = row.spr_name = None
        row.save(update_fields=["spr_file", "spr_name"])


def forget(rows: Iterable[Visit]) -> None:
    """The files of visits whose participant is anonymized go when the transaction ends; the rows are the caller's."""
    for row in rows:
        _forget_file(row.spr_file)


def _check_open(row: Visit) -> None:
    if row.status != rules.COMPLETE:
        raise Refused(rules.COMPLETE_REQUIRED())
    if row.spr_locked:
        raise Refused(rules.REPORT_LOCKED())


def _replace(row: Visit, file: "File[Any]", name: str) -> None:
    """The new file is there before the row names it, the old one goes after the row was committed."""
    _forget_file(row.spr_file)
    file.name = "report"  # what the sender calls it may identify somebody, and may be long
    row.spr_file, row.spr_name = keep(AREA, file), name
    row.save(update_fields=["spr_file", "spr_name"])


def _forget_file(name: str | None) -> None:
    if name:
        transaction.on_commit(partial(remove, AREA, name))
