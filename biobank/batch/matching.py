"""Which stored record a row means: by its identifier, else by the key people know it by (spec 04 §3.4)."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any, TypeVar

from biobank.batch.door import Refusal

K = TypeVar("K", bound=Hashable)


def by_id_or_key(
    details: Sequence[Any],
    *,
    known: Callable[[Collection[int]], Collection[int]],
    key: Callable[[Any], K | None],
    find: Callable[[Collection[K]], Mapping[K, int]],
) -> list[int | Refusal | None]:
    """The record of each detail, None where there is none; two queries at most.

    `known` answers those of the identifiers that exist for the caller, `find` the records of keys. A detail with an
    identifier means that record or none.
    """
    ids = {detail.id for detail in details if detail.id is not None}
    there = set(known(ids)) if ids else set()
    keys = [None if detail.id is not None else key(detail) for detail in details]
    wanted = {one for one in keys if one is not None}
    found = find(wanted) if wanted else {}
    return [
        (detail.id if detail.id in there else None)
        if detail.id is not None
        else None
        if one is None
        else found.get(one)
        for detail, one in zip(details, keys, strict=True)
    ]
