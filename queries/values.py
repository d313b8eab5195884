"""Typed SQL expressions, and what every part of the compiler needs to know about the caller (spec 05 §1.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from biobank.catalogue import Field, Kind
from queries.errors import Malformed
from queries.moments import Formats
from queries.sql import Sql, sql, value
from queries.tree import Scalar


class Type(StrEnum):
    """The types reported in `columnTypes`."""

    STRING = "STRING"
    INTEGER = "INTEGER"
    FLOAT = "FLOAT"
    DATE = "DATE"
    BOOLEAN = "BOOLEAN"


NUMBERS = (Type.INTEGER, Type.FLOAT, Type.BOOLEAN)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Who runs the query, when, and how values print for them."""

    now: datetime
    user_id: int = 0
    server_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    user_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    formats: Formats = field(default_factory=Formats)
    iso: bool = False
    case_sensitive: bool = True
    quantity_scale: int = 0

    @property
    def today(self) -> date:
        return self.now.astimezone(self.server_zone).date()


@dataclass(frozen=True, slots=True)
class Value:
    """An expression in SQL.

    `type` is what it holds and `reported` what `columnTypes` says; `whole` means an SQL integer, `is_day` an SQL
    date (other dates are instants); `field` is set for a bare field, `literal` for a literal.
    """

    sql: Sql
    type: Type
    reported: Type
    whole: bool = False
    is_day: bool = False
    scale: int = 0
    field: Field | None = None
    literal: Scalar | None = None
    phi: bool = False
    aggregate: bool = False

    @property
    def is_number(self) -> bool:
        return self.type in NUMBERS


def plain(text: Sql, kind: Type, **more: object) -> Value:
    """A value whose reported type is its own."""
    return Value(text, kind, kind, **more)  # type: ignore[arg-type]


def of_field(text: str, found: Field, quantity_scale: int) -> Value:
    """A bare field of the catalogue."""
    fragment = Sql(text)
    match found.kind:
        case Kind.TEXT:
            kind = Type.STRING
        case Kind.FLAG:
            kind = Type.BOOLEAN
        case Kind.WHOLE:
            return plain(fragment, Type.INTEGER, whole=True, field=found, phi=found.phi)
        case Kind.NUMBER | Kind.QUANTITY:
            scale = quantity_scale if found.kind is Kind.QUANTITY else found.scale
            kind = Type.FLOAT if scale else Type.INTEGER
            return plain(fragment, kind, scale=scale, field=found, phi=found.phi)
        case Kind.DAY:
            return plain(fragment, Type.DATE, is_day=True, field=found, phi=found.phi)
        case _:
            kind = Type.DATE
    return plain(fragment, kind, field=found, phi=found.phi)


def of_literal(content: Scalar) -> Value:
    if isinstance(content, bool):
        return plain(Sql("TRUE" if content else "FALSE"), Type.BOOLEAN, literal=content)
    if isinstance(content, str):
        return plain(sql("{}::text", value(content)), Type.STRING, literal=content)
    if isinstance(content, int):
        return plain(value(content), Type.INTEGER, whole=True, literal=content)
    return plain(value(content), Type.FLOAT, literal=content)


def number(found: Value) -> Sql:
    """The value as an SQL number; booleans count as 1 and 0. Raises Malformed for anything else."""
    if found.type is Type.BOOLEAN:
        return sql("({})::int", found.sql)
    if not found.is_number:
        raise Malformed(f"A number is needed where {found.type.lower()} stands")
    return found.sql


def instant(found: Value, around: Surroundings) -> Sql:
    """A date as a timestamp with time zone; a calendar day begins at midnight of the server's zone."""
    if not found.is_day:
        return found.sql
    zone = value(around.server_zone.key)
    return sql("(({})::timestamp AT TIME ZONE {})", found.sql, zone)


def local(found: Value, zone: ZoneInfo) -> Sql:
    """A date as a timestamp of that zone's clocks; calendar days are not converted."""
    if found.is_day:
        return sql("({})::timestamp", found.sql)
    return sql("(({}) AT TIME ZONE {})", found.sql, value(zone.key))
