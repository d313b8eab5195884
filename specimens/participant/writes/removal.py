"""Deleting registrations, and the participants nothing else refers to (spec 03 §1.7, §0.5)."""

from collections.abc import Iterable, Sequence

from biobank.access import Actor
from biobank.batch.update import update
from biobank.records import disable, freed
from specimens.participant import below
from specimens.participant.models import MedicalRecord, Participant, Registration
from specimens.protocol import below as protocols


def remove(rows: Sequence[Registration], actor: Actor) -> None:
    """Disable registrations, everything below them, and participants left without any; set-based."""
    if not rows:
        return
    pks = [row.pk for row in rows]
    people = {row.participant_id for row in rows}
    locked = Participant.objects.filter(pk__in=people).order_by("pk").select_for_update(no_key=True)
    list(locked.values_list("pk"))  # somebody may just be registering or merging them
    for follow in below.deleted:
        follow(pks, actor)
    disable_registrations(rows)
    still = Registration.objects.filter(participant_id__in=people).exclude(activity_status="Disabled")
    disable_people(people - set(still.values_list("participant_id", flat=True)))


def disable_registrations(rows: Sequence[Registration]) -> None:
    """Mark registrations as deleted; their unique texts become free."""
    update(rows, disable(rows, ppid=255, barcode=255, external_subject_id=255))


def disable_people(pks: Iterable[int]) -> None:
    """Mark participants as deleted; their identifiers and record numbers become free."""
    people = list(Participant.objects.filter(pk__in=set(pks)))
    if not people:
        return
    update(people, disable(people, uid=50, empi=50, email_address=255))
    records = list(MedicalRecord.objects.filter(participant__in=people, mrn__isnull=False))
    for record in records:
        record.mrn = freed(record.mrn, 255)
    update(records, ["mrn"])


def follow_protocols() -> None:
    """Join in deletes of protocols; called once when the app starts."""
    protocols.deleted.append(go_with)


def go_with(protocol_ids: Sequence[int], actor: Actor) -> None:
    """Protocols deleted by force take their registrations along."""
    rows = Registration.objects.filter(protocol_id__in=protocol_ids).exclude(activity_status="Disabled")
    remove(list(rows), actor)
