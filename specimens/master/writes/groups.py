"""Which rows of a batch can be written at once: those of one registration that agree, and those that share nothing.

Rows that say the same of a registration or a visit share one write of it. A row that says something else about a
record that an earlier row names waits until that one is written, and so does every later row that shares anything
with it: the outcome is that of writing row by row.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from biobank.wire.errors import Problem
from specimens.master.writes.rows import Row, Token
from specimens.participant.writes.planning import RegistrationPlan
from specimens.protocol.models import CollectionProtocol
from specimens.visit.writes.planning import VisitPlan

Key = tuple[Hashable, ...]


@dataclass(slots=True, eq=False)
class Unit:
    """A visit that rows of one registration name in the same way; the first row's values hold for all."""

    key: Key
    rows: list[Row] = field(default_factory=list)
    pk: int | None = None
    plan: VisitPlan | None = None
    alive: bool = False

    @property
    def leader(self) -> Row:
        return self.rows[0]

    def alike(self, row: Row) -> bool:
        """Whether the visit would come out the same if this row were the first."""
        return row.visit == self.leader.visit and row.when == self.leader.when


@dataclass(slots=True, eq=False)
class Group:
    """A registration that rows name in the same way; the first row's values hold for all."""

    key: Key
    rows: list[Row] = field(default_factory=list)
    units: dict[Key, Unit] = field(default_factory=dict)
    protocol: CollectionProtocol | None = None
    pk: int | None = None
    problems: tuple[Problem, ...] = ()
    plan: RegistrationPlan | None = None
    alive: bool = False

    @property
    def leader(self) -> Row:
        return self.rows[0]

    def alike(self, row: Row) -> bool:
        """Whether the registration would come out the same if this row were the first."""
        return row.registration == self.leader.registration and row.person == self.leader.person

    def add(self, row: Row, unit_key: Key | None) -> None:
        self.rows.append(row)
        if unit_key is not None:
            self.units.setdefault(unit_key, Unit(unit_key)).rows.append(row)


@dataclass(slots=True)
class Batch:
    """Rows that can be planned together, in the order of the file."""

    rows: list[Row] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)


def take(rows: Sequence[Row], zone: tzinfo, *, merges: bool) -> tuple[Batch, list[Row]]:
    """The rows that can be written now, and those that have to wait.

    `merges`: rows may share a new registration. They may not where the caller has no right to change it.
    """
    batch, rest = Batch(), []
    owners: dict[Token, Group | None] = {}  # of every token that a row of the batch has
    blocked: set[Token] = set()
    for row in rows:
        group, unit_key = None, None
        fits = blocked.isdisjoint(row.tokens) and not any(token in owners for token in row.names)
        if fits and row.primary:
            found = {id(one): one for token in row.tokens if (one := owners.get(token)) is not None}
            group = next(iter(found.values()), None) or Group(_key(row))
            unit_key = visit_key(row, zone) if row.has_visit else None
            fits = len(found) <= 1 and _admits(group, row, unit_key, merges=merges)
        if not fits:
            blocked.update(row.tokens)
            rest.append(row)
            continue
        batch.rows.append(row)
        owners.update(dict.fromkeys(row.tokens, group))
        if group is not None:
            if not group.rows:
                batch.groups.append(group)
            group.add(row, unit_key)
    return batch, rest


def _key(row: Row) -> Key:
    """By what the registration is looked for."""
    found = row.identifiers
    if not found:
        return (row.cp, row.place)
    return (row.cp, found[0]) if found[0][0] != "mrn" else (row.cp, *found)


def visit_key(row: Row, zone: tzinfo) -> Key:
    """By what the visit is looked for: its name, else event and calendar day."""
    if name := row.visit.get("name"):
        return "name", name
    return "day", (row.visit.get("event_label") or "").lower() or None, row.when.astimezone(zone).date()


def _admits(group: Group, row: Row, unit_key: Key | None, *, merges: bool) -> bool:
    """Whether the row says nothing but what the group's rows say already, or names a visit of its own."""
    if not group.rows:
        return True
    leader = group.leader
    if not merges or group.key != _key(row):
        return False
    if not (row.registration.items() <= leader.registration.items() and _within(row, leader)):
        return False
    if unit_key is None:
        return True
    unit = group.units.get(unit_key)
    if unit is not None:
        return row.visit.items() <= unit.leader.visit.items()
    return all(_apart(unit_key, other) for other in group.units)


def _within(row: Row, leader: Row) -> bool:
    return row.person.items() <= leader.person.items()


def _apart(one: Key, other: Key) -> bool:
    """Whether two ways to name a visit of a registration can never mean the same one."""
    if one[0] != other[0]:
        return False  # a named visit may be the one of the day
    if one[0] == "name" or one[2] != other[2]:
        return True
    return one[1] is not None and other[1] is not None  # any event of the day is none of these


# --- What is left of a batch when some rows fail ------------------------------------------------------


def settle(batch: Batch) -> None:
    """Find out which records are written, and send rows back that relied on one that is not.

    A record is written as planned if the first row that can do so says the same as the row it was planned from.
    """
    while _settle_once(batch):
        pass


def _settle_once(batch: Batch) -> bool:
    before = sum(row.later for row in batch.rows)
    for group in batch.groups:
        for unit in group.units.values():
            unit.alive = _cut(unit.rows, unit)
            if not unit.alive and (unit.plan is not None or unit.leader.alone):
                _send_back(_relying_on_sites(group, unit))
        group.alive = _cut(group.rows, group)
    waiting: set[str | None] = set()
    for row in batch.rows:
        if row.parent_label is not None and row.parent_label in waiting:
            _send_back([row])
        if row.is_open and row.label:
            waiting.add(row.label)
    return sum(row.later for row in batch.rows) != before


def _cut(rows: Sequence[Row], record: Group | Unit) -> bool:
    """Whether the record is written; when not, the rows from the first on that cannot do without go back."""
    for place, row in enumerate(rows):
        if row.problems and record.alike(row):
            continue
        if row.is_good and record.alike(row) and record.plan is not None:
            return True
        _send_back(rows[place + 1 :] if row.alone else rows[place:])
        return False
    return False


def _relying_on_sites(group: Group, gone: Unit) -> Iterable[Row]:
    """Rows of later visits without a site: they may have got that of a visit that is not written."""
    own = set(map(id, gone.rows))
    return [
        row
        for row in group.rows
        if row.place > gone.leader.place and id(row) not in own and row.has_visit and "site" not in row.visit
    ]


def _send_back(rows: Iterable[Row]) -> None:
    for row in rows:
        row.later, row.alone, row.problems = True, False, ()
