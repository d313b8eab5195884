"""The typed tree of a query: what the parser builds and the compiler reads (spec 05 §1.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal as OneOf

ArithmeticOp = OneOf["+", "-", "*", "/"]
CompareOp = OneOf["=", "!=", "<", "<=", ">", ">="]
TextOp = OneOf["contains", "starts with", "ends with"]
LogicOp = OneOf["and", "or", "pand"]
ElapsedUnit = OneOf["years", "months", "minutes"]
Scalar = str | int | Decimal | bool


@dataclass(frozen=True, slots=True)
class Path:
    """A field path such as ``Participant.medicalRecord.mrnSiteName``."""

    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    value: Scalar


@dataclass(frozen=True, slots=True)
class Interval:
    """A calendar distance; years and months are calendar months (spec 05 §1.6)."""

    years: int
    months: int
    days: int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    op: ArithmeticOp
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Shifted:
    """A date moved by an interval; ``sign`` is 1 or -1."""

    date: Expr
    sign: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Completed whole units from ``earlier`` to ``later``, negative when reversed (spec 05 §1.7)."""

    unit: ElapsedUnit
    later: Expr
    earlier: Expr


@dataclass(frozen=True, slots=True)
class DateFormat:
    date: Expr
    pattern: str


@dataclass(frozen=True, slots=True)
class Round:
    number: Expr
    places: int


@dataclass(frozen=True, slots=True)
class Concat:
    """Joined texts; ``separator`` is None for ``concat``, whose null arguments make the result null."""

    parts: tuple[Expr, ...]
    separator: str | None


@dataclass(frozen=True, slots=True)
class Now:
    """``current_date()`` or, with ``time``, ``current_timestamp()``."""

    time: bool


@dataclass(frozen=True, slots=True)
class Aggregate:
    function: str
    distinct: bool
    path: Path


Function = Shifted | Elapsed | DateFormat | Round | Concat | Now
Expr = Path | Literal | Arithmetic | Aggregate | Function


@dataclass(frozen=True, slots=True)
class Logic:
    """A chain of conditions joined by one operator; chains of the same operator are flat."""

    op: LogicOp
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    condition: Condition


@dataclass(frozen=True, slots=True)
class NthChild:
    """True if some descendant satisfies the condition (spec 05 §1.12)."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Compare:
    op: CompareOp
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class InList:
    expr: Expr
    negated: bool
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class InQuery:
    expr: Expr
    negated: bool
    query: Statement


@dataclass(frozen=True, slots=True)
class TextMatch:
    expr: Expr
    op: TextOp
    value: str


@dataclass(frozen=True, slots=True)
class Existence:
    """``exists``, ``not exists`` (IS NULL) or ``any`` (always true, but joins the form)."""

    expr: Expr
    op: OneOf["exists", "not exists", "any"]


@dataclass(frozen=True, slots=True)
class Between:
    expr: Expr
    low: Expr
    high: Expr


@dataclass(frozen=True, slots=True)
class DateRange:
    expr: Expr
    name: str
    count: int


Predicate = Compare | InList | InQuery | TextMatch | Existence | Between | DateRange
Condition = Logic | Not | NthChild | Predicate


@dataclass(frozen=True, slots=True)
class Column:
    """One selected expression; ``source`` is its text with single spaces between the tokens."""

    expr: Expr
    alias: str | None
    source: str


@dataclass(frozen=True, slots=True)
class SortKey:
    expr: Expr
    descending: bool


@dataclass(frozen=True, slots=True)
class Limit:
    offset: int
    rows: int


@dataclass(frozen=True, slots=True)
class Crosstab:
    """Positions count from 1; a negative measure stays out of the totals (spec 05 §1.11)."""

    rows: tuple[int, ...]
    column: int
    measures: tuple[int, ...]
    sub_totals: bool


@dataclass(frozen=True, slots=True)
class NamedReport:
    name: str
    arguments: tuple[str, ...]


Report = Crosstab | NamedReport


@dataclass(frozen=True, slots=True)
class Statement:
    """A whole query; ``columns`` is empty for a bare condition."""

    columns: tuple[Column, ...]
    distinct: bool
    where: Condition
    having: Condition | None = None
    order_by: tuple[SortKey, ...] = ()
    limit: Limit | None = None
    report: Report | None = None


def limited(statement: Statement, limit: Limit) -> Statement:
    """The same statement with another limit."""
    return replace(statement, limit=limit)
