"""Copies of requirement trees, set-based: for copies of events, protocols and single requirements."""

from collections.abc import Mapping, Sequence

from biobank.batch.insert import insert, take_keys
from specimens.protocol.models import Requirement
from specimens.protocol.reads.lookups import requirements_of

_OWN = ("id", "event", "parent", "file_uid")


def clone(row: Requirement) -> Requirement:
    """An unsaved requirement with the same values, but no key, event or parent."""
    same = {
        field.attname: getattr(row, field.attname)
        for field in Requirement._meta.concrete_fields
        if field.name not in _OWN
    }
    return Requirement(**same)


def copy_requirements(events: Mapping[int, int], *, keep_order: bool) -> None:
    """Copy the open requirements of events (old id -> new id), codes kept; three statements in all.

    What hangs below a closed requirement is not copied either. Without `keep_order` siblings are numbered
    from 1.
    """
    found = requirements_of(events, closed=False)
    copies: list[Requirement] = []
    for event_id, rows in found.items():
        copies += _copied(rows, events[event_id], keep_order)
    insert(copies)


def _copied(rows: Sequence[Requirement], event_id: int, keep_order: bool) -> list[Requirement]:
    reached = _reached(rows)
    kept = [row for row in rows if row.pk in reached]
    keys = dict(zip((row.pk for row in kept), take_keys(Requirement, len(kept)), strict=True))
    places: dict[int | None, int] = {}
    copies = []
    for row in kept:
        copy = clone(row)
        copy.pk, copy.event_id = keys[row.pk], event_id
        copy.parent_id = keys[row.parent_id] if row.parent_id is not None else None
        if not keep_order:
            copy.sort_order = places[row.parent_id] = places.get(row.parent_id, 0) + 1
        copies.append(copy)
    return copies


def _reached(rows: Sequence[Requirement]) -> set[int]:
    """The requirements above which every other is among the rows too."""
    children: dict[int | None, list[int]] = {}
    for row in rows:
        children.setdefault(row.parent_id, []).append(row.pk)
    found: set[int] = set()
    waiting = list(children.get(None, ()))
    while waiting:
        pk = waiting.pop()
        found.add(pk)
        waiting += children.get(pk, ())
    return found
