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
from specimens.participant.detail import ConsentResponseDetail, RegistrationDetail
from specimens.participant.models import ConsentResponse, Registration
from specimens.participant.reads.consents import AREA, tiers_of
from specimens.participant.reads.details import registration_details, with_parts
from specimens.participant.reads.scopes import consents_for, phi_protocols, registrations_for
from specimens.protocol.models import ConsentTier

Record = dict[str, Any]
_NAMES = ("cpShortTitle", "ppid")
_DOCUMENT = "document"  # no column: where the signed form lies


def registration_batches(wanted: Wanted, actor: Actor) -> Iterator[Sequence[RegistrationDetail]]:
    """The registrations wanted, by id; what identifies the participant is blank without the right to see it."""

    def details(pks: Sequence[int]) -> list[RegistrationDetail]:
        rows = _rows(pks)
        phi = None if actor.is_super else phi_protocols(actor, {row.protocol_id for row in rows})
        return registration_details(rows, phi=phi, mask=None)

    return in_batches(_keys(registrations_for(actor), wanted), details)


def consent_batches(wanted: Wanted, actor: Actor) -> Iterator[Sequence[Record]]:
    """The consents of registrations, by id: every statement that was asked, answered or not.

    Registrations of which nothing is asked nor known are left out; so are those of protocols that take their consents
    from another one, which has them.
    """
    rows = consents_for(actor).filter(protocol__consents_source=None)
    return in_batches(_keys(rows, wanted), _consents)


def document_files(records: Sequence[Record]) -> list[tuple[str, Path] | None]:
    """The signed form of each record that has one."""
    return [
        (record["consentDocumentName"] or "consent", place(AREA, record[_DOCUMENT]))
        if record[_DOCUMENT]
        else None
        for record in records
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


def _consents(pks: Sequence[int]) -> list[Record]:
    rows = _rows(pks)
    tiers = tiers_of(list({row.protocol_id for row in rows}))
    answers = ConsentResponse.objects.filter(registration__in=pks)
    given = {(row, tier): said for row, tier, said in answers.values_list("registration", "tier", "response")}
    users = summaries(row.consent_witness_id for row in rows)
    found: list[Record] = [
        {
            "cpShortTitle": row.protocol.short_title,
            "ppid": row.ppid,
            "consentSignatureDate": row.consent_signature_date,
            "comments": row.consent_comments,
            "responses": [_said(tier, given.get((row.pk, tier.pk))) for tier in tiers[row.protocol_id]],
            "consentDocumentName": row.consent_document_name,
            _DOCUMENT: row.consent_document,
            "witness": users.get(row.consent_witness_id or 0),
        }
        for row in rows
    ]
    return [record for record in found if any(value for key, value in record.items() if key not in _NAMES)]


def _said(tier: ConsentTier, response: str | None) -> ConsentResponseDetail:
    return ConsentResponseDetail.model_construct(
        statement=tier.statement.statement, code=tier.statement.code, response=response
    )
