"""Keeping, editing, locking and forgetting surgical pathology reports (spec 03 §2.7)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile, File
from django.db import transaction

from biobank.access import Actor
from biobank.batch.update import update
from biobank.files.names import safe_name
from biobank.files.stored import keep, place, remove
from biobank.records import stamp
from biobank.wire.errors import ACCESS_DENIED, TOO_LARGE, Problem, Refused
from specimens.participant.reads import writable
from specimens.participant.rules import SPECIMEN_CENTRIC
from specimens.visit import rules
from specimens.visit.models import Visit
from specimens.visit.reads.reports import AREA, REPORT, kind, stored, visit_with_rights

WRITE = ("Create", "Update")
_FILE = ["spr_file", "spr_name"]
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
    file = _as_stored(file, text=is_text)
    with _held(actor, pk, WRITE, WRITE) as row:
        _check_open(row)
        _replace(row, file, rules.report_name(name, text=is_text))
        return row.spr_name or ""


def attach(pairs: Sequence[tuple[int, Path]], actor: Actor) -> list[tuple[Problem, ...]]:
    """Keep reports that came along with an import; answers what is wrong with each, in order.

    A file that says what the visit's report says already changes nothing. Inside the caller's transaction; a fixed
    number of queries.
    """
    held = Visit.objects.select_related("protocol").select_for_update(of=("self",))
    rows = {row.pk: row for row in held.filter(pk__in={pk for pk, _ in pairs})}
    allowed = writable(actor, {row.protocol_id for row in rows.values()}, REPORT, *WRITE)
    stamp(actor)
    changed: dict[int, Visit] = {}
    found: list[tuple[Problem, ...]] = []
    for pk, path in pairs:
        row = rows[pk]
        try:
            if row.protocol_id not in allowed:
                raise Refused(ACCESS_DENIED())
            if _attach(row, path):
                changed[pk] = row
            found.append(())
        except Refused as refused:
            found.append(refused.problems)
    update(list(changed.values()), _FILE)
    return found


def _attach(row: Visit, path: Path) -> bool:
    """Whether the visit has another report now."""
    name = safe_name(path.name, length=180)
    is_text = rules.is_text(name, None)
    with path.open("rb") as raw:
        file = _as_stored(File(raw), text=is_text)
        if row.spr_file and _same(file, place(AREA, row.spr_file)):
            return False
        _check_open(row)
        _keep_instead(row, file, rules.report_name(name, text=is_text))
    return True


def _same(file: "File[Any]", stored: Path) -> bool:
    """Whether a stored file holds the same bytes."""
    if not stored.is_file() or stored.stat().st_size != file.size:
        return False
    with stored.open("rb") as other:
        return all(block == other.read(len(block)) for block in file.chunks())


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
        row.save(update_fields=_FILE)


def forget(rows: Iterable[Visit]) -> None:
    """The files of visits whose participant is anonymized go when the transaction ends; the rows are the caller's."""
    for row in rows:
        _forget_file(row.spr_file)


def _as_stored(file: "File[Any]", *, text: bool) -> "File[Any]":
    """The report as it is kept: texts in UTF-8. Raises COMMON_TOO_LARGE."""
    if not text:
        return file
    if file.size > TEXT_LIMIT:
        raise Refused(TOO_LARGE(limit=TEXT_LIMIT))
    return ContentFile(rules.decoded(file.read()).encode())


def _check_open(row: Visit) -> None:
    if row.status != rules.COMPLETE:
        raise Refused(rules.COMPLETE_REQUIRED())
    if row.spr_locked:
        raise Refused(rules.REPORT_LOCKED())


def _replace(row: Visit, file: "File[Any]", name: str) -> None:
    _keep_instead(row, file, name)
    row.save(update_fields=_FILE)


def _keep_instead(row: Visit, file: "File[Any]", name: str) -> None:
    """The new file is there before the row names it, the old one goes after the row was committed."""
    _forget_file(row.spr_file)
    file.name = "report"  # what the sender calls it may identify somebody, and may be long
    row.spr_file, row.spr_name = keep(AREA, file), name


def _forget_file(name: str | None) -> None:
    if name:
        transaction.on_commit(partial(remove, AREA, name))
