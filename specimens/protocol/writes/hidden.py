"""The event behind a specimen-centric protocol: made on demand, never listed (spec 02 §A3, §B3)."""

import re
from collections.abc import Iterable

from biobank.access import Actor
from biobank.records import stamp
from specimens.protocol.models import CollectionProtocol, Event

_HIDDEN = re.compile(r"\$\$cp_event_\d+\$\$")


def hidden_label(protocol_id: int) -> str:
    return f"$$cp_event_{protocol_id}$$"


def is_hidden_label(label: str | None) -> bool:
    """Whether a text is the label of some protocol's hidden event."""
    return _HIDDEN.fullmatch(label or "") is not None


def hidden_events(protocols: Iterable[CollectionProtocol], actor: Actor) -> dict[int, Event]:
    """The hidden event of each specimen-centric protocol, by protocol id; others are left out.

    Missing ones are made; two callers at once make one. At most three statements, inside the caller's
    transaction. Rights are the caller's matter: whoever may add specimens may bring the event into being.
    """
    centric = {row.pk: row for row in protocols if row.specimen_centric}
    if not centric:
        return {}
    found = _stored(centric)
    missing = [row for pk, row in sorted(centric.items()) if pk not in found]
    if missing:
        stamp(actor)
        events = [
            Event(protocol=row, label=hidden_label(row.pk), code=hidden_label(row.pk)) for row in missing
        ]
        Event.objects.bulk_create(events, ignore_conflicts=True)
        found = _stored(centric)
    return found


def _stored(protocols: dict[int, CollectionProtocol]) -> dict[int, Event]:
    rows = Event.objects.filter(protocol__in=protocols, label__in=[hidden_label(pk) for pk in protocols])
    rows = rows.select_related("default_site").order_by("pk")
    found = {row.protocol_id: row for row in rows if row.label == hidden_label(row.protocol_id)}
    for pk, row in found.items():
        row.protocol = protocols[pk]
    return found
