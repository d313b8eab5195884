"""The requirements of a few events in memory, as trees: what a batch decides against."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from specimens.protocol.models import Requirement


class Trees:
    """All requirements of the events that a batch touches; rows of the batch join as they are planned."""

    def __init__(self, rows: Iterable[Requirement]) -> None:
        self.rows: dict[int, Requirement] = {}
        self._children: dict[int, list[Requirement]] = {}
        self._codes: dict[tuple[int, str], int] = {}
        self._uids: dict[tuple[int, str], int] = {}
        for row in rows:
            self.add(row)

    def add(self, row: Requirement) -> None:
        """Let later rows see this one; its key must be known."""
        known = row.pk in self.rows
        self.rows[row.pk] = row
        if row.parent_id is not None and not known:
            self._children.setdefault(row.parent_id, []).append(row)
        if row.code:
            self._codes[row.event_id, row.code] = row.pk
        if row.file_uid and row.pk >= self._uids.get((row.event_id, row.file_uid), 0):
            self._uids[row.event_id, row.file_uid] = row.pk

    def owner(self, event_id: int, code: str | None) -> int | None:
        """The requirement that has a code in an event."""
        return self._codes.get((event_id, code)) if code else None

    def called(self, event_id: int, uid: str | None) -> int | None:
        """The newest requirement of an event that a file calls so."""
        return self._uids.get((event_id, uid)) if uid else None

    def codes(self, event_id: int) -> set[str]:
        return {code for event, code in self._codes if event == event_id}

    def below(self, row: Requirement) -> Iterator[Requirement]:
        """All descendants."""
        for child in self._children.get(row.pk, ()):
            yield child
            yield from self.below(child)

    def depth(self, row: Requirement | None) -> int:
        """How many generations there are down to the row, itself included."""
        generations = 0
        while row is not None:
            generations += 1
            row = self.rows.get(row.parent_id or 0)
        return generations

    def aliquots_below(self, row: Requirement) -> Iterator[Requirement]:
        """The aliquots of the row, and the aliquots of these."""
        for child in self._children.get(row.pk, ()):
            if child.lineage == "Aliquot":
                yield child
                yield from self.aliquots_below(child)

    def used(self, row: Requirement, *, but: Requirement | None = None) -> Decimal:
        """What the row's aliquots take of its quantity."""
        aliquots = (child for child in self._children.get(row.pk, ()) if child.lineage == "Aliquot")
        return sum((child.initial_qty or Decimal(0) for child in aliquots if child is not but), Decimal(0))

    def has_room(
        self, parent: Requirement, wanted: Decimal | None, *, but: Requirement | None = None
    ) -> bool:
        """Whether the parent can give `wanted` more; one without quantity can give anything."""
        if wanted is None or parent.initial_qty is None:
            return True
        return self.used(parent, but=but) + wanted <= parent.initial_qty
