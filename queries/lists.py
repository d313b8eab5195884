"""List views: lists of protocols, participants and specimens that an installation lays out (spec 02 §A10).

The configuration names expressions of the query language. A caller only ever picks among those: what is asked of the
database is put together from parsed expressions, with the caller's rows and masks inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import QuerySet
from pydantic import ValidationError

from biobank.access import Actor
from biobank.catalogue import catalogue
from biobank.tallies import totals
from biobank.wire.detail import describe
from biobank.wire.errors import INVALID_INPUT, Refused
from queries import tree
from queries.columns import MASK
from queries.compiler import Compiled, Request, Visibility, compile_query
from queries.errors import LIST_INVALID, LIST_NOT_FOUND, Malformed
from queries.expressions import Expressions, has_aggregate, paths
from queries.list_detail import (
    FilterColumn,
    ListColumn,
    ListConfig,
    ListDetail,
    ListQuery,
    ListRow,
    ListSettings,
    ValuesQuery,
)
from queries.list_filters import condition_of
from queries.parser import parse
from queries.requests import Question, surroundings
from queries.runner import count_rows, fetch_rows
from queries.scope import Scope
from queries.sql import Sql, value
from queries.values import Surroundings, Value
from specimens.participant.reads import registrations_for
from specimens.participant.reads.scopes import PHI
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.reads import allowed_among, protocols_for
from specimens.protocol.reads.protocols import protocol, workflow_data
from specimens.specimen.reads import specimens_for

SYSTEM = -1
MAX_VALUES = 500
STARS = "CollectionProtocol.__userLabels.userId"


@dataclass(frozen=True, slots=True)
class View:
    """One kind of list: its records, who sees which, and what it shows when nothing is configured."""

    name: str
    form: str
    hidden: dict[str, str]  # caption -> path
    rows: Callable[[Actor], QuerySet[Any]]
    protocol_column: str
    columns: tuple[tuple[str, str], ...]
    filters: tuple[tuple[str, str], ...]
    order: tuple[tuple[str, str], ...] = ()
    fixed: tuple[str, ...] = ()

    @property
    def defaults(self) -> ListSettings:
        return ListSettings(
            columns=[ListColumn(expr=expr, caption=caption) for expr, caption in self.columns],
            filters=[ListColumn(expr=expr, caption=caption) for expr, caption in self.filters],
            order_by=[ListColumn(expr=expr, direction=direction) for expr, direction in self.order],
        )


VIEWS = {
    view.name: view
    for view in (
        View(
            name="cp-list-view",
            form="CollectionProtocol",
            hidden={"cpId": "CollectionProtocol.id", "starred": STARS},
            rows=protocols_for,
            protocol_column="id",
            columns=(
                ("CollectionProtocol.shortTitle", "Short Title"),
                ("CollectionProtocol.Title", "Title"),
                ("CollectionProtocol.principalInvestigator.investigatorName", "Principal Investigator"),
                ("CollectionProtocol.startDate", "Start Date"),
            ),
            filters=(
                ("CollectionProtocol.shortTitle", "Short Title"),
                ("CollectionProtocol.Title", "Title"),
                ("CollectionProtocol.principalInvestigator.investigatorName", "Principal Investigator"),
                ("CollectionProtocol.irbIdentifier", "IRB ID"),
                ("CollectionProtocol.startDate", "Start Date"),
            ),
            order=(("CollectionProtocol.shortTitle", "asc"),),
            fixed=("Participants", "Specimens"),
        ),
        View(
            name="participant-list-view",
            form="Participant",
            hidden={"cprId": "Participant.id"},
            rows=registrations_for,
            protocol_column="protocol_id",
            columns=(
                ("Participant.ppid", "PPID"),
                ("Participant.firstName", "First Name"),
                ("Participant.lastName", "Last Name"),
                ("Participant.regDate", "Registration Date"),
                ("Participant.site", "Registration Site"),
                ("Participant.specimenCount.collectedSpecimens", "Specimens"),
            ),
            filters=(
                ("Participant.ppid", "PPID"),
                ("Participant.firstName", "First Name"),
                ("Participant.lastName", "Last Name"),
                ("Participant.empi", "eMPI"),
                ("Participant.regDate", "Registration Date"),
                ("Participant.site", "Registration Site"),
            ),
            order=(("Participant.regDate", "desc"),),
        ),
        View(
            name="specimen-list-view",
            form="Specimen",
            hidden={"specimenId": "Specimen.id"},
            rows=specimens_for,
            protocol_column="protocol_id",
            columns=(
                ("Specimen.label", "Label"),
                ("Specimen.lineage", "Lineage"),
                ("Specimen.type", "Type"),
                ("Specimen.tissueSite", "Anatomic Site"),
                ("Specimen.collectionStatus", "Collection Status"),
                ("Specimen.availableQty", "Available Quantity"),
                ("Specimen.createdOn", "Created On"),
            ),
            filters=(
                ("Specimen.label", "Label"),
                ("Specimen.barcode", "Barcode"),
                ("Specimen.lineage", "Lineage"),
                ("Specimen.type", "Type"),
                ("Specimen.collectionStatus", "Collection Status"),
                ("Specimen.createdOn", "Created On"),
            ),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Laid:
    """A list as it is laid out for one caller and one protocol (None: all)."""

    view: View
    protocol: CollectionProtocol | None
    settings: ListSettings
    actor: Actor
    around: Surroundings

    @property
    def typed(self) -> Expressions:
        """For looking at what an expression holds."""
        return Expressions(Scope(catalogue, self.view.form, self.actor.user_id), self.around)

    def allowed(self, expr: str | None) -> tree.Expr:
        """The configured expression that a caller names. Raises COMMON_INVALID_INPUT for any other."""
        known = {each.expr for each in (*(self.settings.filters or ()), *(self.settings.columns or ()))}
        if not expr or expr not in known:
            raise Refused(INVALID_INPUT(name="expr", value=(expr or "")[:80]))
        return expression(expr)


def laid_out(pk: int, name: str | None, actor: Actor) -> Laid:
    """The list of that name. Raises CP_INVALID_LIST_NAME, CP_NOT_FOUND, RBAC_ACCESS_DENIED, CP_INVALID_LIST_CONFIG."""
    view = VIEWS.get(name or "")
    if view is None:
        raise Refused(LIST_NOT_FOUND(name=(name or "")[:80]))
    row = None if pk == SYSTEM else protocol(pk, actor)
    configured = workflow_data(row, view.name)
    settings = view.defaults
    if configured:
        try:
            found = ListSettings.model_validate(configured)
        except ValidationError as error:
            raise Refused(LIST_INVALID(name=view.name, reason=describe(error))) from None
        settings = found if found.columns else settings.model_copy(update=_given(found))
    around = surroundings(actor, Question("", case_sensitive=False))
    return Laid(view, row, settings, actor, around)


def _given(found: ListSettings) -> dict[str, Any]:
    return {name: part for name in ("filters", "order_by") if (part := getattr(found, name))}


def expression(text: str | None) -> tree.Expr:
    """One expression, and nothing else, of the language. Raises Malformed."""
    statement = parse(f"select {text or ''} where Participant.id any")
    if len(statement.columns) != 1 or statement.distinct or statement.having or statement.order_by:
        raise Malformed(f"{(text or '')[:80]} is not one expression")
    if not isinstance(statement.where, tree.Existence) or statement.limit or statement.report:
        raise Malformed(f"{(text or '')[:80]} is not one expression")
    return statement.columns[0].expr


# --- Configuration ----------------------------------------------------------------------------------


def config(laid: Laid, *, stats: bool) -> ListConfig:
    """What a client needs to draw the list; columns and filters tell their data types."""
    return ListConfig(
        name=laid.view.name,
        driving_form=laid.view.form,
        columns=[_typed(laid, each) for each in laid.settings.columns or []],
        hidden_columns=[ListColumn(expr=path, caption=name) for name, path in laid.view.hidden.items()],
        fixed_columns=_fixed(laid, stats),
        filters=[_typed(laid, each) for each in laid.settings.filters or []],
        order_by=list(laid.settings.order_by or []),
    )


def _typed(laid: Laid, column: ListColumn) -> ListColumn:
    found = laid.typed.value(expression(column.expr))
    return column.model_copy(update={"data_type": found.type.value})


def _fixed(laid: Laid, stats: bool) -> list[ListColumn] | None:
    return [ListColumn(caption=name) for name in laid.view.fixed] if stats and laid.view.fixed else None


# --- Rows -------------------------------------------------------------------------------------------


def page(laid: Laid, filters: Sequence[FilterColumn], query: ListQuery) -> ListDetail:
    """A page of the list; one query, one for the count and two for the fixed columns."""
    stats = bool(query.include_stats)
    first, last = query.bounds()
    statement = _statement(laid, filters)
    limited = tree.limited(statement, tree.Limit(first, last - first))
    found = fetch_rows(_compiled(laid, limited, filters).flat)
    hidden = list(laid.view.hidden)
    rows = [
        ListRow(data=list(row[len(hidden) :]), hidden=dict(zip(hidden, row, strict=False))) for row in found
    ]
    if laid.view.form == "CollectionProtocol":
        for row in rows:
            row.hidden["catalogId"] = None
        if stats:
            _add_counts(rows)
    return ListDetail(
        columns=[_typed(laid, each) for each in laid.settings.columns or []],
        fixed_columns=_fixed(laid, stats),
        rows=rows,
        size=size(laid, filters) if query.include_count else None,
    )


def _add_counts(rows: Sequence[ListRow]) -> None:
    """Participants and specimens of each protocol; specimen-centric ones have no participants: -1."""
    ids = [int(row.hidden["cpId"] or 0) for row in rows]
    participants, specimens = totals("registration", ids), totals("specimen", ids)
    centric = set(
        CollectionProtocol.objects.filter(pk__in=ids, specimen_centric=True).values_list("pk", flat=True)
    )
    for pk, row in zip(ids, rows, strict=True):
        row.fixed_data = [-1 if pk in centric else participants.get(pk, 0), specimens.get(pk, 0)]


def size(laid: Laid, filters: Sequence[FilterColumn]) -> int:
    """How many rows the list has."""
    return count_rows(_compiled(laid, _statement(laid, filters), filters, ordered=False).flat)


def values(laid: Laid, query: ValuesQuery) -> list[str]:
    """The distinct values of a configured expression, sorted; identifying ones only where the caller may see them."""
    expr = laid.allowed(query.expr)
    if has_aggregate(expr):
        raise Refused(INVALID_INPUT(name="expr", value=(query.expr or "")[:80]))
    where: tree.Condition = tree.Existence(expr, "exists")
    if query.search_term:
        text = tree.Concat((expr, tree.Literal("")), None)
        where = tree.Logic("and", (where, tree.TextMatch(text, "contains", query.search_term)))
    statement = tree.Statement(
        columns=(tree.Column(expr, None, query.expr or ""),),
        distinct=True,
        where=where,
        order_by=(tree.SortKey(expr, descending=False),),
        limit=tree.Limit(0, MAX_VALUES),
    )
    visible = visibility(laid, only_phi=is_identifying(laid, expr))
    compiled = compile_query(Request(statement, laid.around, laid.view.form, visible), catalogue)
    return sorted({row[0] for row in fetch_rows(compiled.flat) if row[0] not in (None, "", MASK)})


def _statement(laid: Laid, filters: Sequence[FilterColumn]) -> tree.Statement:
    """Hidden columns, then the configured ones, and what the caller looks for."""
    hidden = [tree.Column(tree.Path(path), f"${name}", path) for name, path in laid.view.hidden.items()]
    shown = [
        tree.Column(expression(each.expr), each.caption, each.expr or "")
        for each in laid.settings.columns or []
    ]
    where: list[tree.Condition] = [tree.Existence(tree.Path(f"{laid.view.form}.id"), "any")]
    having: list[tree.Condition] = []
    for wanted in filters:
        expr = laid.allowed(wanted.expr)
        condition = condition_of(expr, wanted, laid.typed.value(expr))
        if condition is not None:
            (having if has_aggregate(expr) else where).append(condition)
    return tree.Statement(
        columns=(*hidden, *shown),
        distinct=False,
        where=_all(where),
        having=_all(having) if having else None,
        order_by=_order(laid),
    )


def _all(conditions: Sequence[tree.Condition]) -> tree.Condition:
    return conditions[0] if len(conditions) == 1 else tree.Logic("and", tuple(conditions))


def _order(laid: Laid) -> tuple[tree.SortKey, ...]:
    """Starred protocols first; names sort nothing for those who may not see all of them."""
    keys = []
    if laid.view.form == "CollectionProtocol":
        keys.append(tree.SortKey(tree.Path(STARS), descending=True))
    masked = visibility(laid).phi is not None
    for each in laid.settings.order_by or []:
        expr = expression(each.expr)
        if not (masked and is_identifying(laid, expr)):
            keys.append(tree.SortKey(expr, descending=(each.direction or "").lower() == "desc"))
    return tuple(keys)


def _compiled(
    laid: Laid, statement: tree.Statement, filters: Sequence[FilterColumn], *, ordered: bool = True
) -> Compiled:
    """Looking for an identity only reaches where the caller may see identities."""
    named = any(wanted.values and is_identifying(laid, laid.allowed(wanted.expr)) for wanted in filters)
    visible = visibility(laid, only_phi=named)
    request = Request(statement, laid.around, laid.view.form, visible, ordered=ordered)
    return compile_query(request, catalogue)


# --- Who sees what ----------------------------------------------------------------------------------


def is_identifying(laid: Laid, expr: tree.Expr) -> bool:
    """Whether an identifying field stands anywhere in the expression."""
    typed = laid.typed
    found: list[Value] = [typed.value(path) for path in paths(expr)]
    return any(each.phi for each in found)


def visibility(laid: Laid, *, only_phi: bool = False) -> Visibility:
    """The caller's rows of the list, as conditions on its records; masked where they may not see identities."""
    conditions: list[tuple[str, Sql]] = []
    actor, row = laid.actor, laid.protocol
    if row is not None:
        conditions.append((f"{laid.view.protocol_column} = {{}}", value(row.pk)))
    if actor.is_super:
        return Visibility(root=tuple(conditions), strict=True)
    readable = laid.view.rows(actor)
    if row is not None:
        readable = readable.filter(**{laid.view.protocol_column: row.pk})
    conditions.append(("id IN ({})", _sub_select(readable)))
    everywhere = row is not None and bool(allowed_among(actor, [row.pk], PHI, "Read"))
    phi = None if everywhere else _sub_select(protocols_for(actor, PHI, "Read"))
    rows = phi if only_phi else None
    return Visibility(rows=rows, phi=phi, root=tuple(conditions), strict=True)


def _sub_select(rows: QuerySet[Any]) -> Sql:
    try:
        text, params = rows.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return Sql("SELECT NULL::bigint WHERE FALSE")
    return Sql(text, tuple(params))
