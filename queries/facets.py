"""The distinct values of fields, for choosing among them (spec 05 §3.6)."""

from __future__ import annotations

from biobank.access import Actor
from biobank.catalogue import catalogue
from queries import tree
from queries.columns import MASK
from queries.detail import Facet, FacetRequest
from queries.errors import Malformed
from queries.parser import parse
from queries.requests import Question, prepare_statement
from queries.runner import execute

MAX_ROWS = 500


def facets(asked: FacetRequest, actor: Actor) -> list[Facet]:
    """One entry a facet, its values sorted. Raises Malformed for unknown fields."""
    restriction = parse(asked.restriction) if asked.restriction else None
    if restriction is not None and restriction.columns:
        raise Malformed("A restriction is a condition without a select list")
    return [_facet(path or "", asked, restriction, actor) for path in asked.facets or []]


def _facet(path: str, asked: FacetRequest, restriction: tree.Statement | None, actor: Actor) -> Facet:
    form_name, _, name = path.partition(".")
    form = catalogue.form(form_name)
    found = form.by_name.get(name) if form else None
    if found is None:
        raise Malformed(f"There is no field {path[:80]}")
    field = tree.Path(path)
    where: tree.Condition = tree.Existence(field, "exists")
    if asked.search_term:
        text = tree.Concat((field, tree.Literal("")), None)
        where = tree.Logic("and", (where, tree.TextMatch(text, "contains", asked.search_term)))
    if restriction is not None:
        where = tree.Logic("and", (where, restriction.where))
    statement = tree.Statement(
        columns=(tree.Column(field, None, path),),
        distinct=True,
        where=where,
        order_by=(tree.SortKey(field, descending=False),),
        limit=tree.Limit(0, MAX_ROWS),
    )
    question = Question(
        aql=f"select distinct {path}",
        cp_id=asked.cp_id,
        cp_group_id=asked.cp_group_id,
        driving_form="Participant" if restriction is not None else form_name,
        case_sensitive=False,
        run_type="Facet",
    )
    rows = execute(prepare_statement(question, statement, actor), actor).rows
    values = sorted({row[0] for row in rows if row[0] not in (None, "", MASK)})
    return Facet(expr=path, caption=found.caption, values=values, db_rows=len(rows))
