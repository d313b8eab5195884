"""Counts that the writes keep: declared beside a model by `tallied`, read by `totals`."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import pgtrigger
from django.db import connection, models, transaction

M = TypeVar("M", bound=type[models.Model])
_TABLE = "tallies_tally"


def tallied(kind: str, *, by: str, where: str) -> Callable[[M], M]:
    """Count the model's rows for which the SQL condition `where` holds, by column `by`, under the name `kind`.

    A migration that adds this to a table with rows must run `first_count` once, after its triggers.
    """
    gone = f"SELECT {by} AS key, -1 AS n FROM old_rows WHERE {where}"  # noqa: S608
    come = f"SELECT {by} AS key, 1 AS n FROM new_rows WHERE {where}"  # noqa: S608

    def differences(*sources: str) -> str:
        rows = " UNION ALL ".join(sources)
        return (
            f"INSERT INTO {_TABLE} (kind, key, n) SELECT '{kind}', key, sum(n) FROM ({rows}) AS rows "  # noqa: S608
            "GROUP BY key HAVING sum(n) <> 0; RETURN NULL;"
        )

    def trigger(name: str, operation: pgtrigger.Operation, func: str, **tables: str) -> pgtrigger.Trigger:
        return pgtrigger.Trigger(
            name=f"{kind}_{name}",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=operation,
            referencing=pgtrigger.Referencing(**tables) if tables else None,  # type: ignore[no-untyped-call]
            func=func,
        )

    return pgtrigger.register(
        trigger("come", pgtrigger.Insert, differences(come), new="new_rows"),
        trigger("changed", pgtrigger.Update, differences(come, gone), new="new_rows", old="old_rows"),
        trigger("gone", pgtrigger.Delete, differences(gone), old="old_rows"),
        trigger("emptied", pgtrigger.Truncate, f"DELETE FROM {_TABLE} WHERE kind = '{kind}'; RETURN NULL;"),  # noqa: S608
    )


def first_count(kind: str, table: str, *, by: str, where: str) -> str:
    """The statement that counts what is in the table already."""
    return (
        f"DELETE FROM {_TABLE} WHERE kind = '{kind}'; "  # noqa: S608
        f"INSERT INTO {_TABLE} (kind, key, n) SELECT '{kind}', {by}, count(*) FROM {table} WHERE {where} GROUP BY {by}"
    )


def totals(kind: str, keys: Iterable[int]) -> dict[int, int]:
    """The numbers by key; keys without rows are left out. One query, whatever was counted."""
    wanted = list(keys)
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT key, sum(n)::bigint FROM {_TABLE} WHERE kind = %s AND key = ANY(%s) GROUP BY key",  # noqa: S608
            [kind, wanted],
        )
        return {key: n for key, n in cursor.fetchall() if n}


def fold() -> None:
    """Fold differences into one row for each kind and key; does nothing while another process is folding."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [_TABLE])
        if cursor.fetchone() != (True,):
            return
        cursor.execute(
            f"""
            WITH many AS (SELECT kind, key FROM {_TABLE} GROUP BY kind, key HAVING count(*) > 1),
                taken AS (DELETE FROM {_TABLE} USING many
                    WHERE {_TABLE}.kind = many.kind AND {_TABLE}.key = many.key
                    RETURNING {_TABLE}.kind, {_TABLE}.key, n)
            INSERT INTO {_TABLE} (kind, key, n)
            SELECT kind, key, sum(n) FROM taken GROUP BY kind, key HAVING sum(n) <> 0
            """  # noqa: S608
        )
