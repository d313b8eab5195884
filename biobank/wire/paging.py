"""Paging and counting (spec 01 §A.6)."""

import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

import orjson
from django.db.models import Model, Q, QuerySet

from biobank import memory
from biobank.wire.detail import Payload, Whole

M = TypeVar("M", bound=Model)
DEEP = 500  # rows; up to here an offset costs next to nothing
MARK_SECONDS = 600


class Paged(Payload):
    """Query parameters of a list: `startAt` (negative is 0) and `maxResults` (0 or less is the default)."""

    start_at: Whole = 0
    max_results: Whole = 100

    def bounds(self, default: int = 100, cap: int | None = None) -> tuple[int, int]:
        """First row and one past the last row of the page."""
        start = max(self.start_at or 0, 0)
        size = self.max_results or 0
        size = default if size <= 0 or (cap is not None and size > cap) else size
        return start, start + size

    def page(self, rows: QuerySet[M], default: int = 100) -> Sequence[M]:
        first, last = self.bounds(default)
        return list(rows[first:last])

    def keys(self, rows: QuerySet[Any], caller: int, *order: str, most: int | None = None) -> list[int]:
        """The primary keys of the page, in the order named (columns that are never null, `pk` last).

        Clients read lists to the end by counting `startAt` up, and each offset has to walk over all rows before it.
        So the last row of a full page is remembered for the caller, and the page that follows begins behind that
        row: by index, and without losing or repeating rows when others write in between.
        """
        first, last = self.bounds()
        last = last if most is None else min(last, first + most)
        columns = [name.lstrip("-") for name in order]
        asked = self.model_dump(mode="json", exclude={"start_at", "max_results"})
        mark = hashlib.sha256(orjson.dumps([type(self).__name__, caller, order, asked])).hexdigest()
        before = memory.recall(f"page:{mark}:{first}") if first >= DEEP else None
        rows = rows.order_by(*order)
        page = rows[first:last] if before is None else rows.filter(_behind(order, before))[: last - first]
        found = list(page.values_list(*columns))
        if len(found) == last - first and last >= DEEP:
            memory.remember(f"page:{mark}:{last}", found[-1], MARK_SECONDS)
        return [row[-1] for row in found]


def _behind(order: Sequence[str], row: Sequence[Any]) -> Q:
    """The rows that follow `row`; the first column bounds them once more, for the index."""
    found = Q()
    same = Q()
    for name, value in zip(order, row, strict=True):
        column = name.lstrip("-")
        found |= same & Q(**{f"{column}__{'lt' if name.startswith('-') else 'gt'}": value})
        same &= Q(**{column: value})
    column = order[0].lstrip("-")
    return Q(**{f"{column}__{'lte' if order[0].startswith('-') else 'gte'}": row[0]}) & found


class Count(Payload):
    """Answer of every `…/count` call."""

    count: int
