"""Looking up pick-list values: for a batch of records, and for the lists clients show (spec 01 part F)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Lower, StrIndex

from terminology.detail import PvDetail, PvQuery
from terminology.models import PermissibleValue


class Terms:
    """The pick-list values a batch needs, matched without regard to case."""

    def __init__(self, rows: Iterable[PermissibleValue]) -> None:
        self._found: dict[tuple[str, str], list[PermissibleValue]] = {}
        for row in rows:
            self._found.setdefault((row.attribute, row.value.lower()), []).append(row)

    def canonical(self, attribute: str, value: str | None) -> str | None:
        """The stored spelling, or None when the list has no such value."""
        if not value:
            return None
        found = self._found.get((attribute, value.lower()))
        return found[0].value if found else None

    def find(self, attribute: str, value: str | None) -> list[PermissibleValue]:
        """All rows with this text (a text may stand below several parents); `parent` is loaded."""
        return self._found.get((attribute, (value or "").lower()), [])


# Every write asks this: building the same statement anew would take longer than running it.
_TERMS = """
    SELECT t.id, t.activity_status, t.attribute, t.value, t.parent_id, t.concept_code, t.sort_order, t.props,
        p.id, p.activity_status, p.attribute, p.value, p.parent_id, p.concept_code, p.sort_order, p.props
    FROM terminology_permissiblevalue t
    JOIN unnest(%s::text[], %s::text[]) AS wanted (attribute, lowered)
        ON t.attribute = wanted.attribute AND lower(t.value) = wanted.lowered
    LEFT JOIN terminology_permissiblevalue p ON p.id = t.parent_id
    WHERE t.activity_status = 'Active'
    ORDER BY t.sort_order NULLS LAST, t.id
"""
_COLUMNS = ("id", "activity_status", "attribute", "value", "parent_id", "concept_code", "sort_order", "props")


def load_terms(wanted: Mapping[str, Iterable[str | None]]) -> Terms:
    """The active values named in `wanted` (attribute to texts), in one query; blanks are skipped."""
    pairs = {(attribute, value.lower()) for attribute, values in wanted.items() for value in values if value}
    if not pairs:
        return Terms(())
    with connection.cursor() as cursor:
        cursor.execute(_TERMS, [[attribute for attribute, _ in pairs], [text for _, text in pairs]])
        return Terms([_with_parent(row) for row in cursor.fetchall()])


def _with_parent(row: Sequence[Any]) -> PermissibleValue:
    found = _value(row[:8])
    found.parent = _value(row[8:]) if row[8] is not None else None
    return found


def _value(row: Sequence[Any]) -> PermissibleValue:
    return PermissibleValue.from_db(connection.alias, _COLUMNS, (*row[:7], orjson.loads(row[7])))


def listed(query: PvQuery) -> QuerySet[PermissibleValue]:
    """The rows of a list call, in its order."""
    rows = PermissibleValue.objects.select_related("parent")
    if query.attribute:
        rows = rows.filter(attribute=query.attribute)
    elif query.parent_attribute:
        rows = rows.filter(parent__attribute=query.parent_attribute)
    if query.parent_value:
        rows = rows.filter(parent__value__iexact=query.parent_value)
    if query.value:
        rows = rows.annotate(lowered=Lower("value")).filter(lowered__in=[v.lower() for v in query.value])
    elif query.search_string:
        text = query.search_string
        rows = rows.filter(Q(value__icontains=text) | Q(concept_code__icontains=text))
    children = PermissibleValue.objects.filter(parent=OuterRef("pk"), activity_status="Active")
    if query.include_only_leaf_value:
        rows = rows.filter(~Exists(children))
    if query.include_only_root_value:
        rows = rows.filter(parent=None)
    if (query.activity_status or "").lower() == "all":
        rows = rows.exclude(activity_status="Disabled")
    else:
        rows = rows.filter(activity_status__iexact=query.activity_status or "Active")
    order = (F("sort_order").asc(nulls_last=True), "value", "id")
    if query.search_string and not query.value:
        rows = rows.annotate(found_at=StrIndex(Lower("value"), Value(query.search_string.lower())))
        return rows.order_by("found_at", *order)
    return rows.order_by(*order)


def details(
    rows: Sequence[PermissibleValue], *, parents: bool = False, props: bool = False
) -> list[PvDetail]:
    return [
        PvDetail.model_construct(
            id=row.pk,
            value=row.value,
            concept_code=row.concept_code,
            parent_id=row.parent_id if parents else None,
            parent_value=row.parent.value if parents and row.parent else None,
            props=row.props if props else None,
        )
        for row in rows
    ]
