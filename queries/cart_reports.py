"""The report of a cart: the saved query that the installation names, for the specimens in it (spec 03 §4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from biobank.access import Actor
from biobank.configuration.reads import number
from queries import runs, saved
from queries.aql import Definition, text_of
from queries.detail import ExpressionToken, QueryFilter, QueryRun
from queries.models import QueryExport
from specimens.cart.models import CartItem
from specimens.cart.reads.scopes import cart
from specimens.specimen.reads import specimens_for

NOBODY = -1  # no specimen has this id


def start(pk: int, specimen_ids: Sequence[int], actor: Actor, client_zone: str | None) -> QueryExport | None:
    """Start the export; None when no query is configured. `specimen_ids` narrow it to some of the cart's specimens.

    Raises SPECIMEN_LIST_NOT_FOUND, SPECIMEN_LIST_ACCESS_NOT_ALLOWED, RBAC_ACCESS_DENIED and the codes of queries.
    """
    row = cart(actor, pk)
    query = saved.living().filter(pk=number("common", "cart_specimens_rpt_query")).first()
    if query is None:
        return None
    items = CartItem.objects.filter(cart=row, specimen__in=specimens_for(actor))
    if specimen_ids:
        items = items.filter(specimen__in=list(specimen_ids))
    ids = list(items.order_by("pk").values_list("specimen_id", flat=True))
    body = QueryRun(
        aql=text_of(narrowed(saved.definition(query), ids), saved.lookup),
        cp_id=query.protocol_id,
        cp_group_id=query.cp_group_id,
        driving_form=query.driving_form or "Participant",
        wide_row_mode=query.wide_row_mode or "DEEP",
        output_column_exprs=query.output_column_exprs,
        case_sensitive=query.case_sensitive,
        saved_query_id=query.pk,
    )
    return runs.start_export(body, actor, client_zone)


def narrowed(definition: Definition, ids: Sequence[int]) -> Definition:
    """The same query, for some specimens only."""
    own = QueryFilter(
        id=max((each.id or 0 for each in definition.filters), default=0) + 1,
        expr=f"Specimen.id in ({', '.join(map(str, ids or [NOBODY]))})",
    )

    def token(kind: str, value: object) -> ExpressionToken:
        return ExpressionToken(node_type=kind, value=value)

    before = [token("FILTER", own.id), token("OPERATOR", "AND"), token("PARENTHESIS", "LEFT")]
    return replace(
        definition,
        filters=(*definition.filters, own),
        query_expression=(*before, *definition.query_expression, token("PARENTHESIS", "RIGHT")),
    )
