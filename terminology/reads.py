"""Looking up pick-list values: for a batch of records, and for the lists clients show (spec 01 part F)."""

from collections.abc import Iterable, Mapping, Sequence

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


def load_terms(wanted: Mapping[str, Iterable[str | None]]) -> Terms:
    """The active values named in `wanted` (attribute to texts), in one query; blanks are skipped."""
    condition = Q()
    for attribute, values in wanted.items():
        texts = {value.lower() for value in values if value}
        if texts:
            condition |= Q(attribute=attribute, lowered__in=texts)
    if not condition:
        return Terms(())
    rows = PermissibleValue.objects.annotate(lowered=Lower("value")).filter(
        condition, activity_status="Active"
    )
    return Terms(rows.select_related("parent").order_by(F("sort_order").asc(nulls_last=True), "id"))


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
    if query.activity_status != "all":
        rows = rows.filter(activity_status=query.activity_status or "Active")
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
