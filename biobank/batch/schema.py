"""How an entity declares its CSV: imports, exports, templates and documentation walk one declaration (spec 04 §4)."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

from biobank.access import Actor
from biobank.batch.door import Door, Refusal
from biobank.wire.detail import Payload
from biobank.wire.errors import Problem


class Cell(Enum):
    """How the text of a cell becomes a JSON value, and back (spec 04 §3)."""

    TEXT = "text"
    NUMBER = "number"
    WHOLE = "whole"
    FLAG = "boolean"
    DAY = "dateOnly"
    DATE = "date"  # an instant, written without its time: local midnight
    INSTANT = "datetime"
    FILE = "file"  # the bare name of a file in the archive's folder


class Operation(StrEnum):
    """What an import does with a row; `UPSERT` updates what is there and creates the rest."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    UPSERT = "UPSERT"


CREATE_ONLY = frozenset({Operation.CREATE})
ALL = frozenset(Operation)


@dataclass(frozen=True, slots=True)
class Column:
    """`caption` in the CSV, `attribute` (camelCase JSON key) in the record; `multiple` repeats as `Caption#1`, `#2`.

    `codes` are the problems that are this column's fault: reports name the column with them. `hint` tells people
    what belongs in the cell. A column without `template` is read where a file has it and exported, but templates
    do not offer it. `on_create` is where an id goes that stands in a row to create: it names no record, but tells
    that the row was exported; without it such an id is dropped.
    """

    caption: str
    attribute: str
    cell: Cell = Cell.TEXT
    multiple: bool = False
    key: bool = False  # part of the grouping key of multiple-rows files
    aliases: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    hint: str = ""
    template: bool = True
    on_create: str | None = None


@dataclass(frozen=True, slots=True)
class Sub:
    """A nested record: its captions are prefixed with `caption` (none: no prefix); `multiple` numbers them.

    `one_a_row`: the record is a list, but each row of a multiple-rows file holds one item, without a number.
    """

    attribute: str
    columns: Sequence["Column | Sub"]
    caption: str | None = None
    multiple: bool = False
    one_a_row: bool = False


Items = Sequence[Column | Sub]
Params = Mapping[str, str | None]


@dataclass(frozen=True)
class Matching:
    """Which stored record a row means (spec 04 §3.4). All functions take details.

    `find` answers, in order, the record's key, None when there is none, or a `Refusal` when the row cannot say
    which; a fixed number of queries for a batch, and only records the caller may see. `missing` is the problem of
    an update that finds nothing. `keys` are the natural keys a row names, as compared (case folded where the find
    is): two rows that share one are never written in the same batch, so the second sees what the first did.
    """

    find: Callable[[Sequence[Any], Actor], Sequence[int | Refusal | None]]
    missing: Callable[[Any], Problem]
    keys: Callable[[Any], Iterable[Hashable]]
    upserts: bool = False  # UPSERT creates what is not found; otherwise it acts as UPDATE


@dataclass(frozen=True)
class Attachments:
    """Files that rows bring along in an archive (spec 04 §3.3).

    `name_of` answers the file a row names (None: none). `attach` is called after the rows are written, in the same
    transaction, with records and files; it answers the problems of each, in order. `missing` is the problem of a
    row whose file is not in the archive.
    """

    name_of: Callable[[Any], str | None]
    missing: Callable[[str], Problem]
    attach: Callable[[Sequence[tuple[int, Path]], Actor], Sequence[tuple[Problem, ...]]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export job asks for (spec 04 §6.1)."""

    params: Params = field(default_factory=dict)
    record_ids: Sequence[int] | None = None

    @property
    def cp_id(self) -> int | None:
        """The protocol asked for; None (absent, blank, `-1`, not a number) means all."""
        text = (self.params.get("cpId") or "").strip()
        return int(text) if text.isdecimal() else None

    def texts(self, name: str, separator: str = ",") -> list[str]:
        """A parameter that lists values; empty when it is absent."""
        return [text for part in (self.params.get(name) or "").split(separator) if (text := part.strip())]


@dataclass(frozen=True)
class Export:
    """How records of a schema are read back into CSV (spec 04 §6).

    `batches` answers details (of the schema's shape, or dicts with the columns' attributes) in their final order,
    some hundreds at a time, of the records the caller may export; a caller without the right gets none. Each batch
    costs a fixed number of queries. `files` answers, for a batch of details, the attachment each one's file
    column names: (original name, path) or None.
    """

    batches: Callable[[Wanted, Actor], Iterator[Sequence[Any]]]
    label: str | None = None  # None: the schema's
    columns: Items | None = None  # None: the schema's
    files: Callable[[Sequence[Any]], Sequence[tuple[str, Path] | None]] | None = None


@dataclass(frozen=True)
class ImportSchema:
    """One kind of record in CSV.

    `door` writes all rows, unless `update_door` is given for those that update; both take a detail of which only the
    attributes that the row names are set, so an update is partial (spec 04 §3.4). Without `matching`, the operation
    does not matter: the door itself finds out what is there. `door` None: the schema can only be exported.
    """

    name: str  # the wire name, case sensitive
    label: str  # plural, as in `#41 Create Participant Registrations`
    detail: type[Payload]
    door: Door[Any, Any] | None
    columns: Items
    operations: frozenset[Operation] = field(default=CREATE_ONLY)
    matching: Matching | None = None
    update_door: Door[Any, Any] | None = None
    attachments: Attachments | None = None
    export: Export | None = None
    columns_for: Callable[[Params], Items] | None = None  # columns that depend on a job's parameters
    about: str = ""  # a paragraph for the documentation page: what a row does, what it must name

    def columns_with(self, params: Params) -> Items:
        """The columns a job with these parameters has."""
        return self.columns if self.columns_for is None else self.columns_for(params)


_schemas: dict[str, ImportSchema] = {}


def register(schema: ImportSchema) -> ImportSchema:
    """Make a schema known under its name; called from an entity's imports.py."""
    _schemas[schema.name] = schema
    return schema


def find(name: str) -> ImportSchema | None:
    return _schemas.get(name)


def names() -> list[str]:
    """Schemas that can be imported."""
    return sorted(name for name, schema in _schemas.items() if schema.door is not None)


def exportable() -> list[str]:
    """Schemas that can be exported."""
    return sorted(name for name, schema in _schemas.items() if schema.export is not None)
