"""What a row does, by the operation of its job: create, update, or whichever fits (spec 04 §3.4)."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from biobank.access import Actor
from biobank.batch.door import Change, Outcome, Refusal
from biobank.batch.schema import ImportSchema, Matching, Operation

Found = int | Refusal | None


class Writer:
    """Sends details through the door of their schema; runs inside the caller's transaction."""

    def __init__(self, schema: ImportSchema, operation: Operation, actor: Actor) -> None:
        if schema.door is None:
            raise ValueError(f"{schema.name} cannot be imported")
        self._door = schema.door
        self._update_door = schema.update_door or schema.door
        self._matching = None if operation == Operation.CREATE else schema.matching
        self._creates = operation == Operation.UPSERT
        self._actor = actor

    def write(self, details: Sequence[Any]) -> list[Outcome]:
        """Write every row that can be written; one outcome a detail, in order."""
        if self._matching is None:
            return self._door.write_each([Change(detail) for detail in details], self._actor)
        outcomes: list[Outcome] = []
        found = list(self._matching.find(details, self._actor))
        at = 0
        while at < len(details):
            end = _reach(self._matching, details, found, at, len(details))
            if at:  # what earlier rows wrote may be what these mean
                found[at:end] = self._matching.find(details[at:end], self._actor)
                end = _reach(self._matching, details, found, at, end)
            outcomes += self._apart(self._matching, details[at:end], found[at:end])
            at = end
        return outcomes

    def _apart(self, matching: Matching, details: Sequence[Any], found: Sequence[Found]) -> list[Outcome]:
        """Rows of which no two mean the same record."""
        outcomes: list[Outcome] = [Outcome() for _ in details]
        created: list[int] = []
        updated: list[int] = []
        for place, pk in enumerate(found):
            if isinstance(pk, Refusal):
                outcomes[place].problems = pk.problems
            elif pk is not None:
                updated.append(place)
            elif self._creates and matching.upserts:
                created.append(place)
            else:
                outcomes[place].problems = (matching.missing(details[place]),)
        if self._door is self._update_door:  # one batch in the order of the file
            self._send(self._door, sorted(created + updated), details, found, outcomes)
        else:
            self._send(self._door, created, details, found, outcomes)
            self._send(self._update_door, updated, details, found, outcomes)
        return outcomes

    def _send(
        self,
        door: Any,
        places: list[int],
        details: Sequence[Any],
        found: Sequence[Any],
        outcomes: list[Outcome],
    ) -> None:
        if not places:
            return
        changes = [Change(details[place], found[place]) for place in places]
        for place, outcome in zip(places, door.write_each(changes, self._actor), strict=True):
            outcomes[place] = outcome


def _reach(matching: Matching, details: Sequence[Any], found: Sequence[Found], start: int, end: int) -> int:
    """How far rows from `start` on can be written at once: no two of them may mean the same record."""
    taken: set[Hashable] = set()
    for place in range(start, end):
        marks = set(_marks(matching, details[place], found[place]))
        if not taken.isdisjoint(marks):
            return place
        taken |= marks
    return end


def _marks(matching: Matching, detail: Any, found: Found) -> Iterator[Hashable]:
    if isinstance(found, int):
        yield ("pk", found)
    for key in matching.keys(detail):
        yield ("key", key)
