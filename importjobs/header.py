"""Which attribute each column of a file means (spec 04 §3, §3.1)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from biobank.batch.schema import Cell, Column, Items, Sub
from importjobs.errors import Malformed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """A cell of every row: where it stands, what the file calls it, what the schema says of it."""

    index: int
    caption: str
    column: Column


@dataclass(slots=True)
class Tree:
    """A record or sub-record, as far as a header mentions it; all keys are JSON attributes."""

    scalars: dict[str, Place] = field(default_factory=dict)
    lists: dict[str, dict[int, Place]] = field(default_factory=dict)
    subs: dict[str, "Tree"] = field(default_factory=dict)
    numbered: dict[str, dict[int, "Tree"]] = field(default_factory=dict)

    def settle(self) -> None:
        """Drop what stands behind a gap in the numbering: reading stops at the first missing number."""
        self.lists = {key: _without_gaps(places) for key, places in self.lists.items()}
        self.numbered = {key: _without_gaps(trees) for key, trees in self.numbered.items()}
        for tree in [*self.subs.values(), *(t for trees in self.numbered.values() for t in trees.values())]:
            tree.settle()


def places(tree: Tree, path: str = "") -> Iterator[tuple[Place, str]]:
    """Every cell of a tree with the path of what it means: `participant.pmis[0].mrn`; lists count from 0."""
    for key, place in tree.scalars.items():
        yield place, f"{path}{key}"
    for key, numbered in tree.lists.items():
        for number, place in numbered.items():
            yield place, f"{path}{key}[{number - 1}]"
    for key, sub in tree.subs.items():
        yield from places(sub, f"{path}{key}.")
    for key, trees in tree.numbered.items():
        for number, inner in trees.items():
            yield from places(inner, f"{path}{key}[{number - 1}].")


def _without_gaps(numbered: dict[int, T]) -> dict[int, T]:
    kept: dict[int, T] = {}
    for number in range(1, len(numbered) + 1):
        if number not in numbered:
            break
        kept[number] = numbered[number]
    return kept


def match(items: Items, header: Sequence[str], *, drop_id: bool) -> Tree:
    """Find the meaning of every column; unknown ones mean nothing, nor does a top-level id with
    `drop_id`, unless its column says where it goes then.

    Raises `Malformed` when two columns mean the same attribute.
    """
    matcher, tree = _Matcher(), Tree()
    wanted = list(_to_create(items)) if drop_id else items
    for index, caption in enumerate(header):
        tokens = [token.strip().lower() for token in caption.split("#")]
        matcher.place(tree, wanted, tokens, (index, caption), ())
    tree.settle()
    return tree


def _to_create(items: Items) -> Iterator[Column | Sub]:
    """The columns of rows that are created: an id names nothing then."""
    for item in items:
        if item.attribute != "id":
            yield item
        elif isinstance(item, Column) and item.on_create is not None:
            yield replace(item, attribute=item.on_create, cell=Cell.TEXT)


class _Matcher:
    def __init__(self) -> None:
        self._taken: dict[tuple[object, ...], str] = {}

    def place(
        self, tree: Tree, items: Items, tokens: list[str], source: tuple[int, str], path: tuple[object, ...]
    ) -> bool:
        """Put a cell where its caption says; False when no declaration has this caption."""
        return any(
            self._place_column(tree, item, tokens, source, path)
            if isinstance(item, Column)
            else self._place_sub(tree, item, tokens, source, path)
            for item in items
        )

    def _place_column(
        self, tree: Tree, column: Column, tokens: list[str], source: tuple[int, str], path: tuple[object, ...]
    ) -> bool:
        number = _number_behind(tokens, (column.caption, *column.aliases), column.multiple)
        if number is None:
            return False
        place = Place(*source, column)
        self._claim((*path, column.attribute, number), place.caption)
        if column.multiple:
            tree.lists.setdefault(column.attribute, {})[number] = place
        else:
            tree.scalars[column.attribute] = place
        return True

    def _place_sub(
        self, tree: Tree, sub: Sub, tokens: list[str], source: tuple[int, str], path: tuple[object, ...]
    ) -> bool:
        rest, number = tokens, int(sub.one_a_row)  # the only item of its row
        listed = sub.multiple or sub.one_a_row
        if sub.caption is not None:
            if tokens[0] != sub.caption.lower():
                return False
            rest = tokens[1:]
            if sub.multiple:
                if not rest or not rest[0].isdecimal():
                    return False
                number, rest = int(rest[0]), rest[1:]
        if not rest:
            return False
        trees = tree.numbered.get(sub.attribute, {}) if listed else {0: tree.subs.get(sub.attribute)}
        inner = trees.get(number) or Tree()
        if not self.place(inner, sub.columns, rest, source, (*path, sub.attribute, number)):
            return False
        if listed:
            tree.numbered.setdefault(sub.attribute, {})[number] = inner
        else:
            tree.subs[sub.attribute] = inner
        return True

    def _claim(self, place: tuple[object, ...], caption: str) -> None:
        if place in self._taken:
            raise Malformed(f"the columns {self._taken[place]} and {caption} mean the same")
        self._taken[place] = caption


def _number_behind(tokens: list[str], names: Iterable[str], multiple: bool) -> int | None:
    """0 for a plain caption, n for `Caption#n`; a repeated field without number is its first; None: no match."""
    for name in names:
        wanted = name.lower().split("#")
        if tokens == wanted:
            return 1 if multiple else 0
        if multiple and tokens[:-1] == wanted and tokens[-1].isdecimal():
            return int(tokens[-1])
    return None
