"""Statements that PostgreSQL plans once a connection: for wide reads that take longer to plan than to run."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection

_known: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def fetch(name: str, statement: str, *parameters: Sequence[int]) -> list[tuple[Any, ...]]:
    """All rows of a statement whose `%s` are arrays of keys; its joins are taken in the order they are written in.

    `name` stands for the statement: the same name always comes with the same text. One roundtrip.
    """
    places = [f"${place}::bigint[]" for place in range(1, len(parameters) + 1)]
    values = [list(one) for one in parameters]
    with connection.cursor() as cursor:
        if connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):  # behind a pool of connections
            cursor.execute("SET LOCAL join_collapse_limit = 1; " + statement, values)
            return list(cursor.fetchall())
        known = _known.setdefault(connection.connection, set())
        first = "" if name in known else f"PREPARE {name} AS {statement % tuple(places)}; "
        cursor.execute(
            f"{first}SET LOCAL join_collapse_limit = 1; SET LOCAL plan_cache_mode = force_generic_plan; "
            f"EXECUTE {name} ({', '.join(['%s::bigint[]'] * len(values))})",
            values,
        )
        known.add(name)
        return list(cursor.fetchall())
