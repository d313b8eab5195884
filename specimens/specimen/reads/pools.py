"""What went into pooled specimens, and what specimens were pooled into (spec 03 §3.10)."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Q

from specimens.specimen.models import PoolMember
from specimens.specimen.reads.rows import Row, rows_by_id


class Pools(NamedTuple):
    """By the specimen's id: the members of a pool, and the pools a member is in."""

    members: dict[int | None, list[Row]]
    pools: dict[int | None, list[Row]]


NO_POOLS = Pools({}, {})


def pools_of(rows: Sequence[Row]) -> Pools:
    """The pools around the rows, deleted specimens left out. Two queries, none where nothing is pooled."""
    ids = [row.id for row in rows if row.pooled and row.id is not None]
    if not ids:
        return NO_POOLS
    links = PoolMember.objects.filter(Q(pool__in=ids) | Q(member__in=ids)).order_by("pk")
    pairs = list(links.values_list("pool_id", "member_id"))
    around = rows_by_id(list({pk for pair in pairs for pk in pair}))
    found = {row.id: row for row in around if row.activity_status != "Disabled"}
    members: dict[int | None, list[Row]] = {}
    pools: dict[int | None, list[Row]] = {}
    for pool, member in pairs:
        if pool in found and member in found:
            members.setdefault(pool, []).append(found[member])
            pools.setdefault(member, []).append(found[pool])
    return Pools(members, pools)
