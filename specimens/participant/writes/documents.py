"""Signed consent documents: kept, replaced, forgotten (spec 03 §1.9)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.db import transaction

from biobank.access import Actor
from biobank.batch.update import update
from biobank.files.names import safe_name
from biobank.files.stored import keep, place, remove, same_content
from biobank.records import stamp
from biobank.wire.errors import Problem, Refused
from specimens.participant import rules
from specimens.participant.models import Registration
from specimens.participant.reads.consents import AREA
from specimens.participant.reads.scopes import CONSENT, registration

_COLUMNS = ["consent_document", "consent_document_name"]


def upload(pk: int, file: "File[Any]", actor: Actor) -> str:
    """Keep a signed document in place of the one there was; answers its name.

    Raises CP_CONSENTS_WAIVED, CP_CONSENTS_SOURCED.
    """
    with _held(actor, pk, "Create", "Update") as row:
        if row.protocol.consents_waived:
            raise Refused(rules.CONSENTS_WAIVED())
        _keep_instead(row, file, safe_name(file.name or ""))
        row.save(update_fields=_COLUMNS)
        return row.consent_document_name or ""


def attach(pairs: Sequence[tuple[int, Path]], actor: Actor) -> list[tuple[Problem, ...]]:
    """Keep documents that came along with an import of consents; answers what is wrong with each, in order.

    A file that is the same as the document there is changes nothing. Inside the caller's transaction, after the
    consents were written with their checks; a fixed number of queries.
    """
    held = Registration.objects.select_related("protocol").select_for_update(of=("self",))
    rows = {row.pk: row for row in held.filter(pk__in={pk for pk, _ in pairs})}
    changed: dict[int, Registration] = {}
    problems: list[tuple[Problem, ...]] = []
    stamp(actor)
    for pk, path in pairs:
        row = rows[pk]
        if row.consent_document and same_content(path, place(AREA, row.consent_document)):
            problems.append(())
        elif row.protocol.consents_waived:
            problems.append((rules.CONSENTS_WAIVED(),))
        else:
            with path.open("rb") as raw:
                _keep_instead(row, File(raw), safe_name(path.name))
            changed[pk] = row
            problems.append(())
    update(list(changed.values()), _COLUMNS)
    return problems


def _keep_instead(row: Registration, file: "File[Any]", name: str) -> None:
    """The new file is there before the row names it, the old one goes after the row was committed."""
    forget([row])
    file.name = "consent"  # what the sender calls it may identify somebody, and may be long
    row.consent_document, row.consent_document_name = keep(AREA, file), name


def delete(pk: int, actor: Actor) -> None:
    """Take the signed document away. Raises CPR_CONSENT_FORM_NOT_FOUND."""
    with _held(actor, pk, "Delete") as row:
        if not row.consent_document:
            raise Refused(rules.CONSENT_FORM_NOT_FOUND())
        forget([row])
        row.consent_document = row.consent_document_name = None
        row.save(update_fields=_COLUMNS)


def forget(rows: Iterable[Registration]) -> None:
    """The files go when the transaction ends; the rows are the caller's matter."""
    for row in rows:
        if row.consent_document:
            transaction.on_commit(partial(remove, AREA, row.consent_document))


@contextmanager
def _held(actor: Actor, pk: int, *operations: str) -> Iterator[Registration]:
    """The registration, locked while its document changes."""
    found = registration(actor, pk, CONSENT, *operations)
    if found.protocol.specimen_centric:
        raise Refused(rules.SPECIMEN_CENTRIC(name=found.protocol.short_title))
    if found.protocol.consents_source_id is not None:
        raise Refused(rules.CONSENTS_SOURCED())
    with transaction.atomic():
        stamp(actor)
        rows = Registration.objects.select_related("protocol").select_for_update(of=("self",))
        yield rows.get(pk=pk)
