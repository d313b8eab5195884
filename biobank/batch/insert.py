"""Rows into tables at database speed: keys taken in blocks, rows sent by COPY."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from operator import itemgetter
from secrets import token_hex
from typing import Any, TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)

_ARRAY = str.maketrans({"\\": "\\\\", '"': '\\"'})
_BLOCK = 1 << 17  # characters handed to the database at a time


def take_keys(model: type[models.Model], count: int) -> list[int]:
    """`count` fresh primary keys of a table, in one statement; gaps are harmless."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [f'"{model._meta.db_table}"', model._meta.pk.column, count],
        )
        return [row[0] for row in cursor.fetchall()]


def insert(rows: Sequence[M]) -> None:
    """Insert model instances of one class by COPY; rows without a key get one. Triggers fire as usual."""
    if not rows:
        return
    model = type(rows[0])
    primary = model._meta.pk.attname
    held = [row.__dict__ for row in rows]
    keyless = [values for values in held if values[primary] is None]
    for values, key in zip(keyless, take_keys(model, len(keyless)) if keyless else [], strict=True):
        values[primary] = key
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    cells = zip(*map(itemgetter(*[field.attname for field in fields]), held), strict=True)
    sent = [(field, _encoded(field, column)) for field, column in zip(fields, cells, strict=True)]
    _copy(
        model._meta.db_table, [(str(field.column), column) for field, column in sent if not _is_empty(column)]
    )
    alias = connection.alias  # looked up anew by every mention
    for values in held:
        state = values["_state"]
        state.adding = False
        state.db = alias


def _is_empty(column: Sequence[Any]) -> bool:
    """Whether nothing need be sent: no column of ours has a default in the database."""
    return column[0] is None and column.count(None) == len(column)


def _copy(table: str, columns: Sequence[tuple[str, Sequence[Any]]]) -> None:
    """Send the columns as CSV, which Python writes and PostgreSQL reads without a step of ours a cell."""
    null = ""
    cells: Iterable[Sequence[Any]] = [column for _, column in columns]
    if any("" in column for column in cells):  # an empty text must not read as NULL
        null = token_hex(8)
        cells = [[null if cell is None else cell for cell in column] for column in cells]
    buffer = io.StringIO()
    csv.writer(buffer).writerows(zip(*cells, strict=True))
    text = buffer.getvalue()
    if "\x00" in text:  # PostgreSQL has no such character
        text = text.replace("\x00", "")
    names = ", ".join(f'"{name}"' for name, _ in columns)
    # Django wraps the errors of `execute` by itself, but not those of `copy_expert`.
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(
            f"COPY \"{table}\" ({names}) FROM STDIN (FORMAT csv, NULL '{null}')", io.StringIO(text), _BLOCK
        )


def _encoded(field: "models.Field[Any, Any]", column: Sequence[Any]) -> Sequence[Any]:
    """The cells of a column as CSV can carry them."""
    if isinstance(field, models.JSONField):
        return [None if cell is None else json.dumps(cell) for cell in column]
    if hasattr(field, "base_field"):
        return [None if cell is None else _array(cell) for cell in column]
    return column


def _array(value: Iterable[Any]) -> str:
    inner = ",".join(f'"{str(item).translate(_ARRAY)}"' for item in value)
    return f"{{{inner}}}"


def as_text(field: "models.Field[Any, Any]", column: Sequence[Any]) -> list[str | None]:
    """The cells of a column as PostgreSQL reads them from text."""
    cells = _encoded(field, column)
    return [None if cell is None else str(cell).replace("\x00", "") for cell in cells]
