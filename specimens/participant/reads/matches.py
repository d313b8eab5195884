"""Which participants and registrations may be the ones described (spec 03 §1.8)."""

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower, Upper

from biobank.access import Actor
from biobank.wire.errors import ACCESS_DENIED, Refused
from specimens.participant.detail import (
    ParticipantDetail,
    ParticipantMatch,
    ParticipantMatches,
    PmiDetail,
    RegistrationDetail,
    RegistrationMatch,
)
from specimens.participant.models import MedicalRecord, Participant, Registration
from specimens.participant.reads.details import (
    participant_detail,
    record_numbers,
    registered_cps,
    registration_details,
    with_parts,
)
from specimens.participant.reads.lookups import Protocols
from specimens.participant.reads.mrn_sites import is_restricted
from specimens.participant.reads.scopes import PHI, phi_protocols, registrations_for
from specimens.participant.rules import PARTICIPANT_NOT_FOUND

_NOBODY = ParticipantDetail()


def matches(sent: ParticipantDetail, actor: Actor) -> list[ParticipantMatch]:
    """Candidates for one description, oldest first."""
    return multi_match([sent], actor)[0].matches


def multi_match(sent: Sequence[ParticipantDetail], actor: Actor) -> list[ParticipantMatches]:
    """Candidates for each description with the attributes they agree on; a fixed number of queries.

    They are unmasked, so only for callers with PHI rights; where record numbers restrict access, only
    participants that the caller may read.
    """
    if not actor.has_any(PHI, "Read", "Create", "Update"):
        return [ParticipantMatches(criteria=one, matches=[]) for one in sent]
    known = _Known(sent)
    reasons = [known.reasons(one) for one in sent]
    people = Participant.objects.in_bulk({pk for found in reasons for pk in found})
    if is_restricted(actor):
        numbered = MedicalRecord.objects.filter(participant__in=people).values("participant")
        allowed = registrations_for(actor).filter(participant__in=people).values("participant")
        people = Participant.objects.filter(~Q(pk__in=numbered) | Q(pk__in=allowed), pk__in=people).in_bulk()
    numbers = record_numbers(people)
    registered = registered_cps(actor, list(people))
    details = {
        pk: participant_detail(row, numbers[pk], phi=True, registered=registered.get(pk, []))
        for pk, row in people.items()
    }
    return [
        ParticipantMatches(
            criteria=one,
            matches=[
                ParticipantMatch(matched_attrs=found[pk], participant=details[pk])
                for pk in sorted(found)
                if pk in details
            ],
        )
        for one, found in zip(sent, reasons, strict=True)
    ]


class _Known:
    """Participants by each kind of identifier that the descriptions name; one query a kind."""

    def __init__(self, sent: Sequence[ParticipantDetail]) -> None:
        rows = Participant.objects.exclude(activity_status="Disabled")
        self._empis = _by("empi", {one.empi for one in sent if one.empi}, rows)
        self._uids = _by("uid", {one.uid for one in sent if one.uid}, rows)
        self._numbers = _by_number(pmi for one in sent for pmi in _pmis(one))
        names = {one.last_name.upper() for one in sent if one.last_name and one.birth_date is not None}
        self._births: dict[tuple[str, object], list[int]] = {}
        if names:
            born = rows.annotate(upper=Upper("last_name")).filter(
                upper__in=names, birth_date__in={one.birth_date for one in sent if one.birth_date is not None}
            )
            for pk, name, day in born.values_list("pk", "upper", "birth_date"):
                self._births.setdefault((name, day), []).append(pk)

    def reasons(self, one: ParticipantDetail) -> dict[int, list[str]]:
        """Participants, and by which attributes they are meant."""
        found: dict[int, list[str]] = {}
        pmis = {((pmi.site_name or "").lower(), pmi.mrn or "") for pmi in _pmis(one)}
        for attribute, pks in (
            ("empi", self._empis.get(one.empi or "", [])),
            ("uid", self._uids.get(one.uid or "", [])),
            ("pmi", dict.fromkeys(pk for pmi in pmis for pk in self._numbers.get(pmi, []))),
            ("lnameAndDob", self._births.get(((one.last_name or "").upper(), one.birth_date), [])),
        ):
            for pk in pks:
                found.setdefault(pk, []).append(attribute)
        return found


def _pmis(sent: ParticipantDetail) -> list[PmiDetail]:
    return sent.pmis if sent.pmis is not None else [sent.pmi] if sent.pmi else []


def _by(attribute: str, wanted: set[str], rows: QuerySet[Participant]) -> dict[str, list[int]]:
    if not wanted:
        return {}
    found: dict[str, list[int]] = {}
    for pk, value in rows.filter(**{f"{attribute}__in": wanted}).values_list("pk", attribute):
        found.setdefault(value, []).append(pk)
    return found


def _by_number(pmis: Iterable[PmiDetail]) -> dict[tuple[str, str], list[int]]:
    """Participants by (lower-case site name, number)."""
    wanted = {(pmi.site_name.lower(), pmi.mrn) for pmi in pmis if pmi.site_name and pmi.mrn}
    if not wanted:
        return {}
    rows = MedicalRecord.objects.exclude(participant__activity_status="Disabled").annotate(
        where=Lower("site__name")
    )
    rows = rows.filter(where__in={where for where, _ in wanted}, mrn__in={mrn for _, mrn in wanted})
    found: dict[tuple[str, str], list[int]] = {}
    for pk, where, mrn in rows.order_by("pk").values_list("participant_id", "where", "mrn"):
        found.setdefault((where, mrn or ""), []).append(pk)
    return found


def registration_matches(sent: Sequence[RegistrationDetail], actor: Actor) -> list[RegistrationMatch]:
    """For each input the registration it names, masked by the caller's rights, else its participant's candidates.

    It is named by protocol and PPID, or by protocol and eMPI; a fixed number of queries.
    """
    rows = _registrations(sent, actor)
    found = list({row.pk: row for row in rows.values()}.values())
    phi = None if actor.is_super else phi_protocols(actor, {row.protocol_id for row in found})
    details = {detail.id: detail for detail in registration_details(found, phi=phi)}
    lost = [place for place in range(len(sent)) if place not in rows]
    others = multi_match([sent[place].participant or _NOBODY for place in lost], actor)
    candidates = dict(zip(lost, others, strict=True))
    return [
        RegistrationMatch(
            input=one,
            cpr=details[rows[place].pk] if place in rows else None,
            participants=candidates.get(place),
        )
        for place, one in enumerate(sent)
    ]


def _registrations(sent: Sequence[RegistrationDetail], actor: Actor) -> Mapping[int, Registration]:
    """The readable registrations that inputs name, by the input's place. An eMPI counts only where it may be seen."""
    protocols = Protocols(sent)
    wanted: dict[int, tuple[int, str | None, str | None]] = {}
    for place, one in enumerate(sent):
        protocol = protocols.find(one)
        empi = one.participant.empi if one.participant is not None else None
        if protocol is not None and (one.ppid or empi):
            wanted[place] = (protocol.pk, one.ppid, empi)
    if not wanted:
        return {}
    ppids = {ppid for _, ppid, _ in wanted.values() if ppid}
    empis = {empi for _, _, empi in wanted.values() if empi}
    rows = with_parts(registrations_for(actor)).filter(
        Q(ppid__in=ppids) | Q(participant__empi__in=empis), protocol__in={pk for pk, _, _ in wanted.values()}
    )
    named = phi_protocols(actor, {pk for pk, _, _ in wanted.values()})
    by_ppid: dict[tuple[int, str], Registration] = {}
    by_empi: dict[tuple[int, str], Registration] = {}
    for row in rows:
        by_ppid[row.protocol_id, row.ppid] = row
        if row.participant.empi and row.protocol_id in named:
            by_empi[row.protocol_id, row.participant.empi] = row
    found: dict[int, Registration] = {}
    for place, (protocol_id, ppid, empi) in wanted.items():
        hit = by_ppid.get((protocol_id, ppid)) if ppid else by_empi.get((protocol_id, empi or ""))
        if hit is not None:
            found[place] = hit
    return found


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
