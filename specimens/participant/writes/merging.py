"""Two participants turn out to be one (spec 03 §1.8)."""

from collections.abc import Sequence

from biobank.access import Actor
from biobank.records import past
from specimens.participant import below
from specimens.participant.models import MedicalRecord, Participant, Registration
from specimens.participant.writes import documents
from specimens.participant.writes.people import hold
from specimens.participant.writes.removal import disable_people, disable_registrations

_IDENTITY = (
    "first_name", "middle_name", "last_name", "birth_date", "death_date", "empi", "uid", "email_address",
    "phone_number", "text_opt_in_consent",
)  # fmt: skip


def merge(source: Participant, target: Participant, row: Registration, actor: Actor) -> int:
    """Hand all registrations of `source` to `target` and disable `source`; answers what became of `row`.

    Where the target is registered already, the visits move there and the source's registration is disabled.
    Raises PARTICIPANT_NOT_FOUND when one of the two has just been deleted or merged by somebody else.
    """
    hold([source.pk, target.pk])
    held = Registration.objects.exclude(
        activity_status="Disabled"
    )  # whoever adds or deletes some waits for us
    mine = {known.protocol_id: known for known in held.filter(participant=target)}
    theirs = list(held.filter(participant=source))
    doubled = {reg.pk: mine[reg.protocol_id].pk for reg in theirs if reg.protocol_id in mine}
    if doubled:
        for follow in below.merged:
            follow(doubled, actor)
        disable_registrations([reg for reg in theirs if reg.pk in doubled])
    moved = [reg.pk for reg in theirs if reg.pk not in doubled]
    Registration.objects.filter(pk__in=moved).update(participant=target)
    disable_people([source.pk])
    return doubled.get(row.pk, row.pk)


def anonymize(row: Registration, actor: Actor) -> None:
    """Strip everything that identifies the participant, in all of their registrations (spec 03 §1.10)."""
    person = row.participant
    for name in _IDENTITY:
        setattr(person, name, None)
    person.email_opt_in = person.text_opt_in = False
    person.save()
    person.medical_records.update(mrn=None)
    held = list(person.registrations.all())
    documents.forget(held)
    person.registrations.update(consent_document=None, consent_document_name=None)
    for follow in below.anonymized:
        follow([registration.pk for registration in held], actor)
    _forget_history(person, held)


def _forget_history(person: Participant, held: Sequence[Registration]) -> None:
    """Earlier values identify the participant, too. Who changed what and when stays on record."""
    past(Participant).filter(pgh_obj=person.pk).update(**dict.fromkeys(_IDENTITY, None))
    past(MedicalRecord).filter(participant_id=person.pk).update(mrn=None)
    pks = [registration.pk for registration in held]
    past(Registration).filter(pgh_obj__in=pks).update(consent_document=None, consent_document_name=None)
