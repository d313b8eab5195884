"""Paging and counting (spec 01 §A.6)."""

from collections.abc import Sequence
from typing import TypeVar

from django.db.models import Model, QuerySet

from biobank.wire.detail import Payload, Whole

M = TypeVar("M", bound=Model)


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


class Count(Payload):
    """Answer of every `…/count` call."""

    count: int
