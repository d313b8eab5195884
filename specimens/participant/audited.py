"""What the audit sees of participants and registrations; without the rights to them, identities stay out."""

from collections.abc import Collection

from django.db.models import QuerySet

from biobank.access import Actor
from biobank.audit.registry import Audited, Mask, Part, register
from specimens.participant.models import ConsentResponse, MedicalRecord, Participant, Registration
from specimens.participant.reads.scopes import CONSENT, PHI, registrations_for
from specimens.protocol.reads import protocols_for

_IDENTITY = frozenset(
    {
        "first_name", "middle_name", "last_name", "email_address", "phone_number", "birth_date", "death_date", "uid",
        "empi", "pmis.mrn",
    }
)  # fmt: skip
_CONSENT = frozenset(
    {
        "consent_signature_date", "consent_witness", "consent_comments", "consent_document_name",
         "consents.tier", "consents.response",
    }
)  # fmt: skip


def _participants(actor: Actor) -> QuerySet[Participant]:
    reach = registrations_for(actor).values("participant_id")
    return Participant.objects.exclude(activity_status="Disabled").filter(pk__in=reach)


def _named(actor: Actor, ids: Collection[int]) -> set[int]:
    """Those of the participants whom the caller may see by name through one registration at least."""
    rows = registrations_for(actor).filter(participant_id__in=ids, protocol__in=protocols_for(actor, PHI))
    return set(rows.values_list("participant_id", flat=True))


def _consents(actor: Actor, ids: Collection[int]) -> set[int]:
    rows = Registration.objects.filter(pk__in=ids, protocol__in=protocols_for(actor, CONSENT))
    return set(rows.values_list("pk", flat=True))


register(
    Audited(
        "participant",
        "Participant",
        Participant,
        _participants,
        parts=(Part("pmis", MedicalRecord, "participant"),),
        masks=(Mask(_IDENTITY, _named),),
    )
)
register(
    Audited(
        "collection_protocol_registration",
        "Registration",
        Registration,
        registrations_for,
        parts=(Part("consents", ConsentResponse, "registration"),),
        masks=(Mask(_CONSENT, _consents),),
        hidden=frozenset({"consent_document"}),
    )
)
