"""Reading many records some hundreds at a time (spec 04 §6)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from django.db.models import Model, QuerySet

from biobank.batch.schema import Wanted

D = TypeVar("D")
M = TypeVar("M", bound=Model)

SIZE = 500


def in_batches(keys: Iterable[int], details: Callable[[Sequence[int]], Sequence[D]]) -> Iterator[Sequence[D]]:
    """The details of all keys, in their order."""
    wanted = list(keys)
    for start in range(0, len(wanted), SIZE):
        yield details(wanted[start : start + SIZE])


def wanted_rows(rows: QuerySet[M], wanted: Wanted) -> QuerySet[M]:
    """The rows, narrowed to the record ids that were asked for, if any were."""
    return rows if wanted.record_ids is None else rows.filter(pk__in=wanted.record_ids)
