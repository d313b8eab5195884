"""Wide rows: several records of one owner side by side in one row (spec 05 §2.3)."""
# ruff: noqa: S608 - names come from the catalogue, values are always parameters

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from biobank.catalogue import Fold
from queries.columns import Output, Selected
from queries.sql import Sql, sql

_FOLDED = {
    "OFF": frozenset[Fold](),
    "SHALLOW": frozenset({Fold.VALUES}),
    "DEEP": frozenset({Fold.VALUES, Fold.RECORDS}),
}


def folded_by(mode: str) -> frozenset[Fold]:
    """Which many-rows joins become columns in a wide-row mode."""
    return _FOLDED[mode]


@dataclass(frozen=True, slots=True)
class Group:
    """Columns of one record that are repeated together; `key` tells records apart in the joined rows."""

    key: str
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each selected column goes: a number is a plain column, a `Group` its repeated sets."""

    joined: Sql
    selected: tuple[Selected, ...]
    row_keys: tuple[str, ...]
    places: tuple[int | Group, ...]

    @property
    def groups(self) -> list[Group]:
        return [place for place in self.places if isinstance(place, Group)]

    def probe(self) -> Sql:
        """How many column sets each group needs: one row, one number a group; at least one column always."""
        counts = [f"count(DISTINCT {group.key}) AS n{i}" for i, group in enumerate(self.groups)]
        if not counts:
            return Sql("SELECT 1")
        most = ", ".join(f"max(n{i})" for i in range(len(counts)))
        return sql(
            f"SELECT {most} FROM (SELECT {', '.join(counts)} FROM ({{}}) b GROUP BY {self._keys()}) w",
            self.joined,
        )

    def outputs(self, widths: Sequence[int | None]) -> list[Output]:
        found: list[Output] = []
        sets = iter(self._widths(widths))
        for place in self.places:
            if isinstance(place, Group):
                found += [self.selected[index].output for _ in range(next(sets)) for index in place.members]
            else:
                found.append(self.selected[place].output)
        return found

    def select(self, widths: Sequence[int | None], *, counted: bool) -> Sql:
        """The folded SELECT; `counted` adds a last column, the number of joined rows of each row."""
        plain = [place for place in self.places if isinstance(place, int)]
        inner = [f"k{i}" for i in range(len(self.row_keys))] + [f"c{index}" for index in plain]
        groups = []
        for number, group in enumerate(self.groups):
            record = ", ".join([group.key, *(f"c{index}" for index in group.members)])
            groups.append(
                f"array_agg(DISTINCT ARRAY[{record}]) FILTER (WHERE {group.key} IS NOT NULL) AS g{number}"
            )
        aggregates = ", ".join([*groups, "count(*) AS n"])
        outer = self._cells(self._widths(widths)) + (["w.n"] if counted else [])
        return sql(
            f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)}, {aggregates} FROM ({{}}) b"
            f" GROUP BY {', '.join(inner)}) w ORDER BY {self._keys('w.')}",
            self.joined,
        )

    def _cells(self, widths: Sequence[int]) -> list[str]:
        found: list[str] = []
        number = 0
        for place in self.places:
            if isinstance(place, int):
                found.append(f"w.c{place}")
                continue
            for record in range(1, widths[number] + 1):  # the key itself is item 1 of each record
                found += [f"w.g{number}[{record}][{2 + i}]" for i in range(len(place.members))]
            number += 1
        return found

    def _widths(self, widths: Sequence[int | None]) -> list[int]:
        """An empty result still shows each column once."""
        given = [width or 1 for width in widths][: len(self.groups)]
        return given + [1] * (len(self.groups) - len(given))

    def _keys(self, prefix: str = "") -> str:
        return ", ".join(f"{prefix}k{index}" for index in range(len(self.row_keys)))


def layout(joined: Sql, selected: tuple[Selected, ...], row_keys: tuple[str, ...], mode: str) -> Layout:
    """Decide which columns are repeated together.

    A group stands where its first column stands that has no alias beginning with `$`. A column that depends on two
    groups stays plain and multiplies the rows.
    """
    folded = folded_by(mode)
    members: dict[str, list[int]] = {}
    sources: dict[str, dict[str, None]] = {}
    for index, column in enumerate(selected):
        chains = column.folded_chains(folded)
        tops = {chain[0].alias for chain in chains}
        if len(tops) == 1:
            top = tops.pop()
            members.setdefault(top, []).append(index)
            sources.setdefault(top, {}).update({fold.alias: None for chain in chains for fold in chain})
    owners = {index: top for top, indexes in members.items() for index in indexes}
    places: list[int | Group] = []
    for index in range(len(selected)):
        owner = owners.get(index)
        if owner is None:
            places.append(index)
        elif index == _anchor(members[owner], selected):
            places.append(Group(_record_key(list(sources[owner])), tuple(members[owner])))
    return Layout(joined, selected, row_keys, tuple(places))


def _record_key(aliases: Sequence[str]) -> str:
    """Text that sorts like the record ids; null when there is no record."""
    top, *nested = (f"lpad(f_{alias}::text, 20, '0')" for alias in aliases)
    return " || ".join([top, *(f"coalesce({key}, '')" for key in nested)])


def _anchor(indexes: Sequence[int], selected: Sequence[Selected]) -> int:
    visible = [index for index in indexes if not (selected[index].source.alias or "").startswith("$")]
    return (visible or indexes)[0]
