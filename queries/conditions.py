"""Conditions of the language as SQL (spec 05 §1.5, §1.6, §1.8, §1.12, §1.13)."""
# ruff: noqa: S608 - names come from the catalogue, values are always parameters

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from queries import tree
from queries.cells import cell
from queries.errors import Malformed
from queries.expressions import Expressions, has_aggregate, paths
from queries.moments import Moment, midnight, named_range, parse_moment
from queries.scope import Scope
from queries.sql import Sql, listed, sql, value
from queries.values import Type, Value, instant, number

SubQuery = Callable[[tree.Statement], tuple[Value, Sql]]

_FLIPPED: dict[str, tree.CompareOp] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SQL_OP = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_LIKE = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


class Conditions:
    """Compiles conditions against one scope; `copies` counts the sides of `pand` met so far."""

    def __init__(self, expressions: Expressions, sub_query: SubQuery, aggregates: bool = False) -> None:
        self.expressions = expressions
        self.around = expressions.around
        self.copies = 1
        self._sub_query = sub_query
        self._aggregates = aggregates

    def compile(self, condition: tree.Condition, copy: int = 0) -> Sql:
        """The condition as SQL; raises Malformed when types do not fit."""
        match condition:
            case tree.Logic(op="pand"):
                return self._pand(condition, copy)
            case tree.Logic():
                parts = [self.compile(part, copy) for part in condition.parts]
                return sql("({})", listed(parts, f" {condition.op.upper()} "))
            case tree.Not():
                return sql("(NOT {})", self.compile(condition.condition, copy))
            case tree.NthChild():
                return self._nth_child(condition)
            case _:
                return self._predicate(condition, copy)

    def _predicate(self, condition: tree.Predicate, copy: int) -> Sql:
        match condition:
            case tree.Compare():
                return self._compare(condition, copy)
            case tree.InList():
                return self._in_list(condition, copy)
            case tree.InQuery():
                return self._in_query(condition, copy)
            case tree.TextMatch():
                return self._text_match(condition, copy)
            case tree.Existence():
                return self._existence(condition, copy)
            case tree.Between():
                above = tree.Compare(">=", condition.expr, condition.low)
                below = tree.Compare("<=", condition.expr, condition.high)
                return sql("({} AND {})", self._compare(above, copy), self._compare(below, copy))
            case tree.DateRange():
                self._value(condition.expr, copy)
                found = self.expressions.date(condition.expr, copy)
                first, last = named_range(condition.name, condition.count, self.around.today)
                return self._within(found, first, last)

    def _existence(self, condition: tree.Existence, copy: int) -> Sql:
        found = self._value(condition.expr, copy)
        if condition.op == "any":  # always true, but by now the form is joined
            return Sql("TRUE")
        return sql(f"({{}} IS {'NOT ' if condition.op == 'exists' else ''}NULL)", found.sql)

    def _value(self, expr: tree.Expr, copy: int) -> Value:
        if not self._aggregates and has_aggregate(expr):
            raise Malformed("An aggregate belongs into the select list or into having")
        return self.expressions.value(expr, copy)

    def _pand(self, condition: tree.Logic, copy: int) -> Sql:
        sides = [self.compile(condition.parts[0], copy)]
        for part in condition.parts[1:]:
            self.copies += 1
            sides.append(self.compile(part, self.copies - 1))
        return sql("({})", listed(sides, " AND "))

    # --- comparisons ---------------------------------------------------------------------------------

    def _compare(self, condition: tree.Compare, copy: int) -> Sql:
        op, left, right = (
            condition.op,
            self._value(condition.left, copy),
            self._value(condition.right, copy),
        )
        if left.type is not Type.DATE and right.type is Type.DATE and isinstance(left.literal, str):
            left, right, op = right, left, _FLIPPED[op]
        if left.type is Type.DATE:
            return self._compare_date(left, op, right)
        if left.type is Type.STRING:
            return self._compare_text(left, op, cell(right, self.around), fold=not self.around.case_sensitive)
        if not right.is_number:
            raise Malformed(f"A number cannot be compared with {right.type.lower()}")
        if left.type is Type.BOOLEAN and right.type is Type.BOOLEAN:
            return sql(f"({{}} {_SQL_OP[op]} {{}})", left.sql, right.sql)
        return sql(f"({{}} {_SQL_OP[op]} {{}})", number(left), number(right))

    def _compare_text(self, left: Value, op: tree.CompareOp, right: Sql, *, fold: bool) -> Sql:
        if fold and op in ("=", "!="):
            return sql(f"(upper({{}}) {_SQL_OP[op]} upper({{}}))", left.sql, right)
        return sql(f"({{}} {_SQL_OP[op]} {{}})", left.sql, right)

    def _compare_date(self, left: Value, op: tree.CompareOp, right: Value) -> Sql:
        if isinstance(right.literal, str):
            return self._compare_moment(left, op, self._moment(right.literal))
        if right.type is Type.DATE:
            if left.is_day and right.is_day:
                return sql(f"({{}} {_SQL_OP[op]} {{}})", left.sql, right.sql)
            ends = instant(left, self.around), instant(right, self.around)
            return sql(f"({{}} {_SQL_OP[op]} {{}})", *ends)
        if right.is_number:  # a day as the number yyyymmdd
            day = sql(
                "to_char(({} AT TIME ZONE {}), 'YYYYMMDD')::numeric",
                instant(left, self.around),
                value(self.around.server_zone.key),
            )
            return sql(f"({{}} {_SQL_OP[op]} {{}})", day, number(right))
        raise Malformed("A date can only be compared with a date")

    def _moment(self, text: str) -> Moment:
        return parse_moment(text, self.around.formats, self.around.server_zone)

    def _compare_moment(self, left: Value, op: tree.CompareOp, moment: Moment) -> Sql:
        """A day without time stands for all of it: spec 05 §1.6."""
        if not moment.whole_day:
            return sql(f"({{}} {_SQL_OP[op]} {{}})", instant(left, self.around), value(moment.at))
        if op == "=":
            return self._within(left, moment.day, moment.day)
        if op == "!=":
            return sql("(NOT {})", self._within(left, moment.day, moment.day))
        after = op in (">", "<=")  # these two begin or end after the day
        edge = self._start(left, _next(moment.day) if after else moment.day)
        return sql(f"({{}} {'>=' if op in ('>', '>=') else '<'} {{}})", left.sql, edge)

    def _within(self, found: Value, first: date, last: date) -> Sql:
        start, end = self._start(found, first), self._start(found, _next(last))
        return sql("({} >= {} AND {} < {})", found.sql, start, found.sql, end)

    def _start(self, found: Value, day: date) -> Sql:
        return value(day if found.is_day else midnight(day, self.around.server_zone))

    # --- lists and texts -------------------------------------------------------------------------------

    def _in_list(self, condition: tree.InList, copy: int) -> Sql:
        found = self._value(condition.expr, copy)
        if found.type is Type.DATE:
            equal = [
                self._compare_date(found, "=", self.expressions.value(literal))
                for literal in condition.values
            ]
            either = sql("({})", listed(equal, " OR "))
            return sql("(NOT {})", either) if condition.negated else either
        operator = "<> ALL" if condition.negated else "= ANY"
        if found.type is Type.STRING:
            texts = [_text_of(literal) for literal in condition.values]
            if self.around.case_sensitive:
                return sql(f"({{}} {operator}({{}}))", found.sql, value(texts))
            upper = sql("(SELECT array_agg(upper(x)) FROM unnest({}) x)", value(texts))
            return sql(f"(upper({{}}) {operator}({{}}::text[]))", found.sql, upper)
        if any(isinstance(literal.value, str) for literal in condition.values):
            raise Malformed("A number cannot be compared with text")
        numbers = [
            int(literal.value) if isinstance(literal.value, bool) else literal.value
            for literal in condition.values
        ]
        if found.whole and all(isinstance(n, int) and abs(n) < 2**63 for n in numbers):
            return sql(f"({{}} {operator}({{}}::bigint[]))", found.sql, value(numbers))
        return sql(f"({{}} {operator}({{}}::numeric[]))", sql("({})::numeric", number(found)), value(numbers))

    def _in_query(self, condition: tree.InQuery, copy: int) -> Sql:
        found = self._value(condition.expr, copy)
        selected, query = self._sub_query(condition.query)
        operator = "NOT IN" if condition.negated else "IN"
        if found.type is Type.STRING and not self.around.case_sensitive:
            inner = sql("SELECT upper(q.v::text) FROM ({}) q(v) WHERE q.v IS NOT NULL", query)
            return sql(f"(upper({{}}) {operator} ({{}}))", found.sql, inner)
        same = found.type is selected.type and found.is_day == selected.is_day
        if not same and not (found.is_number and selected.is_number):
            raise Malformed("The sub-query selects values of another type")
        if found.is_number and found.type is not selected.type:
            found = Value(sql("({})::numeric", number(found)), Type.FLOAT, Type.FLOAT)
            query = sql("SELECT q.v::numeric FROM ({}) q(v)", query)
        inner = sql("SELECT q.v FROM ({}) q(v) WHERE q.v IS NOT NULL", query)
        return sql(f"({{}} {operator} ({{}}))", found.sql, inner)

    def _text_match(self, condition: tree.TextMatch, copy: int) -> Sql:
        found = self._value(condition.expr, copy)
        pattern = condition.value.translate(_LIKE)
        before, after = (
            ("%" if condition.op != "starts with" else ""),
            ("%" if condition.op != "ends with" else ""),
        )
        text, wanted = cell(found, self.around), value(f"{before}{pattern}{after}")
        if self.around.case_sensitive:
            return sql("({} LIKE {})", text, wanted)
        return sql("(upper({}) LIKE upper({}))", text, wanted)

    # --- descendants -----------------------------------------------------------------------------------

    def _nth_child(self, condition: tree.NthChild) -> Sql:
        """True if a descendant, however deep, satisfies the condition; its one form must be a tree."""
        forms = {path.text.partition(".")[0] for path in _paths_in(condition.condition)}
        if len(forms) != 1:
            raise Malformed("nthchild() takes a condition on exactly one form")
        outer = self.expressions.scope.instance(forms.pop())
        form = outer.form
        if form.tree is None:
            raise Malformed(f"{form.name} has no hierarchy")
        inner_scope = Scope(
            self.expressions.scope.catalogue, form.name, self.around.user_id, prefix=f"{outer.alias}n"
        )
        inner = Conditions(Expressions(inner_scope, self.around), self._sub_query)
        wanted = inner.compile(condition.condition)
        below = inner_scope.root.alias
        child = f"SELECT c.{form.key} FROM {form.table} c"
        return sql(
            f"EXISTS (WITH RECURSIVE below AS ({child} WHERE c.{form.tree} = {outer.key}"
            f" UNION {child} JOIN below b ON c.{form.tree} = b.{form.key})"
            f" SELECT 1 {inner_scope.from_clause()} WHERE {below}.{form.key} IN (SELECT {form.key} FROM below)"
            f" AND {inner_scope.active_root()} AND {{}})",
            wanted,
        )


def _next(day: date) -> date:
    try:
        return day + timedelta(days=1)
    except OverflowError:
        raise Malformed("The date lies outside the calendar") from None


def _text_of(literal: tree.Literal) -> str:
    if isinstance(literal.value, bool):
        return "true" if literal.value else "false"
    return str(literal.value)


def _paths_in(condition: tree.Condition) -> list[tree.Path]:
    """Every field path of a condition, outside of sub-queries."""
    match condition:
        case tree.Logic():
            return [path for part in condition.parts for path in _paths_in(part)]
        case tree.Not() | tree.NthChild():
            return _paths_in(condition.condition)
        case tree.Compare():
            return [*paths(condition.left), *paths(condition.right)]
        case tree.Between():
            return [*paths(condition.expr), *paths(condition.low), *paths(condition.high)]
        case _:
            return [*paths(condition.expr)]
