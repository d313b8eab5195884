"""The door of participants: a person is changed through one of their registrations (spec 03 §1.4)."""

from collections.abc import Sequence

from biobank.access import Actor
from biobank.batch.door import Change, Door, Refusal
from specimens.participant import rules
from specimens.participant.detail import ParticipantDetail, RegistrationDetail
from specimens.participant.reads.scopes import registrations_for
from specimens.participant.writes.planning import RegistrationPlan, plan_registrations
from specimens.participant.writes.registrations import apply_registrations


def plan_participants(
    changes: Sequence[Change[ParticipantDetail]], actor: Actor
) -> list[RegistrationPlan | Refusal]:
    """Decide what participants would become; `Change.pk` is the participant, who must have a registration."""
    rows = registrations_for(actor, "Update").filter(participant_id__in={change.pk for change in changes})
    through = dict(rows.order_by("-pk").values_list("participant_id", "pk"))
    wanted = [
        Change(RegistrationDetail(participant=change.detail), through[change.pk])
        for change in changes
        if change.pk in through
    ]
    planned = iter(plan_registrations(wanted, actor))
    return [
        next(planned)
        if change.pk in through
        else Refusal((rules.PARTICIPANT_NOT_FOUND.missing(key=change.pk),))
        for change in changes
    ]


def apply_participants(plans: Sequence[RegistrationPlan], actor: Actor) -> list[int]:
    """Write the planned participants; answers whom each change ended with."""
    apply_registrations(plans, actor)
    return [(plan.merged_into or plan.person).row.pk for plan in plans]


PARTICIPANTS: Door[ParticipantDetail, RegistrationPlan] = Door(
    "participant", plan_participants, apply_participants
)
