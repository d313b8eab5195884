"""Which participants may be the one described (spec 03 §1.8)."""

from django.db.models import Q

from biobank.access import Actor
from biobank.wire.errors import ACCESS_DENIED, Refused
from specimens.participant.detail import ParticipantDetail, ParticipantMatch, PmiDetail
from specimens.participant.models import MedicalRecord, Participant
from specimens.participant.reads.details import participant_detail, record_numbers, registered_cps
from specimens.participant.reads.scopes import PHI, phi_protocols
from specimens.participant.rules import PARTICIPANT_NOT_FOUND


def matches(sent: ParticipantDetail, actor: Actor) -> list[ParticipantMatch]:
    """Candidates with the attributes they agree on, oldest first; unmasked, so only for callers with PHI rights."""
    if not actor.has_any(PHI, "Read", "Create", "Update"):
        return []
    reasons: dict[int, list[str]] = {}
    pmis = sent.pmis if sent.pmis is not None else [sent.pmi] if sent.pmi else []
    for attribute, pks in (
        ("empi", _holding(Q(empi=sent.empi)) if sent.empi else []),
        ("uid", _holding(Q(uid=sent.uid)) if sent.uid else []),
        ("pmi", _numbered(pmis)),
        ("lnameAndDob", _born_as(sent)),
    ):
        for pk in pks:
            reasons.setdefault(pk, []).append(attribute)
    people = Participant.objects.in_bulk(list(reasons))
    numbers = record_numbers(people)
    registered = registered_cps(actor, list(people))
    return [
        ParticipantMatch(
            matched_attrs=reasons[pk],
            participant=participant_detail(
                people[pk], numbers[pk], phi=True, registered=registered.get(pk, [])
            ),
        )
        for pk in sorted(people)
    ]


def _holding(condition: Q) -> list[int]:
    rows = Participant.objects.exclude(activity_status="Disabled").filter(condition)
    return list(rows.values_list("pk", flat=True))


def _born_as(sent: ParticipantDetail) -> list[int]:
    if not sent.last_name or sent.birth_date is None:
        return []
    return _holding(Q(last_name__iexact=sent.last_name, birth_date=sent.birth_date))


def _numbered(pmis: list[PmiDetail]) -> list[int]:
    condition = Q(pk__in=[])
    for pmi in pmis:
        if pmi.site_name and pmi.mrn:
            condition |= Q(site__name__iexact=pmi.site_name, mrn=pmi.mrn)
    rows = MedicalRecord.objects.filter(condition).exclude(participant__activity_status="Disabled")
    return list(rows.values_list("participant_id", flat=True).distinct())


def participant(actor: Actor, pk: int) -> ParticipantDetail:
    """A participant, readable through any registration; raises PARTICIPANT_NOT_FOUND, RBAC_ACCESS_DENIED."""
    row = Participant.objects.exclude(activity_status="Disabled").filter(pk=pk).first()
    if row is None:
        raise Refused(PARTICIPANT_NOT_FOUND.missing(key=pk))
    registered = registered_cps(actor, [pk]).get(pk, [])
    if not registered and not actor.is_super:
        raise Refused(ACCESS_DENIED())
    protocols = {summary.cp_id for summary in registered if summary.cp_id is not None}
    phi = actor.is_super or bool(phi_protocols(actor, protocols))
    return participant_detail(row, record_numbers([pk])[pk], phi=phi, registered=registered)
