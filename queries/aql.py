"""A saved definition to the language's text (spec 05 §4.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from biobank.catalogue import Kind, catalogue
from queries.detail import Criterion, ExpressionToken, QueryFilter, Reporting, SelectField
from queries.errors import Malformed
from queries.parser import left_side

_OPERATORS = {
    "EQ": "=", "NE": "!=", "GE": ">=", "GT": ">", "LE": "<=", "LT": "<", "CONTAINS": "contains",
    "STARTS_WITH": "starts with", "ENDS_WITH": "ends with", "IN": "in", "NOT_IN": "not in", "EXISTS": "exists",
    "NOT_EXISTS": "not exists", "ANY": "any", "BETWEEN": "between",
}  # fmt: skip
_UNARY = ("EXISTS", "NOT_EXISTS", "ANY")
_FIXED = ("NE", "GT", "LT", "CONTAINS", "STARTS_WITH", "ENDS_WITH", "NOT_IN", "NOT_EXISTS")
_QUOTED = (Kind.TEXT, Kind.DAY, Kind.INSTANT_DAY, Kind.INSTANT)
_COUNT = re.compile(r"\b(c_count|count)\s*\(\s*(?!distinct\b)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?$")
_TEMPORAL = "$temporal."
_FUNCTIONS = ("count", "c_count", "sum", "c_sum", "min", "max", "avg")


@dataclass(frozen=True, slots=True)
class Definition:
    """What of a saved query decides its text."""

    select_list: Sequence[SelectField | str] = ()
    filters: Sequence[QueryFilter] = ()
    query_expression: Sequence[ExpressionToken] = ()
    having_clause: str | None = None
    reporting: Reporting | None = None
    criteria: Sequence[Criterion] = field(default=())


Lookup = Callable[[int], Definition]


def text_of(definition: Definition, lookup: Lookup, *, report: bool = True) -> str:
    """The statement of a definition. `lookup` finds the definition of a sub-query or refuses.

    Raises Malformed for filters without value, unknown operators, and queries that contain themselves.
    """
    return _Text(definition, lookup, ()).statement(report=report)


class _Text:
    def __init__(self, definition: Definition, lookup: Lookup, above: tuple[int, ...]) -> None:
        self.definition = definition
        self.lookup = lookup
        self.above = above
        self.filters = {each.id: each for each in definition.filters}

    def statement(self, *, report: bool) -> str:
        columns = self.columns()
        text = f"select {', '.join(columns)} where {self.condition()}" if columns else self.condition()
        if self.definition.having_clause:
            text += f" having {_distinct(self.definition.having_clause)}"
        suffix = self.report() if report else None
        return f"{text} {suffix}" if suffix else text

    # --- select list -----------------------------------------------------------------------------------

    def columns(self) -> list[str]:
        found: list[str] = []
        for selected in self.definition.select_list:
            if isinstance(selected, str):
                found.append(self._column(SelectField(name=selected)))
            elif selected.agg_fns:
                found += [_aggregate(selected, fn.name or "", fn.desc or "") for fn in selected.agg_fns]
            else:
                found.append(self._column(selected))
        return found

    def _column(self, selected: SelectField) -> str:
        name = selected.name or ""
        if not name.startswith(_TEMPORAL):
            return name + _alias(selected.display_label)
        number = name.removeprefix(_TEMPORAL)
        temporal = self.filters.get(int(number)) if number.isdigit() else None
        if temporal is None or not temporal.expr:
            raise Malformed(f"There is no temporal expression {name}")
        return left_side(temporal.expr) + _alias(selected.display_label or temporal.desc)

    # --- conditions ------------------------------------------------------------------------------------

    def condition(self) -> str:
        if not self.definition.query_expression:
            raise Malformed("The query has no condition")
        return " ".join(self._token(token) for token in self.definition.query_expression)

    def _token(self, token: ExpressionToken) -> str:
        kind, content = (token.node_type or "").upper(), str(token.value).strip()
        if kind == "PARENTHESIS" and content.upper() in ("LEFT", "RIGHT"):
            return "(" if content.upper() == "LEFT" else ")"
        if kind == "OPERATOR" and content.upper() in ("AND", "OR", "PAND", "NTHCHILD", "NOT"):
            return content.lower()
        if kind == "FILTER":
            found = self.filters.get(int(content)) if content.isdigit() else None
            if found is not None:
                return self._filter(self._with_criteria(found))
        raise Malformed(f"Invalid expression: {kind} {content[:40]}")

    def _filter(self, found: QueryFilter) -> str:
        if found.expr:
            return self._expression(found)
        if not found.field or found.op not in _OPERATORS:
            raise Malformed(f"Invalid filter: {found.id}")
        operator = _OPERATORS[found.op]
        if found.op in _UNARY:
            return f"{found.field} {operator}"
        if found.sub_query_id is not None:
            membership = "not in" if found.op == "NOT_IN" else "in"
            return f"{found.field} {membership} ({self._sub_query(found)})"
        values = [_literal(found.field, value) for value in found.values or [] if value is not None]
        if not values:
            if found.parameterized:
                return f"{found.field} any"
            raise Malformed(f"Invalid filter: {found.id}")
        if found.op in ("IN", "NOT_IN"):
            return f"{found.field} {operator} ({', '.join(values)})"
        if found.op == "BETWEEN":
            if len(values) < 2:
                raise Malformed(f"Invalid filter: {found.id}")
            return f"{found.field} between ({values[0]}, {values[1]})"
        return f"{found.field} {operator} {values[0]}"

    def _expression(self, found: QueryFilter) -> str:
        text = found.expr or ""
        left = left_side(text)
        bare = not text.strip()[len(left) :].strip().lstrip("<>=!").strip()
        return f"{left} any" if found.parameterized and bare else text

    def _sub_query(self, found: QueryFilter) -> str:
        number = found.sub_query_id or 0
        if number in self.above:
            raise Malformed(f"Query {number} uses itself")
        inner = _Text(self.lookup(number), self.lookup, (*self.above, number))
        return f"select {found.field} where {inner.condition()}"

    # --- values given for one run ------------------------------------------------------------------------

    def _with_criteria(self, found: QueryFilter) -> QueryFilter:
        """A parameterised filter with the caller's values in place (spec 05 §3.5)."""
        given = next((each for each in self.definition.criteria if each.filter_id == found.id), None)
        if given is None or not found.parameterized or found.sub_query_id is not None or found.op in _FIXED:
            return found
        values = given.values or []
        present = [value for value in values if value is not None]
        if not present:
            return found
        if (given.search_type or "EQUALS").upper() != "RANGE":
            operator, chosen = "IN", present
        elif len(present) >= 2:
            operator, chosen = "BETWEEN", present[:2]
        else:
            operator, chosen = ("GE" if values[0] is not None else "LE"), present
        if not found.expr:
            return found.model_copy(update={"op": operator, "values": chosen})
        return found.model_copy(update={"expr": _compared(left_side(found.expr), operator, chosen)})

    # --- reports -----------------------------------------------------------------------------------------

    def report(self) -> str | None:
        reporting = self.definition.reporting
        params = (reporting.params if reporting else None) or {}
        kind = (reporting.type if reporting else None) or "none"
        if kind == "crosstab":
            return self._crosstab(params)
        if kind == "columnsummary":
            return self._column_summary(params)
        return None

    def _crosstab(self, params: dict[str, Any]) -> str | None:
        groups, column = (
            self._positions(params.get("groupRowsBy")),
            self._positions(params.get("groupColBy")),
        )
        excluded = set(self._positions(params.get("rollupExclFields")))
        measures = [-n if n in excluded else n for n in self._positions(params.get("summaryFields"))]
        if not groups or not column or not measures:
            return None
        sub_totals = ", true" if params.get("includeSubTotals") in (True, "true") else ""
        return f"crosstab(({_numbers(groups)}), {column[0]}, ({_numbers(measures)}){sub_totals})"

    def _column_summary(self, params: dict[str, Any]) -> str | None:
        arguments: list[str] = []
        for function in ("sum", "avg"):
            positions = self._positions(params.get(function))
            if positions:
                arguments += [function, str(len(positions)), *map(str, positions)]
        quoted = ", ".join(f'"{argument}"' for argument in arguments)
        return f"columnsummary({quoted})" if arguments else None

    def _positions(self, fields: object) -> list[int]:
        """Where report fields stand in the select list, counted from 1; unknown ones are left out."""
        ids = self._column_ids()
        listed = fields if isinstance(fields, list) else [fields]
        wanted = [each.get("id") for each in listed if isinstance(each, dict)]
        return [ids.index(each) + 1 for each in wanted if each in ids]

    def _column_ids(self) -> list[str]:
        found: list[str] = []
        for selected in self.definition.select_list:
            if isinstance(selected, str):
                found.append(selected)
            elif selected.agg_fns:
                found += [f"{selected.name}${fn.name}" for fn in selected.agg_fns]
            else:
                found.append(selected.name or "")
        return found


def with_criteria(definition: Definition, criteria: Sequence[Criterion] | None) -> Definition:
    return replace(definition, criteria=tuple(criteria or ()))


def _numbers(positions: Sequence[int]) -> str:
    return ", ".join(map(str, positions))


def _aggregate(selected: SelectField, function: str, caption: str) -> str:
    if function not in _FUNCTIONS:
        raise Malformed(f"Unknown function: {function[:40]}")
    return f"{_distinct(f'{function}({selected.name})')}{_alias(f'{caption} ')}"


def _distinct(text: str) -> str:
    """Saved queries count each value once."""
    return _COUNT.sub(r"\1(distinct ", text)


def _alias(label: str | None) -> str:
    return f" as {_quoted(label)}" if label else ""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _literal(path: str, text: str) -> str:
    """A value as the field's type wants it: texts and dates in quotes, numbers and booleans bare."""
    form_name, _, name = path.partition(".")
    form = catalogue.form(form_name)
    found = form.by_name.get(name) if form else None
    if found is None:
        raise Malformed(f"There is no field {path[:80]}")
    if found.kind in _QUOTED:
        return _quoted(text)
    bare = text.strip()
    if found.kind is Kind.FLAG and bare.lower() in ("true", "false"):
        return bare.lower()
    if not _NUMBER.match(bare):
        raise Malformed(f"{bare[:40]} is not a number")
    return bare


def _compared(left: str, operator: str, values: Sequence[str]) -> str:
    """A temporal expression with another right side."""
    literals = [value if _NUMBER.match(value) else _quoted(value) for value in values]
    if operator == "IN":
        return f"{left} in ({', '.join(literals)})"
    if operator == "BETWEEN":
        return f"{left} between ({literals[0]}, {literals[1]})"
    return f"{left} {_OPERATORS[operator]} {literals[0]}"
