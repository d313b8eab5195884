"""Finding registrations: the body of the list and count calls as a query (spec 03 §1.2)."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet

from biobank.access import Actor
from specimens.participant.detail import RegistrationDetail, RegistrationSearch
from specimens.participant.models import MedicalRecord, Participant, Registration
from specimens.participant.reads.details import registration_details, with_parts
from specimens.participant.reads.scopes import PHI, phi_protocols, registrations_for
from specimens.protocol.reads import protocols_for

_PHI_KEYS = ("name", "participant_id", "uid", "dob", "empis")


def matching(search: RegistrationSearch, actor: Actor) -> QuerySet[Registration]:
    """The readable registrations that fit, unordered. PHI keys only reach where the caller has PHI rights."""
    rows = registrations_for(actor)
    if search.cp_id is not None and search.cp_id != -1:
        rows = rows.filter(protocol=search.cp_id)
    if any(getattr(search, key) for key in _PHI_KEYS) and not actor.is_super:
        rows = rows.filter(protocol__in=protocols_for(actor, PHI, "Read"))
    rows = _by_text(rows, search, actor)
    if search.participant_id:
        rows = rows.filter(participant__in=_identified(search.participant_id))
    if search.dob is not None:
        rows = rows.filter(participant__birth_date=search.dob)
    if search.registration_date is not None:
        rows = rows.filter(registration_date=search.registration_date)
    if search.specimen:
        rows = rows.filter(pk__in=_with_specimen(search.specimen))
    return _by_lists(rows, search)


def _by_text(
    rows: QuerySet[Registration], search: RegistrationSearch, actor: Actor
) -> QuerySet[Registration]:
    """`searchStr` stands for PPID, name and uid together; each of them alone is looked at without it."""
    if search.search_str:
        text = search.search_str
        known = Registration.objects.filter(participant__in=_people(text, "first_name", "last_name"))
        numbered = Registration.objects.filter(participant__in=_identified(text))
        if not actor.is_super:
            told = Q(protocol__in=protocols_for(actor, PHI, "Read"))
            known, numbered = known.filter(told), numbered.filter(told)
        # Each part finds its rows by an index of its own; one condition with OR would look at every row.
        found = Registration.objects.filter(ppid__icontains=text).values("pk")
        return rows.filter(pk__in=found.union(known.values("pk"), numbered.values("pk"), all=True))
    if search.ppid:
        exact = bool(search.exact_match)
        rows = rows.filter(ppid=search.ppid) if exact else rows.filter(ppid__icontains=search.ppid)
    if search.name:
        rows = rows.filter(participant__in=_people(search.name, "first_name", "last_name"))
    if search.uid:
        rows = rows.filter(participant__uid=search.uid)
    return rows


def _by_lists(rows: QuerySet[Registration], search: RegistrationSearch) -> QuerySet[Registration]:
    if search.ppids:
        rows = rows.filter(ppid__in=search.ppids)
    if search.external_subject_ids:
        rows = rows.filter(external_subject_id__in=search.external_subject_ids)
    if search.empis:
        rows = rows.filter(participant__empi__in=search.empis)
    if search.ids:
        rows = rows.filter(pk__in=search.ids)
    return rows


def _people(text: str, *columns: str) -> QuerySet[Participant, Any]:
    """Participants with the text in one of the columns."""
    condition = Q()
    for column in columns:
        condition |= Q(**{f"{column}__icontains": text})
    return Participant.objects.filter(condition).values("pk")


def _identified(text: str) -> QuerySet[Any, Any]:
    """Participants with the text in eMPI, uid or a record number."""
    numbered = MedicalRecord.objects.filter(mrn__icontains=text).values("participant_id")
    return _people(text, "empi", "uid").union(numbered, all=True)


def _with_specimen(text: str) -> QuerySet[Registration, Any]:
    """Registrations with an active specimen of that label or barcode in an active visit."""
    label = Q(visits__specimens__label__icontains=text) | Q(visits__specimens__barcode__icontains=text)
    active = Q(visits__activity_status="Active", visits__specimens__activity_status="Active")
    return Registration.objects.filter(label & active).values("pk")


def listed(search: RegistrationSearch, actor: Actor) -> list[RegistrationDetail]:
    """One page, newest registration first; each row masked by the rights in its protocol. Four queries at most."""
    rows = matching(search, actor)
    if not (search.ppids or search.external_subject_ids or search.empis):
        ids = search.keys(rows, actor.user_id, "-registration_date", "-pk")
        rows = Registration.objects.filter(pk__in=ids)
    found: Sequence[Registration] = list(with_parts(rows).order_by("-registration_date", "-pk"))
    phi = None if actor.is_super else phi_protocols(actor, {row.protocol_id for row in found})
    return registration_details(found, phi=phi)
