"""From rows of cells to wire details (or plain JSON), a chunk at a time (spec 04 §3, §3.1).

Blank cells leave no trace. Columns that are blank in a whole chunk cost nothing: each chunk gets a plan made of the
others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from biobank.batch import shapes
from biobank.batch.schema import Column, Sub
from biobank.wire.detail import Payload
from importjobs.cells import CLEAR, Convert, Formats, converter, hint_of
from importjobs.header import Place, Tree, match


@dataclass(frozen=True, slots=True)
class Mistake:
    """A cell that cannot be read, or (without caption) a record that its cells do not make."""

    text: str
    caption: str | None = None
    value: str = ""
    hint: str = ""

    def __str__(self) -> str:
        return self.text


Row = Sequence[str]
Mistakes = list[Mistake]
Get = Callable[[Row, Mistakes], Any]  # None: the row says nothing of it


class Builder:
    """Compiled once for a header; with `shape` it makes details, without it JSON objects."""

    def __init__(
        self,
        columns: Sequence[Column | Sub],
        header: Sequence[str],
        formats: Formats,
        *,
        shape: type[Payload] | None = None,
        drop_id: bool = False,
    ) -> None:
        """Raises `Malformed` when two columns mean the same."""
        self._width = len(header)
        self.tree = match(columns, header, drop_id=drop_id)
        self._root = _Record(self.tree, shape, formats)
        listed = [item.attribute for item in columns if isinstance(item, Sub) and item.one_a_row]
        self._items = [name for attribute in listed for name in self._root.names(attribute)]

    def build(self, rows: Sequence[list[str]]) -> Iterator[tuple[Any, Mistakes]]:
        """What each row says, and the cells that could not be read (then the first is not to be used).

        Short rows count as blank at their end, surplus cells are ignored.
        """
        read = self._reader(rows)
        finish = self._root.finish
        for row in rows:
            mistakes: Mistakes = []
            values = read(row, mistakes)
            yield (None if mistakes else finish(values, "row", row, mistakes)), mistakes

    def build_objects(
        self, rows: Sequence[list[str]], sizes: Sequence[int]
    ) -> Iterator[tuple[Any, list[Mistakes]]]:
        """What each object says whose rows follow one another, and the mistakes of each of its rows (spec 04 §3.2).

        Its first row gives the values, every row its item.
        """
        read = self._reader(rows)
        end = 0
        for size in sizes:
            own = rows[end : end + size]
            end += size
            mistakes: list[Mistakes] = [[] for _ in own]
            first, *others = [read(row, wrong) for row, wrong in zip(own, mistakes, strict=True)]
            for name in self._items:
                items = [item for values in (first, *others) for item in values.get(name) or ()]
                if items:
                    first[name] = items
            if any(mistakes):
                yield None, mistakes
            else:
                yield self._root.finish(first, "row", own[0], mistakes[0]), mistakes

    def _reader(self, rows: Sequence[list[str]]) -> Callable[[Row, Mistakes], dict[str, Any]]:
        for row in rows:
            if len(row) < self._width:
                row.extend([""] * (self._width - len(row)))
        return self._root.plan(_Chunk.of(rows))


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Which columns of a chunk hold anything, and which the marker that clears."""

    filled: frozenset[int]
    cleared: frozenset[int]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "_Chunk":
        columns = list(enumerate(zip(*rows, strict=False)))
        filled = [(index, cells) for index, cells in columns if any(cells)]
        return cls(
            frozenset(index for index, _ in filled),
            frozenset(index for index, cells in filled if CLEAR in cells),
        )

    def reading(self, slot: "_Slot") -> Convert | None:
        """How the slot is read here: the marker is looked for only where it occurs."""
        return _clearing(slot.convert) if slot.index in self.cleared else slot.convert


@dataclass(frozen=True, slots=True)
class _Slot:
    index: int
    caption: str
    convert: Convert | None
    hint: str

    def mistake(self, text: str, error: object) -> Mistake:
        return Mistake(f'{self.caption}: "{text[:100]}" {error}', self.caption, text, self.hint)


def _clearing(convert: Convert | None) -> Convert:
    def read(text: str) -> object:
        if text == CLEAR:
            return None
        return text if convert is None else convert(text)

    return read


class _Record:
    """A record or sub-record: where its values come from, under the names that `make` wants."""

    def __init__(self, tree: Tree, shape: type[Payload] | None, formats: Formats) -> None:
        direct = None if shape is None else shapes.maker(shape)
        self._fields = shapes.fields(shape) if shape is not None and direct is not None else None
        self._formats = formats
        self._make: Callable[[dict[str, Any]], Any] = direct or (
            dict if shape is None else shape.model_validate
        )
        self._scalars = [
            (name, self._slot(place, field))
            for key, place in tree.scalars.items()
            for name, field in self._target(key)
        ]
        self._others: list[_List | _Sub | _Numbered] = []
        for key, places in tree.lists.items():
            for name, field in self._target(key):
                slots = [self._slot(place, None) for place in places.values()]
                self._others.append(_List(name, slots, _list_check(places, field)))
        for key, sub in tree.subs.items():
            for name, field in self._target(key):
                record, check = self._inner(sub, field)
                self._others.append(_Sub(name, record, check))
        for key, trees in tree.numbered.items():
            for name, field in self._target(key):
                inner = [self._inner(sub, field) for sub in trees.values()]
                if inner:
                    self._others.append(_Numbered(name, [record for record, _ in inner], inner[0][1]))

    def names(self, key: str) -> list[str]:
        """The name under which a JSON key is kept, if it is."""
        return [name for name, _ in self._target(key)]

    def _target(self, key: str) -> list[tuple[str, FieldInfo | None]]:
        """Name and declaration under which a JSON key is kept; nothing when the shape does not know it."""
        if self._fields is None:
            return [(key, None)]
        return [self._fields[key]] if key in self._fields else []

    def _slot(self, place: Place, field: FieldInfo | None) -> _Slot:
        convert = converter(place.column.cell, self._formats)
        if field is not None and not shapes.fits(place.column.cell, field):
            convert = _both(convert, shapes.checked(field))
        column = place.column
        hint = hint_of(column, self._formats) or f"a text that fits {column.caption}"
        return _Slot(place.index, place.caption, convert, hint)

    def _inner(self, tree: Tree, field: FieldInfo | None) -> tuple["_Record", Convert | None]:
        """A sub-record, and the check its value needs when its shape is not a detail."""
        shape = None if field is None else shapes.inner_shape(field)
        check = None if field is None or shape is not None else shapes.checked(field)
        return _Record(tree, shape, self._formats), check

    def is_filled(self, chunk: _Chunk) -> bool:
        return any(slot.index in chunk.filled for _, slot in self._scalars) or any(
            other.is_filled(chunk) for other in self._others
        )

    def plan(self, chunk: _Chunk) -> Callable[[Row, Mistakes], dict[str, Any]]:
        """What reads this record out of a row of the chunk."""
        scalars = [
            (name, slot.index, chunk.reading(slot), slot)
            for name, slot in self._scalars
            if slot.index in chunk.filled
        ]
        others = [(other.name, other.plan(chunk)) for other in self._others if other.is_filled(chunk)]

        def read(row: Row, mistakes: Mistakes) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for name, index, convert, slot in scalars:
                text = row[index]
                if text:
                    if convert is None:
                        found[name] = text
                    else:
                        try:
                            found[name] = convert(text)
                        except ValueError as error:
                            mistakes.append(slot.mistake(text, error))
            for name, get in others:
                value = get(row, mistakes)
                if value is not None:
                    found[name] = value
            return found

        return read

    def finish(self, values: dict[str, Any], name: str, row: Row, mistakes: Mistakes) -> Any:
        """The record made of its values, or None and what is wrong with them."""
        try:
            return self._make(values)
        except ValidationError as error:
            slots = {key: slot for found, slot in self._scalars for key in self._keys(found)}
            for item in error.errors(include_url=False, include_context=False, include_input=False)[:5]:
                slot = slots.get(str(item["loc"][0])) if item["loc"] else None
                reason = item["msg"].removeprefix("Value error, ")
                path = ".".join(map(str, item["loc"])) or "body"
                mistakes.append(
                    Mistake(f"{path} {reason}") if slot is None else slot.mistake(row[slot.index], reason)
                )
        except ValueError as error:
            mistakes.append(Mistake(f"{name}: {error}"))
        return None

    def _keys(self, name: str) -> list[str]:
        """The names under which validation may speak of a field."""
        aliases = [field.alias for found, field in (self._fields or {}).values() if found == name]
        return [name, *(alias for alias in aliases if alias)]


def _both(first: Convert | None, second: Callable[[Any], Any]) -> Convert:
    return second if first is None else lambda text: second(first(text))


def _list_check(places: dict[int, Place], field: FieldInfo | None) -> Callable[[Any], Any] | None:
    if field is None or not places or shapes.fits(places[1].column.cell, field, multiple=True):
        return None
    return shapes.checked(field)


def _checked(check: Callable[[Any], Any] | None, value: Any, name: str, mistakes: Mistakes) -> Any:
    if check is None:
        return value
    try:
        return check(value)
    except ValueError as error:
        mistakes.append(Mistake(f"{name}: {error}"))
    return None


def _converted(slot: _Slot, text: str, mistakes: Mistakes) -> Any:
    try:
        return text if slot.convert is None else slot.convert(text)
    except ValueError as error:
        mistakes.append(slot.mistake(text, error))
    return None


@dataclass(frozen=True, slots=True)
class _List:
    """A repeated field: read up to the first blank cell, emptied when a cell says so."""

    name: str
    slots: list[_Slot]
    check: Callable[[Any], Any] | None

    def is_filled(self, chunk: _Chunk) -> bool:
        return bool(self.slots) and self.slots[0].index in chunk.filled

    def plan(self, chunk: _Chunk) -> Get:
        def get(row: Row, mistakes: Mistakes) -> Any:
            filled: list[tuple[_Slot, str]] = []
            for slot in self.slots:
                text = row[slot.index]
                if not text:
                    break
                filled.append((slot, text))
            if not filled:
                return None
            if any(text == CLEAR for _, text in filled):
                return []
            values = [_converted(slot, text, mistakes) for slot, text in filled]
            return values if mistakes else _checked(self.check, values, self.name, mistakes)

        return get


@dataclass(frozen=True, slots=True)
class _Sub:
    """A sub-record: absent when all its cells are blank."""

    name: str
    record: _Record
    check: Callable[[Any], Any] | None

    def is_filled(self, chunk: _Chunk) -> bool:
        return self.record.is_filled(chunk)

    def plan(self, chunk: _Chunk) -> Get:
        read, finish = self.record.plan(chunk), self.record.finish

        def get(row: Row, mistakes: Mistakes) -> Any:
            values = read(row, mistakes)
            if not values or mistakes:
                return None
            made = finish(values, self.name, row, mistakes)
            return made if mistakes else _checked(self.check, made, self.name, mistakes)

        return get


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A repeated sub-record: read up to the first empty one; items made of markers only are dropped."""

    name: str
    records: list[_Record]
    check: Callable[[Any], Any] | None

    def is_filled(self, chunk: _Chunk) -> bool:
        return self.records[0].is_filled(chunk)

    def plan(self, chunk: _Chunk) -> Get:
        live = [record for record in self.records if record.is_filled(chunk)]
        plans = [(record.plan(chunk), record.finish) for record in live]

        def get(row: Row, mistakes: Mistakes) -> Any:
            items: list[Any] = []
            count = 0
            for read, finish in plans:
                values = read(row, mistakes)
                if not values or mistakes:
                    break
                count += 1
                if not all(value is None or value == [] for value in values.values()):
                    items.append(finish(values, self.name, row, mistakes))
            if not count or mistakes:
                return None
            return _checked(self.check, items, self.name, mistakes)

        return get
