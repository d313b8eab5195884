"""Consent responses of registrations (spec 03 §1.9)."""

from collections.abc import Sequence

from sessions_auth.reads import summaries
from specimens.participant.detail import ConsentResponseDetail, ConsentsDetail
from specimens.participant.models import ConsentResponse, Registration
from specimens.protocol.models import ConsentTier


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
    """The protocol whose statements apply: its own, or the one it takes its consents from."""
    return row.protocol.consents_source_id or row.protocol_id


def consents(row: Registration, *, phi: bool) -> ConsentsDetail:
    """What the participant answered to every statement of the protocol; three queries."""
    asking = asking_protocol(row)
    answers = ConsentResponse.objects.filter(
        registration__participant=row.participant_id, tier__protocol=asking
    )
    answers = answers.exclude(registration__activity_status="Disabled")
    given = dict(answers.values_list("tier_id", "response"))
    tiers = tiers_of([asking])[asking]
    return ConsentsDetail(
        cp_short_title=row.protocol.short_title,
        ppid=row.ppid,
        empi=row.participant.empi if phi else None,
        consent_signature_date=row.consent_signature_date,
        witness=summaries([row.consent_witness_id]).get(row.consent_witness_id or 0),
        comments=row.consent_comments,
        responses=[
            ConsentResponseDetail(
                code=tier.statement.code,
                statement=tier.statement.statement,
                response=given.get(tier.pk),
            )
            for tier in tiers
        ],
        consent_document_name=row.consent_document_name,
    )
