"""What the `Export` of a schema answers, as the CSV file that it would become."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from biobank.access import Actor
from biobank.batch import schema as schemas
from biobank.batch.schema import Cell, Column, Items, Sub, Wanted
from sessions_auth.actor import actor_of
from sessions_auth.models import User


def records(name: str, user: User, ids: Sequence[int] | None = None, **params: str) -> list[dict[str, Any]]:
    """The exported records as JSON objects."""
    schema = schemas.find(name)
    assert schema is not None
    assert schema.export is not None
    actor: Actor = actor_of(user)
    batches = schema.export.batches(Wanted(params, ids), actor)
    return [
        found if isinstance(found, dict) else found.model_dump(by_alias=True)
        for batch in batches
        for found in batch
    ]


def file(name: str, user: User, ids: Sequence[int] | None = None, **params: str) -> str:
    """The records as CSV under the template's captions, three instances of what repeats."""
    schema = schemas.find(name)
    assert schema is not None
    assert schema.export is not None
    columns = schema.export.columns or schema.columns
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow([caption for caption, _ in _cells(columns, {})])
    for found in records(name, user, ids, **params):
        writer.writerow([cell for _, cell in _cells(columns, found)])
    return target.getvalue()


def _cells(items: Items, found: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for item in items:
        value = found.get(item.attribute)
        places: list[tuple[str, Any]] = [("", value)]
        if item.multiple:
            listed = [*(value or []), None, None, None]
            places = [(f"#{n}", one) for n, one in enumerate(listed[:3], 1)]
        for number, one in places:
            if isinstance(item, Column):
                yield f"{prefix}{item.caption}{number}", _text(item, one)
            else:
                yield from _cells(item.columns, one or {}, _inner(item, prefix, number))


def _inner(item: Sub, prefix: str, number: str) -> str:
    return prefix if item.caption is None else f"{prefix}{item.caption}{number}#"


def _text(column: Column, value: Any) -> str:
    if value is None:
        return ""
    if column.cell is Cell.FLAG:
        return "yes" if value else "no"
    if column.cell is Cell.DAY:
        return f"{value:%m-%d-%Y}"
    return str(value)
