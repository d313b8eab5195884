"""Registrations and consents as exports write them (spec 04 §6.1)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.db.models import QuerySet

from biobank.access import Actor
from biobank.batch.batches import in_batches
from biobank.batch.schema import Wanted
from biobank.files.stored import place
from sessions_auth.reads import summaries
from specimens.participant.detail import RegistrationDetail
from specimens.participant.models import ConsentResponse, Registration
from specimens.participant.reads.consents import AREA, tiers_of
from specimens.participant.reads.details import registration_details, with_parts
from specimens.participant.reads.scopes import consents_for, phi_protocols, registrations_for
from specimens.protocol.models import ConsentTier

Line = dict[str, Any]
_DOCUMENT = "document"  # no column: where the file of the line lies


def registration_batches(wanted: Wanted, actor: Actor) -> Iterator[Sequence[RegistrationDetail]]:
    """The registrations wanted, by id; what identifies the participant is blank without the right to see it."""

    def details(pks: Sequence[int]) -> list[RegistrationDetail]:
        rows = _rows(pks)
        phi = None if actor.is_super else phi_protocols(actor, {row.protocol_id for row in rows})
        return registration_details(rows, phi=phi, mask=None)

    return in_batches(_keys(registrations_for(actor), wanted), details)


def consent_batches(wanted: Wanted, actor: Actor) -> Iterator[Sequence[Line]]:
    """A line for each statement that a registration was asked about, answered or not; a single one where there is
    no statement, but something else is known. Ordered by registration and statement.

    Protocols that take their consents from another one are left out: the lines are that one's.
    """
    rows = consents_for(actor).filter(protocol__consents_source=None)
    return in_batches(_keys(rows, wanted), _consent_lines)


def document_files(lines: Sequence[Line]) -> list[tuple[str, Path] | None]:
    """The signed form of each line that names one."""
    return [
        (line["consentDocumentName"], place(AREA, line[_DOCUMENT])) if line.get(_DOCUMENT) else None
        for line in lines
    ]


def _keys(rows: QuerySet[Registration], wanted: Wanted) -> Iterator[int]:
    if wanted.cp_id is not None:
        rows = rows.filter(protocol=wanted.cp_id)
    if ppids := wanted.texts("ppids"):
        rows = rows.filter(ppid__in=ppids)
    return rows.order_by("pk").values_list("pk", flat=True).iterator()


def _rows(pks: Sequence[int]) -> list[Registration]:
    found = with_parts(Registration.objects.all()).in_bulk(list(pks))
    return [found[pk] for pk in pks if pk in found]


def _consent_lines(pks: Sequence[int]) -> list[Line]:
    rows = _rows(pks)
    tiers = tiers_of(list({row.protocol_id for row in rows}))
    answers = ConsentResponse.objects.filter(registration__in=pks)
    given = {(row, tier): said for row, tier, said in answers.values_list("registration", "tier", "response")}
    users = summaries(row.consent_witness_id for row in rows)
    lines: list[Line] = []
    for row in rows:
        witness = users.get(row.consent_witness_id or 0)
        base: Line = {
            "cpShortTitle": row.protocol.short_title,
            "ppid": row.ppid,
            "consentSignatureDate": row.consent_signature_date,
            "comments": row.consent_comments,
            "witness": None if witness is None else {"emailAddress": witness.email_address},
        }
        said = [_said(tier, given.get((row.pk, tier.pk))) for tier in tiers[row.protocol_id]]
        if not said and _is_known(row):
            said = [{}]
        lines += [{**base, **one, **_form(row, first=not place)} for place, one in enumerate(said)]
    return lines


def _said(tier: ConsentTier, response: str | None) -> Line:
    return {"statement": tier.statement.statement, "code": tier.statement.code, "response": response}


def _form(row: Registration, *, first: bool) -> Line:
    """The signed form goes with the first line of its registration."""
    if not first or not row.consent_document:
        return {}
    return {"consentDocumentName": row.consent_document_name or "consent", _DOCUMENT: row.consent_document}


def _is_known(row: Registration) -> bool:
    return any(
        (row.consent_signature_date, row.consent_comments, row.consent_witness_id, row.consent_document)
    )
