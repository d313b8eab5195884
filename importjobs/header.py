"""From the header of a file to a compiled way of building JSON from its rows (spec 04 §3, §3.1)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from biobank.batch.schema import Column, ImportSchema, Sub
from importjobs.cells import CLEAR, Convert, Formats, converter
from importjobs.errors import Malformed

Items = Sequence[Column | Sub]
Mistakes = list[str]
TEMPLATE_REPEATS = 2


def captions(items: Items, prefix: str = "") -> Iterator[str]:
    """The header of a template: everything repeated appears twice (spec 04 §3.1)."""
    for item in items:
        for number in [f"#{n}" for n in range(1, TEMPLATE_REPEATS + 1)] if item.multiple else [""]:
            if isinstance(item, Column):
                yield f"{prefix}{item.caption}{number}"
            elif item.caption is None:
                yield from captions(item.columns, prefix)
            else:
                yield from captions(item.columns, f"{prefix}{item.caption}{number}#")


@dataclass(slots=True)
class _Slot:
    """One cell of the row: where it stands, what it is called, how it is read."""

    index: int
    caption: str
    convert: Convert | None

    def value(self, text: str, mistakes: Mistakes) -> Any:
        if text == CLEAR:
            return None
        if self.convert is None:
            return text
        try:
            return self.convert(text)
        except ValueError as error:
            mistakes.append(f'{self.caption}: "{text[:100]}" {error}')
            return None


@dataclass(slots=True)
class _Record:
    """A record or sub-record, as far as the header mentions it."""

    scalars: list[tuple[str, _Slot]] = field(default_factory=list)
    lists: dict[str, dict[int, _Slot]] = field(default_factory=dict)
    subs: dict[str, "_Record"] = field(default_factory=dict)
    numbered: dict[str, dict[int, "_Record"]] = field(default_factory=dict)

    def settle(self) -> None:
        """Drop what stands behind a gap in the numbering: reading stops at the first missing number."""
        self.lists = {key: _without_gaps(slots) for key, slots in self.lists.items()}
        self.numbered = {key: _without_gaps(records) for key, records in self.numbered.items()}
        for record in [*self.subs.values(), *(r for group in self.numbered.values() for r in group.values())]:
            record.settle()

    def build(self, row: Sequence[str], mistakes: Mistakes) -> dict[str, Any]:
        """The JSON of this record; blank cells leave no trace."""
        data: dict[str, Any] = {}
        for key, slot in self.scalars:
            text = row[slot.index]
            if text:
                data[key] = text if slot.convert is None and text != CLEAR else slot.value(text, mistakes)
        for key, slots in self.lists.items():
            texts = _filled(slots, row)
            if texts:
                cleared = any(text == CLEAR for _, text in texts)
                data[key] = [] if cleared else [slot.value(text, mistakes) for slot, text in texts]
        for key, record in self.subs.items():
            found = record.build(row, mistakes)
            if found:
                data[key] = found
        for key, records in self.numbered.items():
            items = _items(records.values(), row, mistakes)
            if items is not None:
                data[key] = items
        return data


def _without_gaps(numbered: dict[int, Any]) -> dict[int, Any]:
    kept: dict[int, Any] = {}
    for number in range(1, len(numbered) + 1):
        if number not in numbered:
            break
        kept[number] = numbered[number]
    return kept


def _filled(slots: dict[int, _Slot], row: Sequence[str]) -> list[tuple[_Slot, str]]:
    found: list[tuple[_Slot, str]] = []
    for slot in slots.values():
        text = row[slot.index]
        if not text:
            break
        found.append((slot, text))
    return found


def _items(records: Iterable[_Record], row: Sequence[str], mistakes: Mistakes) -> list[dict[str, Any]] | None:
    """The items up to the first empty one; those made of markers only are dropped; None when there is none."""
    found: list[dict[str, Any]] | None = None
    for record in records:
        item = record.build(row, mistakes)
        if not item:
            break
        found = [] if found is None else found
        if not _is_cleared(item):
            found.append(item)
    return found


def _is_cleared(item: dict[str, Any]) -> bool:
    return all(value is None or value == [] for value in item.values())


class HeaderMap:
    """What the columns of one file mean to a schema; unknown columns mean nothing.

    Raises `Malformed` when two columns mean the same attribute.
    """

    def __init__(
        self, schema: ImportSchema, header: Sequence[str], formats: Formats, *, drop_id: bool
    ) -> None:
        self._width = len(header)
        self._formats = formats
        self._taken: dict[tuple[object, ...], str] = {}
        self._root = _Record()
        self.used: list[str] = []
        items = [item for item in schema.columns if not (drop_id and item.attribute == "id")]
        for index, caption in enumerate(header):
            tokens = [token.strip().lower() for token in caption.split("#")]
            if self._place(self._root, items, tokens, _Source(index, caption), ()):
                self.used.append(caption)
        self._root.settle()

    def build(self, row: list[str]) -> tuple[dict[str, Any], Mistakes]:
        """The JSON of a row, and the cells that could not be read; short rows count as blank at their end."""
        if len(row) < self._width:
            row = row + [""] * (self._width - len(row))
        mistakes: Mistakes = []
        return self._root.build(row, mistakes), mistakes

    def _place(
        self, record: _Record, items: Items, tokens: list[str], source: "_Source", path: tuple[object, ...]
    ) -> bool:
        """Find the declaration that a caption means and put its cell there; False when there is none."""
        return any(
            self._place_column(record, item, tokens, source, path)
            if isinstance(item, Column)
            else self._place_sub(record, item, tokens, source, path)
            for item in items
        )

    def _place_column(
        self, record: _Record, column: Column, tokens: list[str], source: "_Source", path: tuple[object, ...]
    ) -> bool:
        number = _number_behind(tokens, (column.caption, *column.aliases), column.multiple)
        if number is None:
            return False
        self._claim((*path, column.attribute, number), source.caption)
        slot = _Slot(source.index, source.caption, converter(column.cell, self._formats))
        if column.multiple:
            record.lists.setdefault(column.attribute, {})[number] = slot
        else:
            record.scalars.append((column.attribute, slot))
        return True

    def _place_sub(
        self, record: _Record, sub: Sub, tokens: list[str], source: "_Source", path: tuple[object, ...]
    ) -> bool:
        rest, number = tokens, 0
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
        inner = _Record()
        if sub.multiple:
            inner = record.numbered.get(sub.attribute, {}).get(number, inner)
        else:
            inner = record.subs.get(sub.attribute, inner)
        if not self._place(inner, sub.columns, rest, source, (*path, sub.attribute, number)):
            return False
        if sub.multiple:
            record.numbered.setdefault(sub.attribute, {})[number] = inner
        else:
            record.subs[sub.attribute] = inner
        return True

    def _claim(self, place: tuple[object, ...], caption: str) -> None:
        if place in self._taken:
            raise Malformed(f"the columns {self._taken[place]} and {caption} mean the same")
        self._taken[place] = caption


@dataclass(frozen=True, slots=True)
class _Source:
    index: int
    caption: str


def _number_behind(tokens: list[str], names: Iterable[str], multiple: bool) -> int | None:
    """0 for a plain caption, n for `Caption#n`; a repeated field without number is its first; None: no match."""
    for name in names:
        wanted = name.lower().split("#")
        if tokens == wanted:
            return 1 if multiple else 0
        if multiple and tokens[:-1] == wanted and tokens[-1].isdecimal():
            return int(tokens[-1])
    return None
