"""Deciding what a batch of registrations would become (spec 03 §1.6, §1.7)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from biobank.access import Actor
from biobank.batch.door import Refusal
from biobank.batch.rows import Blank
from biobank.wire.errors import ACCESS_DENIED, Problem
from sites.rules import SITE_NOT_FOUND
from specimens.participant import rules
from specimens.participant.detail import ParticipantDetail, RegistrationDetail
from specimens.participant.models import Registration
from specimens.participant.reads.lookups import Protocols
from specimens.participant.writes.identity import (
    Identity,
    accept,
    identity_of,
    is_named,
    new_owner,
    people_meant,
    settled,
    uniqueness,
)
from specimens.participant.writes.known import Known, RegistrationChange
from specimens.participant.writes.people import Person
from specimens.protocol.models import CollectionProtocol

_NOBODY = ParticipantDetail()
_registration = Blank(Registration)


@dataclass(slots=True, eq=False)
class RegistrationPlan:
    """A registration as it will be. `merged_into`: its participant turns out to be this other one."""

    row: Registration
    person: Person
    is_new: bool
    changed: set[str] = field(default_factory=set)
    merged_into: Person | None = None
    gone: bool = False
    reason: str | None = None


def plan_registrations(
    changes: Sequence[RegistrationChange], actor: Actor
) -> list[RegistrationPlan | Refusal]:
    """Decide what each registration would become; rows of the batch see each other."""
    known = Known(changes, actor)
    return [
        plan_new(change.detail, known) if change.pk is None else plan_change(change.detail, change.pk, known)
        for change in changes
    ]


# --- New registrations ------------------------------------------------------------------------------


def plan_new(detail: RegistrationDetail, known: Known) -> RegistrationPlan | Refusal:
    """Field problems come first, all of them; then the registration's own uniqueness; then the participant's."""
    protocol = known.protocols.find(detail)
    if protocol is not None and protocol.pk not in known.creatable:
        return Refusal((ACCESS_DENIED(),))
    sent = detail.participant or _NOBODY
    site_id, problems = _site(detail, known)
    problems += _protocol_problems(detail, protocol)
    problems += rules.registration_problems(detail, creating=True)
    if detail.participant is None and known.actor.via == "rest":
        problems.append(rules.DETAIL_REQUIRED())
    identity = identity_of(sent, known)
    found, unknown = people_meant(sent, identity, known)
    person = found[0] if len(found) == 1 else None
    if person is not None and is_named(sent) and not known.knows(person):
        return Refusal((ACCESS_DENIED(),))
    problems += [*identity.wrong, *unknown, *settled(identity, person, known)]
    if problems or protocol is None:
        return Refusal(tuple(problems))
    problems += _own_problems(detail, protocol, person, identity, known)
    problems = problems or list(uniqueness(identity, found, person, known))
    if problems:
        return Refusal(tuple(problems))
    return _accepted(detail, protocol, site_id, accept(identity, person, known), known)


def _protocol_problems(detail: RegistrationDetail, protocol: CollectionProtocol | None) -> Iterator[Problem]:
    if protocol is None:
        key = Protocols.key(detail)
        yield rules.CP_REQUIRED() if key is None else rules.CP_NOT_FOUND(key=key)
        return
    if protocol.activity_status == "Closed":
        yield rules.CP_CLOSED(name=protocol.short_title)
    if protocol.specimen_centric:
        yield rules.SPECIMEN_CENTRIC(name=protocol.short_title)


def _own_problems(
    detail: RegistrationDetail,
    protocol: CollectionProtocol,
    person: Person | None,
    identity: Identity,
    known: Known,
) -> Iterator[Problem]:
    """PPID, barcode, status, and whether the participant is there already."""
    ppid = detail.ppid
    mrn_site = next(iter(person.numbers if person and not identity.numbers else identity.numbers), None)
    problem = _ppid_problem(ppid, protocol, known, detail, mrn_site)
    if problem is not None:
        yield problem
    elif ppid and (protocol.pk, ppid) in known.ppids:
        yield rules.DUP_PPID(ppid=ppid)
    if detail.barcode and detail.barcode in known.barcodes:
        yield rules.DUP_BARCODE(barcode=detail.barcode)
    if detail.activity_status == "Disabled":
        yield rules.CREATE_DISABLED()
    if detail.data_entry_status == "DRAFT" and not protocol.draft_data_entry:
        yield rules.DRAFT_NOT_ALLOWED()
    if person is not None and protocol.pk in person.protocols:
        yield rules.DUP_REGISTRATION()


def _ppid_problem(
    ppid: str | None,
    protocol: CollectionProtocol,
    known: Known,
    detail: RegistrationDetail,
    mrn_site: int | None,
    site_id: int | None = None,
) -> Problem | None:
    fmt = known.format_of(protocol)
    fits = True
    if ppid and fmt is not None and protocol.manual_ppid_enabled:
        site_id = known.site_ids.get((detail.site or "").lower(), site_id)
        fits = fmt.matches(
            ppid, known.site_codes.values(protocol, site_id, mrn_site, detail.external_subject_id)
        )
    return rules.ppid_problem(
        ppid, has_format=fmt is not None, manual=protocol.manual_ppid_enabled, fits=fits
    )


def _accepted(
    detail: RegistrationDetail,
    protocol: CollectionProtocol,
    site_id: int | None,
    person: Person,
    known: Known,
) -> RegistrationPlan:
    row = _registration(
        protocol_id=protocol.pk,
        ppid=detail.ppid or "",
        barcode=detail.barcode or None,
        registration_date=detail.registration_date,
        external_subject_id=detail.external_subject_id or None,
        site_id=site_id,
        activity_status=detail.activity_status or "Active",
        data_entry_status=detail.data_entry_status or "COMPLETE",
    )
    row._state.fields_cache["protocol"] = protocol
    person.protocols.add(protocol.pk)
    if row.ppid:
        known.ppids[protocol.pk, row.ppid] = -1
    if row.barcode:
        known.barcodes[row.barcode] = -1
    return RegistrationPlan(row, person, is_new=True, reason=detail.op_comments)


# --- Changed registrations --------------------------------------------------------------------------


def plan_change(detail: RegistrationDetail, pk: int, known: Known) -> RegistrationPlan | Refusal:
    """Merge by key presence; a participant id or identifiers of somebody else merge the two participants."""
    row = known.stored.get(pk)
    if row is None:
        return Refusal((rules.NOT_FOUND.missing(key=pk),))
    gone = detail.activity_status == "Disabled"
    if not known.may_change(row, gone=gone):
        return Refusal((ACCESS_DENIED(),))
    if row.protocol.specimen_centric:
        return Refusal((rules.SPECIMEN_CENTRIC(name=row.protocol.short_title),))
    person = known.people.get(row.participant_id)
    if person is None:
        return Refusal((rules.PARTICIPANT_NOT_FOUND(key=row.participant_id),))
    if gone:
        return _removal(detail, row, person, known)
    site_id, problems = _site(detail, known)
    problems += rules.registration_problems(detail, creating=False)
    identity = identity_of(detail.participant or _NOBODY, known)
    owner, wrong = new_owner(detail.participant, identity, person, known)
    problems += [*identity.wrong, *wrong, *settled(identity, owner, known)]
    values = _changed_values(detail, row, site_id)
    problems = problems or list(_change_problems(detail, values, row, owner, known))
    problems = problems or list(uniqueness(identity, [], owner, known))
    if problems:
        return Refusal(tuple(problems))
    return _accepted_change(detail, row, person, accept(identity, owner, known), values, known)


def _removal(
    detail: RegistrationDetail, row: Registration, person: Person, known: Known
) -> RegistrationPlan | Refusal:
    """Without force complete visits stand in the way; with it their deletion needs its own rights."""
    force = bool(detail.force_delete) or known.actor.via == "import"
    if row.pk in known.completed and not force:
        return Refusal((rules.IN_USE(),))
    if row.pk in known.visited and force and row.protocol_id not in known.cascadable:
        return Refusal((ACCESS_DENIED(),))
    return RegistrationPlan(row, person, is_new=False, gone=True, reason=detail.op_comments)


def _changed_values(detail: RegistrationDetail, row: Registration, site_id: int | None) -> dict[str, Any]:
    """The columns that the keys of the detail change."""
    sent = detail.model_fields_set
    values: dict[str, Any] = {}
    if "ppid" in sent:
        values["ppid"] = detail.ppid or ""
    for name in ("barcode", "external_subject_id"):
        if name in sent:
            values[name] = getattr(detail, name) or None
    if "registration_date" in sent:
        values["registration_date"] = detail.registration_date
    if "site" in sent:
        values["site_id"] = site_id
    for name in ("activity_status", "data_entry_status"):
        if getattr(detail, name):
            values[name] = getattr(detail, name)
    return {name: value for name, value in values.items() if value != getattr(row, name)}


def _change_problems(
    detail: RegistrationDetail, values: dict[str, Any], row: Registration, owner: Person, known: Known
) -> Iterator[Problem]:
    """Uniqueness and PPID rules; what does not change is not checked again, a blank PPID is not stored."""
    protocol = row.protocol
    ppid = values.get("ppid")
    if ppid is not None:
        problem = _ppid_problem(ppid, protocol, known, detail, next(iter(owner.numbers), None), row.site_id)
        if problem is not None:
            yield problem
        elif ppid and known.ppids.get((protocol.pk, ppid), row.pk) != row.pk:
            yield rules.DUP_PPID(ppid=ppid)
    if ppid == "":
        del values["ppid"]
    barcode = values.get("barcode")
    if barcode and known.barcodes.get(barcode, row.pk) != row.pk:
        yield rules.DUP_BARCODE(barcode=barcode)
    if values.get("data_entry_status") == "DRAFT" and not protocol.draft_data_entry:
        yield rules.DRAFT_NOT_ALLOWED()


def _accepted_change(
    detail: RegistrationDetail,
    row: Registration,
    person: Person,
    owner: Person,
    values: dict[str, Any],
    known: Known,
) -> RegistrationPlan:
    for name, value in values.items():
        setattr(row, name, value)
    if "ppid" in values:
        known.ppids[row.protocol_id, values["ppid"]] = row.pk
    if values.get("barcode"):
        known.barcodes[values["barcode"]] = row.pk
    merged_into = owner if owner is not person else None
    return RegistrationPlan(row, person, False, set(values), merged_into, reason=detail.op_comments)


def _site(detail: RegistrationDetail, known: Known) -> tuple[int | None, list[Problem]]:
    """The registration site."""
    if not detail.site:
        return None, []
    found = known.site_ids.get(detail.site.lower())
    return found, [] if found is not None else [SITE_NOT_FOUND(key=detail.site)]
