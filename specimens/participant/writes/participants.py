"""The door of participants: a person is changed through one of their registrations (spec 03 §1.4)."""

from collections.abc import Iterator, Sequence

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from biobank.wire.errors import ACCESS_DENIED, ACTIVITY_STATUS_INVALID, Problem
from specimens.participant import rules
from specimens.participant.detail import ParticipantDetail, RegistrationDetail
from specimens.participant.reads.scopes import PHI, registrations_for
from specimens.participant.writes import people
from specimens.participant.writes.empis import give_empis
from specimens.participant.writes.identity import Identity, accept, identity_of, settled, uniqueness
from specimens.participant.writes.known import CREATE, Known
from specimens.participant.writes.people import Person
from specimens.participant.writes.planning import RegistrationPlan, plan_registrations
from specimens.participant.writes.registrations import apply_registrations

ParticipantChange = Change[ParticipantDetail]
Plan = RegistrationPlan | Person


def plan_participants(changes: Sequence[ParticipantChange], actor: Actor) -> list[Plan | Refusal]:
    """Decide what participants would become; `Change.pk` is the participant, who must have a registration.

    Without it somebody is meant who is registered later, and found then by one of the identifiers.
    """
    rows = registrations_for(actor, "Update").filter(
        participant_id__in={change.pk for change in changes if change.pk is not None}
    )
    through = dict(rows.order_by("-pk").values_list("participant_id", "pk"))
    wanted = [
        Change(RegistrationDetail(participant=change.detail), through[change.pk])
        for change in changes
        if change.pk in through
    ]
    planned = iter(plan_registrations(wanted, actor) if wanted else ())
    created = iter(_plan_new([change.detail for change in changes if change.pk is None], actor))
    return [_plan(change, through, planned, created) for change in changes]


def _plan(
    change: ParticipantChange,
    through: dict[int, int],
    planned: Iterator[RegistrationPlan | Refusal],
    created: Iterator[Person | Refusal],
) -> Plan | Refusal:
    if change.pk is None:
        found: Plan | Refusal = next(created)
    elif change.pk in through:
        found = next(planned)
    else:
        return Refusal((rules.PARTICIPANT_NOT_FOUND.missing(key=change.pk),))
    problem = _status_problem(change)
    return found if problem is None else Refusal((problem,))


def _status_problem(change: ParticipantChange) -> Problem | None:
    """People are neither closed nor, as long as they are registered, deleted."""
    status = change.detail.activity_status
    if not status or status == "Active":
        return None
    if status == "Disabled" and change.pk is not None:
        return rules.REGISTERED()
    return ACTIVITY_STATUS_INVALID(value=status)


def _plan_new(details: Sequence[ParticipantDetail], actor: Actor) -> list[Person | Refusal]:
    if not details:
        return []
    if not actor.has_any(PHI, CREATE):
        return [Refusal((ACCESS_DENIED(),)) for _ in details]
    known = Known([Change(RegistrationDetail(participant=detail)) for detail in details], actor)
    return [_new_person(detail, known) for detail in details]


def _new_person(detail: ParticipantDetail, known: Known) -> Person | Refusal:
    identity = identity_of(detail, known)
    problems = [*identity.wrong, *settled(identity, None, known)]
    if not known.mpi_generated and not _identifies(identity):
        problems.append(rules.UNIDENTIFIED())
    problems = problems or list(uniqueness(identity, [], None, known))
    return Refusal(tuple(problems)) if problems else accept(identity, None, known)


def _identifies(identity: Identity) -> bool:
    values = identity.values
    return bool(values.get("uid") or values.get("empi") or any(identity.numbers.values()))


def apply_participants(plans: Sequence[Plan], actor: Actor) -> list[int]:
    """Write the planned participants; answers whom each change ended with."""
    fresh = [plan for plan in plans if isinstance(plan, Person)]
    give_empis(fresh)
    people.save(fresh)
    apply_registrations([plan for plan in plans if isinstance(plan, RegistrationPlan)], actor)
    return [
        plan.row.pk if isinstance(plan, Person) else (plan.merged_into or plan.person).row.pk
        for plan in plans
    ]


PARTICIPANTS: Door[ParticipantDetail, Plan] = Door("participant", plan_participants, apply_participants)
