"""Text of the query language to its typed tree (spec 05 §1.1 to §1.3)."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from pathlib import Path as FilePath
from typing import Any, cast

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError
from lark.tree import Meta

from queries import tree
from queries.errors import Malformed

MAX_CHARACTERS = 1_000_000
_INTERVAL_PART = re.compile(r"(\d+)\s*([yYmMdD])")
_ESCAPE = re.compile(r'\\(["\\])')


def parse(text: str) -> tree.Statement:
    """The tree of a statement; raises Malformed with the offending token and its place (spec 05 §1.14)."""
    if len(text) > MAX_CHARACTERS:
        raise Malformed(f"The query is longer than {MAX_CHARACTERS:,} characters")
    if "\x00" in text:
        raise Malformed("The query contains a NUL character")
    try:
        parsed = _parser().parse(text)
        return _Builder(text).transform(parsed)
    except UnexpectedInput as error:
        raise _syntax_error(error, text) from error
    except VisitError as error:
        if isinstance(error.orig_exc, Malformed):
            raise error.orig_exc from error
        raise
    except RecursionError as error:
        raise Malformed("The query is nested too deeply") from error


@cache
def _parser() -> Lark:
    grammar = FilePath(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="basic", propagate_positions=True, maybe_placeholders=True)


def left_side(expression: str) -> str:
    """What stands before the first comparison of an expression (spec 05 §4.3); raises Malformed."""
    try:
        for token in _parser().lex(expression):
            if token.type in ("COMPARISON", "EXISTENCE", "BETWEEN", "IN_OP", "TEXT_OP"):
                return expression[: token.start_pos].strip()
    except UnexpectedInput as error:
        raise _syntax_error(error, expression) from error
    return expression.strip()


def _syntax_error(error: UnexpectedInput, text: str) -> Malformed:
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        found, line, column = str(error.token), error.line, error.column - 1
    elif isinstance(error, UnexpectedCharacters):
        found, line, column = text[error.pos_in_stream or 0], error.line, error.column - 1
    else:
        found, line, column = "<EOF>", text.count("\n") + 1, len(text) - text.rfind("\n") - 1
    return Malformed(f"Recognition exception at input: {found}. Position: {line}:{column}")


def _unquote(token: Token) -> str:
    return _ESCAPE.sub(r"\1", token[1:-1])


def _interval(token: Token) -> tree.Interval:
    parts = {unit.lower(): int(number) for number, unit in _INTERVAL_PART.findall(token)}
    return tree.Interval(parts.get("y", 0), parts.get("m", 0), parts.get("d", 0))


def _chain(op: tree.LogicOp, left: tree.Condition, right: tree.Condition) -> tree.Logic:
    parts: list[tree.Condition] = []
    for side in (left, right):
        parts.extend(side.parts if isinstance(side, tree.Logic) and side.op == op else (side,))
    return tree.Logic(op, tuple(parts))


def _present(items: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(item for item in items if item is not None)


@v_args(inline=True)
class _Builder(Transformer[Token, tree.Statement]):
    """Bottom-up from lark's tree to ours; one method for each rule of the grammar."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def start(self, statement: tree.Statement) -> tree.Statement:
        return statement

    def statement(
        self,
        selection: tuple[bool, tuple[tree.Column, ...]] | None,
        where: tree.Condition,
        having: tree.Condition | None,
        order_by: tuple[tree.SortKey, ...] | None,
        limit: tree.Limit | None,
        report: tree.Report | None = None,
    ) -> tree.Statement:
        distinct, columns = selection or (False, ())
        return tree.Statement(columns, distinct, where, having, order_by or (), limit, report)

    sub_query = statement

    def selection(
        self, _select: Token, distinct: Token | None, *rest: tree.Column | Token
    ) -> tuple[bool, tuple[tree.Column, ...]]:
        return distinct is not None, tuple(part for part in rest if isinstance(part, tree.Column))

    @v_args(inline=False, meta=True)
    def column(self, meta: Meta, children: list[Any]) -> tree.Column:
        expr, _as, alias = children
        end = _as.start_pos if _as is not None else meta.end_pos
        tokens = _parser().lex(self._text[meta.start_pos : end])
        return tree.Column(expr, alias and _unquote(alias), " ".join(tokens))

    def having(self, _having: Token, condition: tree.Condition) -> tree.Condition:
        return condition

    def order_by(self, _order_by: Token, *keys: tree.SortKey) -> tuple[tree.SortKey, ...]:
        return keys

    def sort_key(self, expr: tree.Expr, direction: Token | None) -> tree.SortKey:
        return tree.SortKey(expr, direction == "desc")

    def limit(self, _limit: Token, first: Token, second: Token | None) -> tree.Limit:
        offset, rows = (0, int(first)) if second is None else (int(first), int(second))
        if not (0 <= offset < 2**62 and 0 <= rows < 2**62):
            raise Malformed("A limit is a positive number of rows")
        return tree.Limit(offset, rows)

    def crosstab(
        self, _name: Token, rows: tuple[int, ...], column: Token, measures: tuple[int, ...], sub: Token | None
    ) -> tree.Crosstab:
        return tree.Crosstab(rows, int(column), measures, sub == "true")

    def named_report(self, name: Token, *arguments: Token | None) -> tree.NamedReport:
        return tree.NamedReport(str(name), tuple(_unquote(token) for token in _present(arguments)))

    def int_list(self, *numbers: Token) -> tuple[int, ...]:
        return tuple(int(number) for number in numbers if number is not None)

    def pand_(self, left: tree.Condition, right: tree.Condition) -> tree.Logic:
        return _chain("pand", left, right)

    def or_(self, left: tree.Condition, right: tree.Condition) -> tree.Logic:
        return _chain("or", left, right)

    def and_(self, left: tree.Condition, right: tree.Condition) -> tree.Logic:
        return _chain("and", left, right)

    def not_(self, condition: tree.Condition) -> tree.Not:
        return tree.Not(condition)

    def nth_child(self, condition: tree.Condition) -> tree.NthChild:
        return tree.NthChild(condition)

    def compare(self, left: tree.Expr, op: Token, right: tree.Expr) -> tree.Compare:
        return tree.Compare(cast(tree.CompareOp, str(op)), left, right)

    def in_list(self, expr: tree.Expr, op: Token, *values: tree.Literal | None) -> tree.InList:
        return tree.InList(expr, op == "not in", _present(values))

    def in_query(self, expr: tree.Expr, op: Token, query: tree.Statement) -> tree.InQuery:
        return tree.InQuery(expr, op == "not in", query)

    def text_match(self, expr: tree.Expr, op: Token, value: Token) -> tree.TextMatch:
        return tree.TextMatch(expr, cast(tree.TextOp, str(op)), _unquote(value))

    def existence(self, expr: tree.Expr, op: Token) -> tree.Existence:
        return tree.Existence(expr, cast(Any, str(op)))

    def between(self, expr: tree.Expr, low: tree.Expr, high: tree.Expr) -> tree.Between:
        return tree.Between(expr, low, high)

    def date_range(self, expr: tree.Expr, name: Token, count: Token | None) -> tree.DateRange:
        return tree.DateRange(expr, str(name), 1 if count is None else int(count))

    def arith(self, op: Token) -> str:
        return str(op)

    def arithmetic(self, left: tree.Expr, op: tree.ArithmeticOp, right: tree.Expr) -> tree.Arithmetic:
        return tree.Arithmetic(op, left, right)

    def shifted(self, date: tree.Expr, op: tree.ArithmeticOp, interval: Token) -> tree.Shifted:
        if op not in "+-":
            raise Malformed(f"An interval cannot follow the operator {op}")
        return tree.Shifted(date, 1 if op == "+" else -1, _interval(interval))

    def date_format(self, date: tree.Expr, pattern: Token) -> tree.DateFormat:
        return tree.DateFormat(date, _unquote(pattern))

    def elapsed(self, name: Token, later: tree.Expr, earlier: tree.Expr) -> tree.Elapsed:
        return tree.Elapsed(cast(tree.ElapsedUnit, name.removesuffix("_between")), later, earlier)

    def current_date(self) -> tree.Now:
        return tree.Now(time=False)

    def current_timestamp(self) -> tree.Now:
        return tree.Now(time=True)

    def round_(self, number: tree.Expr, places: Token) -> tree.Round:
        if not 0 <= int(places) <= 20:
            raise Malformed("round() takes 0 to 20 decimal places")
        return tree.Round(number, int(places))

    def path(self, token: Token) -> tree.Path:
        return tree.Path(str(token))

    def concat(self, *parts: tree.Expr) -> tree.Concat:
        return tree.Concat(parts, None)

    def concat_ws(self, separator: Token, *parts: tree.Expr) -> tree.Concat:
        return tree.Concat(parts, _unquote(separator))

    def aggregate(self, function: Token, distinct: Token | None, path: Token) -> tree.Aggregate:
        return tree.Aggregate(str(function), distinct is not None, tree.Path(str(path)))

    def text(self, token: Token) -> tree.Literal:
        return tree.Literal(_unquote(token))

    def integer(self, token: Token) -> tree.Literal:
        return tree.Literal(int(token))

    def decimal(self, token: Token) -> tree.Literal:
        return tree.Literal(Decimal(token))

    def boolean(self, word: Token) -> tree.Literal:
        return tree.Literal(str(word) == "true")
