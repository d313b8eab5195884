"""The columns of a result: what each is called, its type, and how it prints (spec 05 §3.2, §3.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from biobank.catalogue import Fold
from queries import tree
from queries.cells import cell
from queries.expressions import Expressions, has_aggregate, paths
from queries.scope import Folded, Instance
from queries.sql import Sql, sql, value
from queries.values import Value

MASK = "##########"


@dataclass(frozen=True, slots=True)
class Output:
    """One column as a client sees it."""

    expr: str
    label: str
    csv_label: str
    type: str
    aggregate: bool
    path: str | None


@dataclass(frozen=True, slots=True)
class Selected:
    """One selected expression: its value, its cell text, and what it depends on."""

    source: tree.Column
    value: Value
    text: Sql
    output: Output
    instances: tuple[Instance, ...]
    chains: tuple[tuple[Folded, ...], ...]  # for each path, the many-rows joins it comes through
    masked: bool  # in some rows
    running: bool  # a running total over the rows above it
    constant: bool

    @property
    def is_aggregate(self) -> bool:
        return self.value.aggregate

    @property
    def folds(self) -> tuple[Folded, ...]:
        return tuple(dict.fromkeys(fold for chain in self.chains for fold in chain))

    def folded_chains(self, folded: frozenset[Fold]) -> list[tuple[Folded, ...]]:
        """Those many-rows joins that a wide-row mode turns into extra columns."""
        chains = (tuple(fold for fold in chain if fold.fold in folded) for chain in self.chains)
        return [chain for chain in chains if chain]


def select(
    columns: Iterable[tree.Column],
    expressions: Expressions,
    copy: int,
    masked_unless: Sql | None,
    exprs: bool,
    strict: bool = False,
) -> list[Selected]:
    """Compile the select list for one side of the query.

    `masked_unless` is true in rows whose identifying cells the caller may see; `exprs` labels columns by their text.
    `strict` masks every expression in which an identifying field stands.
    """
    return [_selected(column, expressions, copy, masked_unless, exprs, strict) for column in columns]


def identifying(expr: tree.Expr, expressions: Expressions) -> bool:
    """Whether an identifying field stands anywhere in the expression."""
    return any(expressions.value(path).phi for path in paths(expr))


def _selected(
    column: tree.Column,
    expressions: Expressions,
    copy: int,
    masked_unless: Sql | None,
    exprs: bool,
    strict: bool,
) -> Selected:
    found = expressions.value(column.expr, copy)
    text = cell(found, expressions.around)
    phi = found.phi or (strict and identifying(column.expr, expressions))
    masked = phi and masked_unless is not None
    if masked and masked_unless is not None:
        text = sql("CASE WHEN {} THEN {} ELSE {} END", masked_unless, text, value(MASK))
    resolved = [expressions.scope.resolve(path.text, copy) for path in paths(column.expr)]
    label, csv_label = _labels(column, expressions, exprs)
    output = Output(
        expr=column.source,
        label=label,
        csv_label=csv_label,
        type=found.reported.value,
        aggregate=has_aggregate(column.expr),
        path=column.expr.text if isinstance(column.expr, tree.Path) else None,
    )
    return Selected(
        source=column,
        value=found,
        text=text,
        output=output,
        instances=tuple(dict.fromkeys(each.instance for each in resolved)),
        chains=tuple(each.folds for each in resolved),
        masked=masked,
        running=isinstance(column.expr, tree.Aggregate) and column.expr.function.startswith("c_"),
        constant=not resolved,
    )


def _labels(column: tree.Column, expressions: Expressions, exprs: bool) -> tuple[str, str]:
    """The label in JSON and in CSV."""
    alias = column.alias
    if exprs and not (alias or "").startswith("$"):
        return column.source, column.source
    if alias is not None:
        return alias, alias
    if isinstance(column.expr, tree.Path):
        found = expressions.scope.resolve(column.expr.text)
        return f"{found.form.caption}# {found.field.caption}", f"{found.form.caption}_{found.field.caption}"
    return "Column", "Column"


def numbered(labels: Sequence[str]) -> list[str]:
    """The second and later occurrence of a label gets ` - 1`, ` - 2`, …"""
    seen: dict[str, int] = {}
    found = []
    for label in labels:
        count = seen.get(label, 0)
        seen[label] = count + 1
        found.append(f"{label} - {count}" if count else label)
    return found
