"""Consent responses of registrations (spec 03 §1.9)."""

from collections.abc import Sequence
from pathlib import Path

from biobank.files.stored import place
from biobank.wire.errors import Refused
from sessions_auth.reads import summaries
from specimens.participant.detail import ConsentResponseDetail, ConsentsDetail
from specimens.participant.models import ConsentResponse, Registration
from specimens.participant.rules import CONSENT_FORM_NOT_FOUND
from specimens.protocol.models import ConsentTier

AREA = "consent-documents"


def tiers_of(protocol_ids: Sequence[int]) -> dict[int, list[ConsentTier]]:
    """The consent statements the protocols ask for, `statement` loaded, oldest first; one query."""
    found: dict[int, list[ConsentTier]] = {pk: [] for pk in protocol_ids}
    rows = ConsentTier.objects.filter(protocol_id__in=found, activity_status="Active").select_related(
        "statement"
    )
    for row in rows.order_by("pk"):
        found[row.protocol_id].append(row)
    return found


def asking_protocol(row: Registration) -> int:
    """The protocol whose statements the participant is asked."""
    return row.protocol.consents_source_id or row.protocol_id


def asked(row: Registration) -> Registration | None:
    """The registration that holds the consents: this one, or that of the same participant in the protocol from
    which its protocol takes them; None when there is none (spec 03 §1.9)."""
    source = row.protocol.consents_source_id
    if source is None:
        return row
    rows = Registration.objects.filter(protocol=source, participant=row.participant_id)
    return rows.exclude(activity_status="Disabled").first()


def document(row: Registration) -> tuple[Path, str]:
    """Where the signed document lies, and its name. Raises CPR_CONSENT_FORM_NOT_FOUND."""
    holder = asked(row)
    if holder is None or not holder.consent_document:
        raise Refused(CONSENT_FORM_NOT_FOUND())
    return place(AREA, holder.consent_document), holder.consent_document_name or "consent"


def consents(row: Registration, *, phi: bool) -> ConsentsDetail:
    """What the participant answered to every statement of the protocol; five queries at most."""
    asking = asking_protocol(row)
    holder = asked(row) or Registration()
    answers = ConsentResponse.objects.filter(registration=holder.pk, tier__protocol=asking)
    given = dict(answers.values_list("tier_id", "response"))
    tiers = tiers_of([asking])[asking]
    return ConsentsDetail(
        cp_short_title=row.protocol.short_title,
        ppid=row.ppid,
        empi=row.participant.empi if phi else None,
        consent_signature_date=holder.consent_signature_date,
        witness=summaries([holder.consent_witness_id]).get(holder.consent_witness_id or 0),
        comments=holder.consent_comments,
        responses=[
            ConsentResponseDetail(
                code=tier.statement.code,
                statement=tier.statement.statement,
                response=given.get(tier.pk),
            )
            for tier in tiers
        ],
        consent_document_name=holder.consent_document_name,
    )
