"""Many stored rows changed by one statement."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db import connection, models

from biobank.batch.insert import as_text

M = TypeVar("M", bound=models.Model)

_SIZE = re.compile(r"\([^)]*\)")  # a cast to varchar(9) would cut a text in silence; assigning it refuses


def update(rows: Sequence[M], attributes: Iterable[str]) -> None:
    """Write the named columns (`attname`s) of stored model instances of one class, in one statement."""
    wanted = set(attributes)
    if not rows or not wanted:
        return
    meta = type(rows[0])._meta
    fields = [field for field in meta.concrete_fields if field.attname in wanted and not field.primary_key]
    assigned = ", ".join(f'"{field.column}" = new."{field.column}"::{_type(field)}' for field in fields)
    names = ", ".join(f'"{field.column}"' for field in fields)
    arrays = ", ".join(["%s::bigint[]"] + ["%s::text[]"] * len(fields))
    columns: list[list[Any]] = [[row.pk for row in rows]]
    columns += [as_text(field, [row.__dict__[field.attname] for row in rows]) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{meta.db_table}" AS stored SET {assigned} FROM unnest({arrays}) AS new (pk, {names}) '  # noqa: S608
            f'WHERE stored."{meta.pk.column}" = new.pk',
            columns,
        )


def _type(field: "models.Field[Any, Any]") -> str:
    declared = field.rel_db_type(connection) if field.is_relation else field.db_type(connection)
    return _SIZE.sub("", declared or "text")
