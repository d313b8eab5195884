"""From details to rows of cells, for a schema (spec 04 §3.1, §6.3).

How many columns a repeated construct needs is known only when every record was seen. So a record is flattened to a
`Row` first: stretches of cells that every record has, joined, and between them the repeated parts as lists. When all
have passed, `Layout.line` pads the lists to the widest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_snake

from biobank.batch import shapes
from biobank.batch.schema import Cell, Column, Items, Sub
from biobank.tabular.lines import guarded
from exports.objects.cells import Formats, Write, writer

JOINT = "\0"  # stands between cells; no text of the database holds it
_COLUMN, _RECORD, _REPEATED, _FILE = range(4)
Row = list[Any]  # str (joined cells) and list (an entry for each instance: str, or a Row again), in turns


class Layout:
    """The columns of one export; `rows` learns how wide its repeated parts are, the rest needs to know it."""

    def __init__(self, items: Items, formats: Formats) -> None:
        self._record = _Record(items, formats)

    def rows(self, detail: Any, file: str = "") -> Iterator[Row]:
        """The rows of a record: one, or one an item of the list that is spread over rows. `file`: its attachment."""
        file = guarded(file)
        for item in self._record.spread(detail):
            yield self._record.row(detail, item, file)

    def header(self) -> str:
        """The captions, joined."""
        return JOINT.join(guarded(caption) for caption in self._record.captions(""))

    def line(self, row: Row) -> str:
        """The cells of a row, joined, as many as the header has."""
        return self._record.padded(row)


def csv_line(joined: str, between: str) -> str:
    """A line of quoted cells; `between` is a quote, the separator, and a quote."""
    if '"' in joined:
        joined = joined.replace('"', '""')
    return f'"{joined.replace(JOINT, between)}"\n'


class _Record:
    """The columns of a record, or of a sub-record: then its cells stand among those of its parent."""

    def __init__(self, items: Items, formats: Formats) -> None:
        self._items = items
        self._keys = tuple(item.attribute for item in items)
        self._parts = [_part(item, formats) for item in items]
        self._kinds: list[tuple[int, Any]] = [(_kind(part), part) for part in self._parts]
        self._spread = next((n for n, i in enumerate(items) if isinstance(i, Sub) and i.one_a_row), -1)
        self._getters: dict[type, Callable[[Any], Sequence[Any]]] = {}
        self._nothing = (None,) * len(items)

    def spread(self, detail: Any) -> Sequence[Any]:
        """What the rows of the record differ in; one None when there is nothing of the kind."""
        return (self._values(detail)[self._spread] if self._spread >= 0 else None) or (None,)

    def row(self, detail: Any, item: Any = None, file: str = "") -> Row:
        row: Row = []
        row.append(JOINT.join(self._walk(detail, [], row, item, file)))
        return row

    def _walk(self, detail: Any, cells: list[str], row: Row, item: Any, file: str) -> list[str]:
        """Append cells; where something repeated stands, the cells so far and the instances go into the row."""
        if detail is None and self._blanks is not None:
            cells += self._blanks
            return cells
        values = self._values(detail)
        if self._spread >= 0:
            values = [*values[: self._spread], item, *values[self._spread + 1 :]]
        for (kind, part), value in zip(self._kinds, values, strict=True):
            if kind is _COLUMN:
                cells.append("" if value is None else part(value))
            elif kind is _RECORD:
                cells = part._walk(value, cells, row, None, file)
            elif kind is _REPEATED:
                row += (JOINT.join(cells), part.instances(value))
                cells = []
            else:
                cells.append(file)
        return cells

    @cached_property
    def _blanks(self) -> list[str] | None:
        """The cells when there is no such record; None when they are not all of one stretch."""
        plain = len(self._stretches) == 1 and not any(kind is _FILE for kind, _ in self._kinds)
        return [""] * self._stretches[0] if plain else None

    def padded(self, row: Row) -> str:
        if len(row) == 1:
            return row[0]  # type: ignore[no-any-return]
        found: list[str] = []
        for number, value in enumerate(row):
            half, odd = divmod(number, 2)
            if odd:
                found += self._repeated[half].padded(value)
            elif self._stretches[half]:
                found.append(value)
        return JOINT.join(found)

    def captions(self, prefix: str) -> Iterator[str]:
        for item, part in zip(self._items, self._parts, strict=True):
            name = prefix if item.caption is None else f"{prefix}{item.caption}"
            if isinstance(part, _Repeated):
                yield from part.captions(name)
            elif isinstance(part, _Record):
                yield from part.captions(name if item.caption is None else f"{name}#")
            else:
                yield name

    @cached_property
    def _stretches(self) -> list[int]:
        """How many cells stand before, between and behind the repeated parts."""
        found = [0]
        for part in self._parts:
            if isinstance(part, _Repeated):
                found.append(0)
            elif isinstance(part, _Record):
                first, *others = part._stretches
                found[-1] += first
                found += others
            else:
                found[-1] += 1
        return found

    @cached_property
    def _repeated(self) -> list["_Repeated"]:
        """The repeated parts in their order, those of sub-records among them."""
        found: list[_Repeated] = []
        for part in self._parts:
            if isinstance(part, _Repeated):
                found.append(part)
            elif isinstance(part, _Record):
                found += part._repeated
        return found

    def _values(self, detail: Any) -> Sequence[Any]:
        """The values of the columns and sub-records, in their order."""
        if detail is None:
            return self._nothing
        kind = type(detail)
        get = self._getters.get(kind)
        if get is None:
            get = self._getters[kind] = _getter(kind, self._keys)
        return get(detail)


class _Repeated:
    """A repeated column or sub-record, and the most instances a record has."""

    def __init__(self, write: Write | None, record: _Record | None) -> None:
        self._write, self._record = write, record
        self.width = 1

    def instances(self, values: Sequence[Any] | None) -> list[Any]:
        """What is blank is left out: reading stops at the first gap."""
        if not values:
            return []
        if self._write is not None:
            write = self._write
            found: list[Any] = [text for value in values if value is not None and (text := write(value))]
        else:
            found = [row for value in values if _is_filled(row := self._entry(value))]
        self.width = max(self.width, len(found))
        return found

    def _entry(self, value: Any) -> Any:
        assert self._record is not None  # noqa: S101 - it has one or the other
        row = self._record.row(value)
        return row[0] if len(row) == 1 else row

    def padded(self, entries: list[Any]) -> list[str]:
        found = [entry if isinstance(entry, str) else self._record.padded(entry) for entry in entries]  # type: ignore[union-attr]
        return found + [self._blank] * (self.width - len(found))

    @cached_property
    def _blank(self) -> str:
        return "" if self._record is None else self._record.padded(self._record.row(None))

    def captions(self, name: str) -> Iterator[str]:
        for number in range(1, self.width + 1):
            if self._record is None:
                yield f"{name}#{number}"
            else:
                yield from self._record.captions(f"{name}#{number}#")


def _is_filled(entry: str | Row) -> bool:
    return bool(entry.strip(JOINT)) if isinstance(entry, str) else any(map(_is_filled, entry))


def _kind(part: Any) -> int:
    if part is None:
        return _FILE
    return _RECORD if isinstance(part, _Record) else _REPEATED if isinstance(part, _Repeated) else _COLUMN


def _part(item: Column | Sub, formats: Formats) -> Write | _Record | _Repeated | None:
    """What writes an item; None for the name of an attachment."""
    if isinstance(item, Column):
        if item.cell is Cell.FILE:
            return None
        write = writer(item.cell, formats)
        return _Repeated(write, None) if item.multiple else write
    record = _Record(item.columns, formats)
    return _Repeated(None, record) if item.multiple and not item.one_a_row else record


def _getter(kind: type, keys: tuple[str, ...]) -> Callable[[Any], Sequence[Any]]:
    """What takes the values of such attributes out of a dict, a detail, or anything with attributes."""
    if issubclass(kind, Mapping):
        return lambda found: [found.get(key) for key in keys]
    if issubclass(kind, BaseModel):
        known = shapes.fields(kind)
        names = [known[key][0] if key in known else key for key in keys]
        return lambda found: list(map(found.__dict__.get, names))
    names = [to_snake(key) for key in keys]
    return lambda found: [getattr(found, name, None) for name in names]
