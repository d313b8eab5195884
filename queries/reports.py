"""Reports over the rows of a result: crosstab and columnsummary (spec 05 §1.11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from queries import tree
from queries.columns import Output
from queries.errors import Malformed

TOTAL = "\0" * 5
_NUMERIC = ("INTEGER", "FLOAT")
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Shaped:
    """A result as a report leaves it."""

    outputs: list[Output]
    labels: list[str]
    rows: list[Row]


def shape(report: tree.Report, outputs: list[Output], labels: list[str], rows: list[Row]) -> Shaped:
    """Apply a report; unknown names change nothing. Raises Malformed for positions and types that do not fit."""
    if isinstance(report, tree.Crosstab):
        return _Crosstab(report, outputs, labels, rows).shaped()
    if report.name == "columnsummary":
        return Shaped(outputs, labels, [*rows, _summary(report.arguments, outputs, rows)])
    return Shaped(outputs, labels, rows)


def _position(number: int, outputs: Sequence[Output]) -> int:
    if not 1 <= number <= len(outputs):
        raise Malformed(f"The report names column {number}; there are {len(outputs)}")
    return number - 1


def _numeric(position: int, outputs: Sequence[Output]) -> int:
    if outputs[position].type not in _NUMERIC:
        raise Malformed(f"Column {position + 1} of the report is not a number")
    return position


def _text(number: Decimal) -> str:
    """A total as a cell: an integer without decimals, anything else with two."""
    if number == number.to_integral_value():
        return str(number.to_integral_value())
    return str(number.quantize(Decimal("0.01"), ROUND_HALF_UP))


# --- columnsummary ------------------------------------------------------------------------------------


def _summary(arguments: Sequence[str], outputs: Sequence[Output], rows: Sequence[Row]) -> list[str | None]:
    last: list[str | None] = [None] * len(outputs)
    rest = list(arguments)
    while rest:
        function = rest.pop(0)
        if function not in ("sum", "avg") or not rest:
            raise Malformed(f"columnsummary does not know {function}")
        for text in _counted(rest):
            position = _numeric(_position(_whole(text), outputs), outputs)
            values = [Decimal(row[position]) for row in rows if row[position] is not None]
            total = sum(values, Decimal(0))
            if function == "avg":
                total = (total / len(rows)) if rows else Decimal(0)
            last[position] = _text(total)
    return last


def _counted(rest: list[str]) -> list[str]:
    """Take the next number of arguments, and that many after it."""
    count = _whole(rest.pop(0))
    if not 0 <= count <= len(rest):
        raise Malformed("columnsummary names fewer columns than it says")
    found = rest[:count]
    del rest[:count]
    return found


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Malformed(f"{text[:20]} is not a number of a column") from None


# --- crosstab -----------------------------------------------------------------------------------------


class _Crosstab:
    """Rows by group, one column for each value of a column, a line for each measure, and totals."""

    def __init__(self, report: tree.Crosstab, outputs: list[Output], labels: list[str], rows: list[Row]):
        self.outputs, self.labels, self.rows = outputs, labels, rows
        self.groups = [_position(number, outputs) for number in report.rows]
        self.column = _position(report.column, outputs)
        self.measures = [_position(abs(number), outputs) for number in report.measures]
        self.totalled = [number > 0 for number in report.measures]
        self.numeric = all(outputs[measure].type in _NUMERIC for measure in self.measures)
        self.sub_totals = report.sub_totals
        if self.sub_totals and not self.numeric:
            raise Malformed("Sub-totals need numbers")

    def shaped(self) -> Shaped:
        values = sorted({row[self.column] or "" for row in self.rows})
        cells: dict[tuple[str, ...], dict[str, list[Any]]] = {}
        for row in self.rows:
            for key in self._keys(row):
                self._add(cells.setdefault(key, {}), row)
        rows = [line for key in sorted(cells) for line in self._lines(key, cells[key], values)]
        several = len(self.measures) > 1
        labels = [self.labels[group] for group in self.groups]
        labels += (["Value Type"] if several else []) + values + (["Total"] if self.numeric else [])
        blank = replace(self.outputs[0], expr="", type="STRING", aggregate=False, path=None)
        measure = replace(blank, type=self.outputs[self.measures[0]].type, aggregate=True)
        shown = [self.outputs[group] for group in self.groups] + ([blank] if several else [])
        shown += [measure] * (len(labels) - len(shown))
        return Shaped(shown, labels, rows)

    def _keys(self, row: Row) -> list[tuple[str, ...]]:
        """The groups a row counts for: its own, with numbers the grand total, and sub-totals when asked."""
        own = tuple(row[group] or "" for group in self.groups)
        if not self.numeric:
            return [own]
        keys = [(TOTAL,) * len(own), own]
        if self.sub_totals and len(own) >= 2:
            keys += [tuple(v if i == j else TOTAL for j, v in enumerate(own)) for i in range(len(own))]
        return keys

    def _add(self, columns: dict[str, list[Any]], row: Row) -> None:
        sums = columns.setdefault(row[self.column] or "", [None] * len(self.measures))
        for place, measure in enumerate(self.measures):
            value = row[measure]
            if self.numeric:
                sums[place] = (sums[place] or Decimal(0)) + Decimal(value or 0)
            elif value is not None:
                sums[place] = value

    def _lines(self, key: tuple[str, ...], columns: dict[str, list[Any]], values: list[str]) -> list[Row]:
        lines: list[Row] = []
        is_total = TOTAL in key
        for place, measure in enumerate(self.measures):
            if is_total and not self.totalled[place]:
                continue
            found = [columns[value][place] if value in columns else None for value in values]
            line: list[str | None] = [*key]
            if len(self.measures) > 1:
                line.append(self.labels[measure])
            if self.numeric:
                line += [_text(value or Decimal(0)) for value in found]
                total = sum((value for value in found if value is not None), Decimal(0))
                line.append(_text(total) if self.totalled[place] else None)
            else:
                line += found
            lines.append(line)
        return lines
