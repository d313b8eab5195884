"""Signed consent documents: kept, replaced, forgotten (spec 03 §1.9)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.core.files.base import File
from django.db import transaction

from biobank.access import Actor
from biobank.files.names import safe_name
from biobank.files.stored import keep, remove
from biobank.records import stamp
from biobank.wire.errors import Refused
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
        forget([row])
        row.consent_document_name = safe_name(file.name or "")
        file.name = "consent"  # what the sender calls it may identify somebody, and may be long
        row.consent_document = keep(AREA, file)
        row.save(update_fields=_COLUMNS)
        return row.consent_document_name


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
