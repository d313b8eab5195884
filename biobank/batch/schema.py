"""How an entity declares its CSV imports; template, reader and documentation walk the same declaration (spec 04 §4)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from biobank.batch.door import Door
from biobank.wire.detail import Payload


class Cell(Enum):
    """How the text of a cell becomes a JSON value (spec 04 §3)."""

    TEXT = "text"
    NUMBER = "number"
    WHOLE = "whole"
    FLAG = "boolean"
    DAY = "dateOnly"
    INSTANT = "datetime"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Column:
    """`caption` in the CSV, `attribute` (camelCase JSON key) in the record; `multiple` repeats as `Caption#1`, `#2`."""

    caption: str
    attribute: str
    cell: Cell = Cell.TEXT
    multiple: bool = False
    key: bool = False  # part of the grouping key of multiple-rows files
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sub:
    """A nested record: its captions are prefixed with `caption` (none: no prefix); `multiple` numbers them."""

    attribute: str
    columns: Sequence["Column | Sub"]
    caption: str | None = None
    multiple: bool = False


@dataclass(frozen=True)
class ImportSchema:
    """One importable kind of record."""

    name: str  # the wire name, case sensitive
    label: str  # plural, as in `#41 Create Participant Registrations`
    detail: type[Payload]
    door: Door[Any, Any]
    columns: Sequence[Column | Sub]
    operations: frozenset[str] = field(default=frozenset({"CREATE"}))


_schemas: dict[str, ImportSchema] = {}


def register(schema: ImportSchema) -> ImportSchema:
    """Make a schema known under its name; called from an entity's imports.py."""
    _schemas[schema.name] = schema
    return schema


def find(name: str) -> ImportSchema | None:
    return _schemas.get(name)


def names() -> list[str]:
    return sorted(_schemas)
