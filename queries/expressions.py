"""Expressions of the language as typed SQL (spec 05 §1.4, §1.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from queries import tree
from queries.cells import cell
from queries.errors import Malformed
from queries.moments import parse_moment
from queries.scope import Scope
from queries.sql import Sql, listed, sql, value
from queries.values import Surroundings, Type, Value, instant, local, number, of_field, of_literal, plain

_PLACE = re.compile(r"%(\w+)%")
_DATE_PARTS = {
    "year4": "YYYY", "year2": "YY", "month2": "MM", "month3": "Mon", "month": "FMMonth", "month_day": "DD",
    "hour": "HH24", "hour12": "HH12", "minute": "MI", "second": "SS", "meridian": "AM",
}  # fmt: skip


def paths(expr: tree.Expr) -> Iterator[tree.Path]:
    """Every field path of an expression."""
    match expr:
        case tree.Path():
            yield expr
        case tree.Aggregate():
            yield expr.path
        case tree.Arithmetic(left=left, right=right) | tree.Elapsed(later=left, earlier=right):
            yield from paths(left)
            yield from paths(right)
        case tree.Shifted(date=inner) | tree.DateFormat(date=inner) | tree.Round(number=inner):
            yield from paths(inner)
        case tree.Concat(parts=parts):
            for part in parts:
                yield from paths(part)


def has_aggregate(expr: tree.Expr) -> bool:
    """Whether an aggregate stands anywhere in the expression."""
    match expr:
        case tree.Aggregate():
            return True
        case tree.Arithmetic(left=left, right=right) | tree.Elapsed(later=left, earlier=right):
            return has_aggregate(left) or has_aggregate(right)
        case tree.Shifted(date=inner) | tree.DateFormat(date=inner) | tree.Round(number=inner):
            return has_aggregate(inner)
        case tree.Concat(parts=parts):
            return any(has_aggregate(part) for part in parts)
    return False


class Expressions:
    """Compiles expressions against one scope."""

    def __init__(self, scope: Scope, around: Surroundings) -> None:
        self.scope = scope
        self.around = around

    def value(self, expr: tree.Expr, copy: int = 0) -> Value:
        """The expression as SQL; raises Malformed for unknown fields and types that do not fit."""
        match expr:
            case tree.Path():
                found = self.scope.resolve(expr.text, copy)
                return of_field(found.sql, found.field, self.around.quantity_scale)
            case tree.Literal():
                return of_literal(expr.value)
            case tree.Aggregate():
                return self._aggregate(expr, copy)
            case tree.Arithmetic():
                return self._arithmetic(expr, copy)
            case _:
                return self._function(expr, copy)

    def _function(self, expr: tree.Function, copy: int) -> Value:
        match expr:
            case tree.Shifted():
                return self._shifted(expr, copy)
            case tree.Elapsed():
                return self._elapsed(expr, copy)
            case tree.DateFormat():
                return self._date_format(expr, copy)
            case tree.Round():
                return self._round(expr, copy)
            case tree.Concat():
                return self._concat(expr, copy)
            case tree.Now():
                return self._now(expr)

    def _round(self, expr: tree.Round, copy: int) -> Value:
        inner = self.value(expr.number, copy)
        text = sql(f"round(({{}})::numeric, {expr.places})", number(inner))
        return Value(text, inner.type, inner.reported, scale=inner.scale, aggregate=inner.aggregate)

    def date(self, expr: tree.Expr, copy: int = 0) -> Value:
        """An expression that must be a date; a text literal is read as one."""
        found = self.value(expr, copy)
        if found.type is Type.DATE:
            return found
        if isinstance(found.literal, str):
            moment = parse_moment(found.literal, self.around.formats, self.around.server_zone)
            return plain(sql("{}::timestamptz", value(moment.at)), Type.DATE)
        raise Malformed(f"A date is needed where {found.type.lower()} stands")

    def _arithmetic(self, expr: tree.Arithmetic, copy: int) -> Value:
        left, right = self.value(expr.left, copy), self.value(expr.right, copy)
        aggregate = left.aggregate or right.aggregate
        if expr.op == "-" and Type.DATE in (left.type, right.type):
            later, earlier = self.date(expr.left, copy), self.date(expr.right, copy)
            days = sql(
                "(extract(epoch from ({} - {})) / 86400)",
                instant(later, self.around),
                instant(earlier, self.around),
            )
            return plain(days, Type.FLOAT, aggregate=aggregate)
        places = (sql("({})::numeric", number(left)), sql("({})::numeric", number(right)))
        # a division by zero is null, as it is upstream
        template = "({} / NULLIF({}, 0))" if expr.op == "/" else f"({{}} {expr.op} {{}})"
        text = sql(template, *places)
        kind = Type.FLOAT if Type.FLOAT in (left.type, right.type) else Type.INTEGER
        return plain(text, kind, scale=max(left.scale, right.scale), aggregate=aggregate)

    def _shifted(self, expr: tree.Shifted, copy: int) -> Value:
        date = self.date(expr.date, copy)
        distance = expr.interval
        if max(distance.years, distance.months, distance.days) > 10_000_000:
            raise Malformed("The interval is too long")
        months, days = distance.years * 12 + distance.months, distance.days
        step = Sql(f"make_interval(months => {expr.sign * months}, days => {expr.sign * days})")
        moved = sql("({} + {})", local(date, self.around.server_zone), step)
        if date.is_day:
            return plain(sql("({})::date", moved), Type.DATE, is_day=True, aggregate=date.aggregate)
        zone = value(self.around.server_zone.key)
        return plain(sql("({} AT TIME ZONE {})", moved, zone), Type.DATE, aggregate=date.aggregate)

    def _elapsed(self, expr: tree.Elapsed, copy: int) -> Value:
        later, earlier = self.date(expr.later, copy), self.date(expr.earlier, copy)
        aggregate = later.aggregate or earlier.aggregate
        if expr.unit == "minutes":
            ends = (instant(later, self.around), instant(earlier, self.around))
            text = sql("trunc(extract(epoch from ({} - {})) / 60)", *ends)
            return plain(text, Type.FLOAT, aggregate=aggregate)
        zone = self.around.server_zone
        age = sql("age({}, {})", local(later, zone), local(earlier, zone))
        if expr.unit == "years":
            return plain(sql("extract(year from {})", age), Type.FLOAT, aggregate=aggregate)
        months = sql("(extract(year from {}) * 12 + extract(month from {}))", age, age)
        return plain(months, Type.FLOAT, aggregate=aggregate)

    def _date_format(self, expr: tree.DateFormat, copy: int) -> Value:
        date = self.date(expr.date, copy)
        moment = local(date, self.around.server_zone)
        parts: list[Sql] = []
        for index, piece in enumerate(_PLACE.split(expr.pattern)):
            letters = _DATE_PARTS.get(piece) if index % 2 else None
            if letters is not None:
                parts.append(sql("to_char({}, {})", moment, value(letters)))
            elif piece:
                parts.append(sql("{}::text", value(f"%{piece}%" if index % 2 else piece)))
        # the first part makes the result null when the date is
        nothing = sql("left(to_char({}, 'YYYY'), 0)", moment)
        text = sql("({})", listed([nothing, *parts], " || "))
        return plain(text, Type.STRING, aggregate=date.aggregate)

    def _concat(self, expr: tree.Concat, copy: int) -> Value:
        values = [self.value(part, copy) for part in expr.parts]
        texts = [cell(found, self.around) for found in values]
        if expr.separator is None:
            text = sql("({})", listed(texts, " || "))
        else:
            text = sql("concat_ws({}::text, {})", value(expr.separator), listed(texts))
        phi = any(found.phi for found in values)
        return plain(text, Type.STRING, phi=phi, aggregate=any(found.aggregate for found in values))

    def _now(self, expr: tree.Now) -> Value:
        if expr.time:
            return plain(sql("{}::timestamptz", value(self.around.now)), Type.DATE)
        return plain(sql("{}::date", value(self.around.today)), Type.DATE, is_day=True)

    def _aggregate(self, expr: tree.Aggregate, copy: int) -> Value:
        inner = self.value(expr.path, copy)
        function = expr.function.removeprefix("c_")
        operand = inner.sql
        if function in ("sum", "avg") or (function in ("min", "max") and inner.type is Type.BOOLEAN):
            operand = number(inner)
        text = sql(f"{function}({'DISTINCT ' if expr.distinct else ''}{{}})", operand)
        kind = inner.type if function in ("min", "max") and inner.type is not Type.BOOLEAN else Type.INTEGER
        whole = function == "count" or (inner.whole and function in ("min", "max"))
        return Value(
            text, kind, Type.INTEGER, whole=whole and not inner.scale,
            is_day=inner.is_day and kind is Type.DATE, scale=inner.scale, aggregate=True,
        )  # fmt: skip
