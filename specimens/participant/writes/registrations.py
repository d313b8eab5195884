"""The door of registrations, and the writes that are made of it (spec 03 §1.7, §1.8, §1.10)."""

from collections.abc import Sequence

from django.db import transaction

from biobank.access import Actor
from biobank.batch.door import Change, Door
from biobank.batch.insert import insert
from biobank.batch.reasons import Traces
from biobank.batch.update import update
from biobank.records import stamp
from biobank.wire.errors import Refused
from specimens.participant import below, rules
from specimens.participant.detail import RegistrationDetail
from specimens.participant.models import MedicalRecord, Participant, Registration
from specimens.participant.reads.scopes import PHI, known_registrations, registration
from specimens.participant.writes import merging, people
from specimens.participant.writes.empis import give_empis
from specimens.participant.writes.planning import RegistrationPlan, plan_registrations
from specimens.participant.writes.ppids import give_ppids
from specimens.participant.writes.removal import remove


def apply_registrations(plans: Sequence[RegistrationPlan], actor: Actor) -> list[int]:
    """Write the planned registrations and participants; a fixed number of statements for the ordinary ones."""
    reason = next((plan.reason for plan in plans if plan.reason), None)
    if reason:
        stamp(actor, reason=reason)
    persons = [plan.merged_into or plan.person for plan in plans if not plan.gone]
    give_empis(list({id(person): person for person in persons if person.is_new}.values()))
    people.hold(plan.person.row.id for plan in plans if plan.is_new and not plan.person.is_new)
    people.save(persons)
    fresh = [plan for plan in plans if plan.is_new]
    give_ppids([(plan.row, plan.person) for plan in fresh if not plan.row.ppid])
    for plan in fresh:
        plan.row.participant_id = plan.person.row.id
    insert([plan.row for plan in fresh])
    _save_changed([plan for plan in plans if plan.changed])
    survivors = {
        plan.row.pk: merging.merge(plan.person.row, plan.merged_into.row, plan.row, actor)
        for plan in plans
        if plan.merged_into is not None
    }
    remove([plan.row for plan in plans if plan.gone], actor)
    if fresh:
        for join_in in below.created:
            join_in([plan.row for plan in fresh], actor)
    return [survivors.get(plan.row.id, plan.row.id) for plan in plans]


def _save_changed(plans: Sequence[RegistrationPlan]) -> None:
    rows = list({plan.row.pk: plan.row for plan in plans}.values())
    update(rows, {name for plan in plans for name in plan.changed})


REGISTRATIONS: Door[RegistrationDetail, RegistrationPlan] = Door(
    "registration",
    plan_registrations,
    apply_registrations,
    traces=Traces(
        Registration,
        {
            Participant: ("participant_id", "pgh_obj_id"),
            MedicalRecord: ("participant_id", "participant_id"),
        },
    ),
)


def update_many(pks: Sequence[int], detail: RegistrationDetail, actor: Actor) -> list[int]:
    """The same change for many registrations, all or none; what identifies one of them is left out."""
    wanted = rules.for_many(detail)
    return REGISTRATIONS.write([Change(wanted, pk) for pk in dict.fromkeys(pks)], actor)


def delete_registration(pk: int, actor: Actor, *, force: bool, reason: str | None) -> int:
    """Delete one registration; `force` takes its visits and specimens along."""
    detail = RegistrationDetail(activity_status="Disabled", force_delete=force, op_comments=reason)
    return REGISTRATIONS.write_one(detail, actor, pk)


def delete_registrations(pks: Sequence[int], actor: Actor, *, force: bool, reason: str | None) -> list[int]:
    """Delete many, all or none; without `force` only collected specimens stand in the way (spec 03 §1.7)."""
    wanted = list(dict.fromkeys(pks))
    known = set(known_registrations().filter(pk__in=wanted).values_list("pk", flat=True))
    missing = [pk for pk in wanted if pk not in known]
    if missing:
        raise Refused(*(rules.NOT_FOUND.missing(key=pk) for pk in missing))
    detail = RegistrationDetail(activity_status="Disabled", force_delete=True, op_comments=reason)
    with transaction.atomic():
        in_use = not force and _with_collected_specimens(wanted)
        gone = REGISTRATIONS.write([Change(detail, pk) for pk in wanted], actor)
        if in_use:  # lack of rights is said first
            raise Refused(rules.IN_USE())
        return gone


def _with_collected_specimens(pks: Sequence[int]) -> bool:
    return Registration.objects.filter(
        pk__in=pks,
        visits__activity_status="Active",
        visits__specimens__status="Collected",
        visits__specimens__activity_status__in=("Active", "Closed"),
    ).exists()


def anonymize(pk: int, actor: Actor) -> int:
    """Strip what identifies the participant of a registration."""
    with transaction.atomic():
        stamp(actor, reason="anonymized")
        row = registration(actor, pk, PHI, "Update")
        if row.protocol.specimen_centric:
            raise Refused(rules.SPECIMEN_CENTRIC(name=row.protocol.short_title))
        merging.anonymize(row, actor)
    return pk
