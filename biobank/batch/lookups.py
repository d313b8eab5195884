"""From names to rows: one query per column per batch."""

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def by_key(rows: QuerySet[M], attribute: str, values: Iterable[Any]) -> dict[Any, M]:
    """The rows whose `attribute` is one of `values`, by that value. Blank values are not looked up."""
    wanted = {value for value in values if value not in (None, "")}
    if not wanted:
        return {}
    return {getattr(row, attribute): row for row in rows.filter(**{f"{attribute}__in": wanted})}


def by_pair(rows: QuerySet[M], first: str, second: str, pairs: Iterable[tuple[Any, Any]]) -> dict[Any, M]:
    """The rows whose two attributes equal one of `pairs`, by that pair."""
    wanted = {pair for pair in pairs if None not in pair}
    if not wanted:
        return {}
    found = rows.filter(**{f"{first}__in": {a for a, _ in wanted}, f"{second}__in": {b for _, b in wanted}})
    keyed = {(getattr(row, first), getattr(row, second)): row for row in found}
    return {pair: row for pair, row in keyed.items() if pair in wanted}
