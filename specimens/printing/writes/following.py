"""Labels that print by themselves, as protocols and requirements say (spec 02 §A5, 03 §5).

Nothing is decided inside the write that makes a label due: after its commit the labels are printed, and what goes
wrong with that is logged, never told to the writer.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from biobank.access import Actor
from biobank.wire.errors import Refused
from specimens.printing import rules
from specimens.printing.models import Kind
from specimens.printing.reads import labels
from specimens.printing.writes.jobs import place, print_labels
from specimens.protocol.models import CollectionProtocol, Event, Requirement
from specimens.specimen import below as specimens
from specimens.visit import below as visits

log = logging.getLogger("biobank.printing")
_SETTLED = ("Collected", "Pending")  # what is missed gets no label


def follow() -> None:
    """Join in the writes of specimens and visits; called once when the app starts."""
    specimens.collected.append(specimens_saved)
    visits.saved.append(visits_saved)


@dataclass(frozen=True, slots=True)
class _Due:
    """What is remembered of a specimen until its write is committed."""

    pk: int
    protocol: int
    requirement: int | None
    lineage: str
    created: bool
    collected: bool
    received: bool
    asked: bool


def specimens_saved(saved: Sequence[specimens.Saved], actor: Actor) -> None:
    """Print the labels that are due now, once the specimens are committed."""
    due = [
        _Due(
            one.specimen.pk, one.specimen.protocol_id, one.specimen.requirement_id, one.specimen.lineage,
            one.created, one.collected, one.received, one.print_label,
        )
        for one in saved
        if one.specimen.label and one.specimen.status in _SETTLED
    ]  # fmt: skip
    if due:
        transaction.on_commit(lambda: _print_specimens(due, actor), robust=True)


def _print_specimens(due: Sequence[_Due], actor: Actor) -> None:
    protocols = CollectionProtocol.objects.filter(pk__in={one.protocol for one in due})
    settings = dict(protocols.values_list("pk", "spmn_label_print_settings"))
    planned = {one.requirement for one in due if one.requirement is not None}
    modes: dict[int | None, tuple[str | None, int | None]] = {}
    if planned:
        found = Requirement.objects.filter(pk__in=planned)
        for pk, mode, copies in found.values_list("pk", "label_auto_print_mode", "label_print_copies"):
            modes[pk] = (mode, copies)
    copies_of: dict[int, int] = {}
    for one in due:
        own_mode, own_copies = modes.get(one.requirement, (None, None))
        mode, copies = rules.print_setting(
            own_mode, own_copies, one.lineage, settings.get(one.protocol) or ()
        )
        if rules.prints_now(
            mode, lineage=one.lineage, created=one.created, collected=one.collected, received=one.received,
            asked=one.asked,
        ):  # fmt: skip
            copies_of[one.pk] = _sensible(copies)
    _print(Kind.SPECIMEN, copies_of, actor)


def visits_saved(changes: Sequence[visits.StatusChange], actor: Actor) -> None:
    """Print the names that are due now, once the visits are committed."""
    due = [
        (one.visit.pk, one.visit.protocol_id, one.visit.event_id, one.new, one.old)
        for one in changes
        if one.new in ("Pending", "Complete")
    ]
    if due:
        transaction.on_commit(lambda: _print_visits(due, actor), robust=True)


def _print_visits(due: Sequence[tuple[int, int, int | None, str, str | None]], actor: Actor) -> None:
    columns = ("pk", "visit_name_print_mode", "visit_name_print_copies")
    protocols = CollectionProtocol.objects.filter(pk__in={protocol for _, protocol, _, _, _ in due})
    of_protocol = {pk: (mode, copies) for pk, mode, copies in protocols.values_list(*columns)}
    events = Event.objects.filter(pk__in={event for _, _, event, _, _ in due if event is not None})
    of_event = {pk: (mode, copies) for pk, mode, copies in events.values_list(*columns)}
    copies_of: dict[int, int] = {}
    for pk, protocol, event, new, old in due:
        mode, copies = of_protocol.get(protocol, (None, None))
        own_mode, own_copies = of_event.get(event or 0, (None, None))
        if rules.visit_prints_now(own_mode or mode, new, created=old is None, changed=old != new):
            copies_of[pk] = _sensible(own_copies or copies)
    _print(Kind.VISIT, copies_of, actor)


def _sensible(copies: int | None) -> int:
    """As many copies as are allowed at most, and one at least."""
    return min(max(copies or 1, 1), rules.MAX_COPIES)


def _print(kind: str, copies_of: dict[int, int], actor: Actor) -> None:
    if not copies_of:
        return
    read = labels.of_specimens if kind == Kind.SPECIMEN else labels.of_visits
    found = read(list(copies_of))
    try:
        place(print_labels(kind, found, lambda label: copies_of[label.pk], actor, automatic=True))
    except Refused as refused:
        log.warning("%s labels were not printed: %s", len(found), refused)
