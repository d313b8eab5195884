"""A parsed query to one SELECT whose cells are all text (spec 05 §1.9 to §3.9)."""
# ruff: noqa: S608 - names come from the catalogue, values are always parameters

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from biobank.catalogue import Catalogue, Fold
from biobank.wire.errors import Refused
from queries import tree
from queries.columns import Output, Selected, identifying, numbered, select
from queries.conditions import Conditions
from queries.errors import PHI_IN_AGGREGATE, Malformed
from queries.expressions import Expressions, has_aggregate, paths
from queries.fold import Layout, folded_by, layout
from queries.scope import Scope
from queries.sql import Sql, listed, sql
from queries.values import Surroundings, Value

PROTOCOL, PARTICIPANT = "CollectionProtocol", "Participant"


class WideRows(StrEnum):
    """What happens to records with several values (spec 05 §2.3)."""

    OFF = "OFF"
    SHALLOW = "SHALLOW"
    DEEP = "DEEP"


@dataclass(frozen=True, slots=True)
class Visibility:
    """What the caller may see, as sub-selects of collection protocol ids; None means all of them.

    `phi` is where identifying fields may be read. `admin` may also summarise identifying fields. `root` are conditions
    on the columns of the root record, each with a place for its value. `strict` masks every expression in which an
    identifying field stands, not only plain ones. `people` are the registrations that record numbers leave within
    reach, where they restrict access.
    """

    rows: Sql | None = None
    people: Sql | None = None
    phi: Sql | None = None
    admin: bool = True
    root: tuple[tuple[str, Sql], ...] = ()
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A statement and how it is to be run."""

    statement: tree.Statement
    around: Surroundings
    root: str = "Participant"
    visible: Visibility = field(default_factory=Visibility)
    wide_rows: WideRows = WideRows.OFF
    output_exprs: bool = False
    ordered: bool = True  # False: for counting the rows


@dataclass(frozen=True, slots=True)
class Compiled:
    """A query ready to run.

    With `probe` (wide rows), run that first: its one row says how many column sets each folded group needs; pass it
    as `widths`. Without, `widths` is empty.
    """

    columns: tuple[Output, ...]
    flat: Sql
    folded: Layout | None = None

    @property
    def probe(self) -> Sql | None:
        return self.folded.probe() if self.folded else None

    def select(self, widths: Sequence[int | None] = (), *, counted: bool = False) -> Sql:
        """The SELECT; when rows are folded, `counted` adds a last column: how many joined rows each stands for."""
        return self.folded.select(widths, counted=counted) if self.folded else self.flat

    def outputs(self, widths: Sequence[int | None] = ()) -> list[Output]:
        """The columns, repeated where folded, in order."""
        return self.folded.outputs(widths) if self.folded else list(self.columns)


def labels(outputs: Sequence[Output], *, csv: bool = False) -> list[str]:
    """The label of each column, repeats numbered."""
    return numbered([output.csv_label if csv else output.label for output in outputs])


def compile_query(request: Request, catalogue: Catalogue) -> Compiled:
    """Compile a query. Raises Malformed, or Refused when identifying fields would be summarised (spec 05 §3.9)."""
    if not request.statement.columns:
        raise Malformed("A query selects at least one column")
    try:
        return _Compiler(request, catalogue).compile()
    except RecursionError as error:
        raise Malformed("The query is nested too deeply") from error


class _Compiler:
    def __init__(self, request: Request, catalogue: Catalogue, prefix: str = "t") -> None:
        self.request = request
        self.statement = request.statement
        self.catalogue = catalogue
        self.scope = Scope(catalogue, request.root, request.around.user_id, prefix)
        self.expressions = Expressions(self.scope, request.around)
        self.prefix = prefix
        self._sub_queries = 0

    def compile(self) -> Compiled:
        conditions = Conditions(self.expressions, self._sub_query)
        where = self._where(conditions)
        selected = self._columns(conditions.copies)
        grouped = self._is_grouped(selected)
        self._check_phi(selected)
        having = self._having()
        order = self._order(selected, grouped)
        folded = folded_by(self.request.wide_rows.value)
        plain = grouped or self.statement.report is not None or not folded
        if plain or self.scope.multiplying() <= self._row_keys(selected, folded):
            text = self._flat(selected, where, having, order, grouped)
            return Compiled(tuple(column.output for column in selected), text)
        return self._wide(selected, where, folded)

    # --- parts ---------------------------------------------------------------------------------------

    def _where(self, conditions: Conditions) -> Sql:
        parts = [Sql(self.scope.active_root()), conditions.compile(self.statement.where)]
        alias = self.scope.root.alias
        parts += [sql(f"{alias}.{template}", wanted) for template, wanted in self.request.visible.root]
        if self.request.visible.rows is not None:
            parts.append(sql(f"{self._protocol()} IN ({{}})", self.request.visible.rows))
        if self.request.visible.people is not None:
            person = self.scope.instance(PARTICIPANT).key
            parts.append(sql(f"({person} IS NULL OR {person} IN ({{}}))", self.request.visible.people))
        return listed(parts, " AND ")

    def _protocol(self) -> str:
        return self.scope.instance(PROTOCOL).key

    def _columns(self, copies: int) -> list[Selected]:
        phi = self.request.visible.phi
        unless = None
        strict = self.request.visible.strict
        if phi is not None and any(self._is_phi(c.expr, strict) for c in self.statement.columns):
            unless = sql(f"{self._protocol()} IN ({{}})", phi)
        found: list[Selected] = []
        for copy in range(copies):  # each side of pand selects its own copy of all forms but the root
            columns = self.statement.columns if copy == 0 else self._beyond_root()
            found += select(columns, self.expressions, copy, unless, self.request.output_exprs, strict)
        return found

    def _is_phi(self, expr: tree.Expr, strict: bool) -> bool:
        return self.expressions.value(expr).phi or (strict and identifying(expr, self.expressions))

    def _beyond_root(self) -> list[tree.Column]:
        root = self.request.root
        return [
            column
            for column in self.statement.columns
            if any(path.text.partition(".")[0] != root for path in paths(column.expr))
        ]

    def _is_grouped(self, selected: Sequence[Selected]) -> bool:
        """Distinct rows are groups too: the text of a cell and the value to sort by may differ."""
        return (
            self.statement.distinct
            or self.statement.having is not None
            or any(column.is_aggregate for column in selected)
            or any(has_aggregate(key.expr) for key in self.statement.order_by)
        )

    def _check_phi(self, selected: Sequence[Selected]) -> None:
        summary = self.statement.having is not None or any(column.is_aggregate for column in selected)
        fields = [column.output.expr for column in selected if column.value.phi or self._picks_phi(column)]
        if fields and (summary or self.statement.report) and not self.request.visible.admin:
            raise Refused(PHI_IN_AGGREGATE(fields=", ".join(fields)))

    def _picks_phi(self, column: Selected) -> bool:
        """The smallest or largest of identifying values is one of them."""
        expr = column.source.expr
        picks = isinstance(expr, tree.Aggregate) and expr.function in ("min", "max")
        return picks and identifying(expr, self.expressions)

    def _having(self) -> Sql | None:
        if self.statement.having is None:
            return None
        return Conditions(self.expressions, self._sub_query, aggregates=True).compile(self.statement.having)

    def _order(self, selected: Sequence[Selected], grouped: bool) -> list[Sql]:
        """What the rows are sorted by; nulls come first, as in upstream's database."""
        keys = []
        for key in self.statement.order_by:
            found = self.expressions.value(key.expr)
            if not paths_present(key.expr):
                continue
            text = found.sql
            if grouped and not found.aggregate and all(text != column.value.sql for column in selected):
                text = sql("min({})", number_or_same(found))
            keys.append(sql(f"{{}} {'DESC NULLS LAST' if key.descending else 'ASC NULLS FIRST'}", text))
        if grouped:
            return keys + [column.value.sql for column in _group_columns(selected)]
        last = [self.scope.root.key, *self._joined_keys(selected)]
        return keys + [Sql(key) for key in last]

    def _row_keys(self, selected: Sequence[Selected], folded: frozenset[Fold]) -> set[str]:
        """What tells the rows of a wide result apart, beside the root record."""
        stay = {fold.key for column in selected for fold in column.folds if fold.fold not in folded}
        return stay | set(self._joined_keys(selected))

    def _joined_keys(self, selected: Sequence[Selected]) -> list[str]:
        """The keys of the forms below the root that give a root record several rows."""
        instances = dict.fromkeys(each for column in selected for each in column.instances)
        return list(dict.fromkeys(above.key for each in instances for above in each.lineage))

    def _limit(self) -> str:
        limit = self.statement.limit
        return "" if limit is None else f" LIMIT {limit.rows} OFFSET {limit.offset}"

    # --- the two shapes ------------------------------------------------------------------------------

    def _flat(
        self, selected: Sequence[Selected], where: Sql, having: Sql | None, order: list[Sql], grouped: bool
    ) -> Sql:
        running = [index for index, column in enumerate(selected) if column.running]
        cells = [
            sql(f"{{}} AS c{index}", column.value.sql if index in running else column.text)
            for index, column in enumerate(selected)
        ]
        if running:
            cells.append(
                sql("row_number() OVER (ORDER BY {}) AS place", listed(order) if order else Sql("1"))
            )
        parts = [sql("SELECT {} ", listed(cells)), Sql(self.scope.from_clause()), sql(" WHERE {}", where)]
        if grouped:
            groups = [column.value.sql for column in _group_columns(selected)]
            if any(column.masked for column in selected):
                groups.append(Sql(self._protocol()))
            if groups:
                parts.append(sql(" GROUP BY {}", listed(groups)))
            elif not any(column.is_aggregate for column in selected) and having is None:
                parts[0] = sql("SELECT DISTINCT {} ", listed(cells))
                order = []
        if having is not None:
            parts.append(sql(" HAVING {}", having))
        if order and self.request.ordered:
            parts.append(sql(" ORDER BY {}", listed(order)))
        text = sql("{}" * len(parts) + self._limit(), *parts)
        return self._with_totals(text, selected) if running else text

    def _with_totals(self, text: Sql, selected: Sequence[Selected]) -> Sql:
        """Accumulate `c_count` and `c_sum` down the result rows (spec 05 §1.9)."""
        cells = []
        for index, column in enumerate(selected):
            if not column.running:
                cells.append(f"w.c{index}")
            else:
                total = f"sum(w.c{index}) OVER (ORDER BY w.place)"
                cells.append(
                    f"round(({total})::numeric, {column.value.scale})::text"
                    if column.value.scale
                    else f"trim_scale(({total})::numeric)::text"
                )
        return sql(f"SELECT {', '.join(cells)} FROM ({{}}) w ORDER BY w.place", text)

    def _wide(self, selected: Sequence[Selected], where: Sql, folded: frozenset[Fold]) -> Compiled:
        """One row for each root record and record of a form below it; the rest becomes columns."""
        joined = self._joined_keys(selected)
        stay = self._row_keys(selected, folded) - set(joined)
        row_keys = [self.scope.root.key, *joined, *sorted(stay)]
        cells = [sql(f"{{}} AS c{index}", column.text) for index, column in enumerate(selected)]
        keys = [Sql(f"{key} AS k{index}") for index, key in enumerate(row_keys)]
        folds = dict.fromkeys(fold for column in selected for fold in column.folds if fold.fold in folded)
        fold_keys = [Sql(f"{fold.key} AS f_{fold.alias}") for fold in folds]
        text = sql(
            f"SELECT {{}} {self.scope.from_clause()} WHERE {{}} ORDER BY {', '.join(row_keys)}{self._limit()}",
            listed([*keys, *fold_keys, *cells]),
            where,
        )
        plan = layout(text, tuple(selected), tuple(row_keys), self.request.wide_rows.value)
        return Compiled(tuple(column.output for column in selected), text, plan)

    # --- sub-queries ---------------------------------------------------------------------------------

    def _sub_query(self, statement: tree.Statement) -> tuple[Value, Sql]:
        """An uncorrelated SELECT of one raw value; the caller's restrictions hold inside it as well."""
        if len(statement.columns) != 1:
            raise Malformed("A sub-query selects exactly one column")
        self._sub_queries += 1
        request = Request(statement, self.request.around, self.request.root, self.request.visible)
        inner = _Compiler(request, self.catalogue, prefix=f"{self.prefix}s{self._sub_queries}_")
        return inner.raw()

    def raw(self) -> tuple[Value, Sql]:
        """The single selected value, not as text."""
        conditions = Conditions(self.expressions, self._sub_query)
        where = self._where(conditions)
        selected = self._columns(1)
        self._check_phi(selected)
        having, grouped = self._having(), self._is_grouped(selected)
        column = selected[0]
        parts = [
            sql("SELECT {} ", column.value.sql),
            Sql(self.scope.from_clause()),
            sql(" WHERE {}", where),
        ]
        if grouped and not column.is_aggregate and not column.constant:
            parts.append(sql(" GROUP BY {}", column.value.sql))
        if having is not None:
            parts.append(sql(" HAVING {}", having))
        if self.statement.limit is not None:
            parts.append(sql(" ORDER BY {}", listed(self._order(selected, grouped))))
        return column.value, sql("{}" * len(parts) + self._limit(), *parts)


def _group_columns(selected: Sequence[Selected]) -> list[Selected]:
    return [column for column in selected if not column.is_aggregate and not column.constant]


def paths_present(expr: tree.Expr) -> bool:
    return next(iter(paths(expr)), None) is not None


def number_or_same(found: Value) -> Sql:
    """`min` knows no booleans."""
    return sql("({})::int", found.sql) if found.type == "BOOLEAN" else found.sql
