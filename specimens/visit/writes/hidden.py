"""The visit behind a specimen-centric protocol: made on demand, never listed (spec 02 §P4, 03 §0.7)."""

from collections.abc import Iterable
from datetime import datetime

from biobank.access import Actor
from biobank.batch.insert import insert
from biobank.batch.rows import Blank
from biobank.records import stamp
from biobank.wire.dates import server_zone
from specimens.participant.models import Participant, Registration
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.writes.hidden import hidden_events
from specimens.visit.models import Visit
from specimens.visit.rules import COMPLETE, hidden_name

_participant, _registration, _visit = Blank(Participant), Blank(Registration), Blank(Visit)


def hidden_ppid(protocol_id: int) -> str:
    return f"$$cp_reg_{protocol_id}$$"


def hidden_visits(protocols: Iterable[CollectionProtocol], actor: Actor) -> dict[int, Visit]:
    """The hidden visit of each specimen-centric protocol, by protocol id; others are left out.

    Missing ones are made with their participant and registration; two callers at once make one. A fixed number
    of statements, inside the caller's transaction. Rights are the caller's matter.
    """
    centric = {row.pk: row for row in protocols if row.specimen_centric}
    if not centric:
        return {}
    found = _stored(centric)
    if len(found) < len(centric):
        missing = CollectionProtocol.objects.filter(pk__in=centric.keys() - found.keys()).order_by("pk")
        locked = list(missing.select_for_update(no_key=True).values_list("pk", flat=True))
        found |= _stored({pk: centric[pk] for pk in locked})  # somebody else may have been faster
        _make([centric[pk] for pk in locked if pk not in found], actor)
        found |= _stored(centric)
    return found


def _stored(protocols: dict[int, CollectionProtocol]) -> dict[int, Visit]:
    """`registration` and `event` are loaded."""
    rows = Visit.objects.filter(protocol__in=protocols, name__in=[hidden_name(pk) for pk in protocols])
    found = {row.protocol_id: row for row in rows.select_related("registration", "event")}
    for pk, row in found.items():
        row.protocol = row.registration.protocol = protocols[pk]
    return found


def _make(protocols: list[CollectionProtocol], actor: Actor) -> None:
    if not protocols:
        return
    events = hidden_events(protocols, actor)
    stamp(actor)
    people = [_participant() for _ in protocols]
    insert(people)
    today = datetime.now(server_zone()).date()
    registrations = [
        _registration(
            protocol_id=protocol.pk,
            participant_id=person.pk,
            ppid=hidden_ppid(protocol.pk),
            registration_date=today,
        )
        for protocol, person in zip(protocols, people, strict=True)
    ]
    insert(registrations)
    insert(
        [
            _visit(
                registration_id=registration.pk,
                protocol_id=registration.protocol_id,
                event_id=events[registration.protocol_id].pk,
                name=hidden_name(registration.protocol_id),
                status=COMPLETE,
            )
            for registration in registrations
        ]
    )
