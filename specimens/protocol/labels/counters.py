"""Counters of label tokens: taken in blocks, never given twice, never reset (spec 02 §P3)."""

from collections.abc import Mapping
from typing import TypeAlias

from django.db import connection

CounterKey: TypeAlias = tuple[str, str]  # key type, key id

_TAKE = """
    INSERT INTO protocol_keysequence AS counter (key_type, key_id, last)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[]) ORDER BY 1, 2
    ON CONFLICT (key_type, key_id) DO UPDATE SET last = counter.last + EXCLUDED.last
    RETURNING key_type, key_id, last
"""


def take_numbers(counts: Mapping[CounterKey, int]) -> dict[CounterKey, int]:
    """Take `counts[key]` numbers of each counter; answers the first number of each block. One statement.

    The counters stay locked until the transaction ends, so a roll-back leaves no gap. Locks are taken in the
    order of the keys: two batches cannot block each other for ever.
    """
    if not counts:
        return {}
    keys = sorted(counts)
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [[k for k, _ in keys], [i for _, i in keys], [counts[key] for key in keys]])
        last = {(key_type, key_id): number for key_type, key_id, number in cursor.fetchall()}
    return {key: last[key] - counts[key] + 1 for key in keys}
