"""What visits do when their protocol is merged into another (spec 02 §A6)."""

from biobank.access import Actor
from biobank.batch.update import update
from specimens.protocol import below as protocols
from specimens.visit import below
from specimens.visit.models import Visit


def follow_merges() -> None:
    """Join in merges of protocols; called once when the app starts."""
    protocols.merged.append(join)


def join(merge: protocols.Merge, actor: Actor) -> None:
    """Visits of registrations that moved go to the target's first event, with their specimens.

    A fixed number of statements.
    """
    moved = Visit.objects.filter(protocol=merge.source, registration__protocol=merge.target)
    rows = list(moved.order_by("pk").select_for_update(of=("self",)))
    for row in rows:
        row.protocol_id = merge.target.pk
        row.event_id = merge.event.pk if merge.event is not None else None
    update(rows, ["protocol_id", "event_id"])
    for follow in (*below.protocol_changed, *below.event_changed):
        if rows:
            follow(rows, actor)
