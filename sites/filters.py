"""How the lists of institutes and sites are narrowed (spec 01 §E.1, §E.2)."""

from typing import Any

from django.db.models import QuerySet
from django_filters import CharFilter, FilterSet


class NameFilter(FilterSet):  # type: ignore[misc]
    """`name` is contained in the record's name, or equal to it with `exact_match`; case does not count."""

    name = CharFilter(method="by_name")

    def by_name(self, rows: QuerySet[Any], attribute: str, value: str) -> QuerySet[Any]:
        lookup = "iexact" if self.data.get("exact_match") else "icontains"
        return rows.filter(**{f"{attribute}__{lookup}": value})


class SiteFilter(NameFilter):
    """Also by the exact name of the institute."""

    institute = CharFilter(field_name="institute__name", lookup_expr="iexact")
