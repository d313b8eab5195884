"""A reason of its own for every row of a batch that is written at once.

The history takes the reason from the transaction, so rows of different reasons would have to be written apart. Instead
they are written under one context without a reason, and the rows of the history that came of it are given a context
for each reason afterwards. Where they cannot be told apart by the record, nothing may stay: `Untraceable`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, models

from biobank.access import Actor
from biobank.records import contexts, past, stamp

Row = tuple[int, str | None]  # the record's key, and the reason


class Untraceable(Exception):
    """The history holds something of the batch of which it is not known to which row it belongs."""


@dataclass(frozen=True)
class Traces:
    """What a row of a door leaves in the history.

    `model` has the keys that the door answers. `parts` are models written along: the attribute of the record, and
    the column of the part's history that has the same value.
    """

    model: type[models.Model]
    parts: Mapping[type[models.Model], tuple[str, str]] = field(default_factory=dict)


class Trail:
    """From its making on, what the transaction writes is found again; made before the batch is written."""

    def __init__(self, traces: Traces, actor: Actor) -> None:
        self._traces, self._actor = traces, actor
        self._context = stamp(actor)
        self._links = {traces.model: ("pk", "pgh_obj_id"), **traces.parts}
        self._marks = {model: self._newest(model) for model in self._links}
        self._before = _written()

    def explain(self, rows: Sequence[Row]) -> None:
        """Give what was written the reasons of its rows; a fixed number of statements. Raises `Untraceable`."""
        self._check_tables()
        given = contexts(self._actor, {reason for _, reason in rows if reason})
        whose = {pk: given[reason] if reason else self._context for pk, reason in rows}
        if len(whose) < len(rows):
            raise Untraceable
        for model, (attribute, column) in self._links.items():
            self._move(model, column, self._keys(attribute, whose))

    def _keys(self, attribute: str, whose: Mapping[int, UUID]) -> Mapping[int, UUID]:
        if attribute == "pk":
            return whose
        records = self._traces.model._default_manager.filter(pk__in=list(whose))
        found = list(records.values_list("pk", attribute))
        keys = {key: whose[pk] for pk, key in found}
        if len(keys) < len(found):  # shared by rows of several reasons
            raise Untraceable
        return keys

    def _move(self, model: type[models.Model], column: str, keys: Mapping[int, UUID]) -> None:
        table = past(model).model._meta.db_table
        ours = f'h.pgh_id > %s AND h.pgh_context_id = %s AND h."{column}"'
        where: list[Any] = [self._marks[model], self._context]
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT EXISTS (SELECT FROM "{table}" h WHERE {ours} <> ALL (%s))',  # noqa: S608
                [*where, list(keys)],
            )
            if cursor.fetchone() != (False,):
                raise Untraceable
            cursor.execute(
                f'UPDATE "{table}" h SET pgh_context_id = given.context'  # noqa: S608
                f" FROM unnest(%s::bigint[], %s::uuid[]) AS given (key, context) WHERE {ours} = given.key",
                [list(keys), [str(context) for context in keys.values()], *where],
            )

    def _check_tables(self) -> None:
        """No other door stamped the transaction, and no history but that of the traces grew."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('pghistory.context_id')")
            if cursor.fetchone() != (str(self._context),):
                raise Untraceable
        known = {past(model).model._meta.db_table for model in self._links}
        grown = {table for table, count in _written().items() if count > self._before.get(table, 0)}
        if grown & _histories() - known:
            raise Untraceable

    def _newest(self, model: type[models.Model]) -> int:
        found: int | None = past(model).aggregate(newest=models.Max("pgh_id"))["newest"]
        return found or 0


@cache
def _histories() -> frozenset[str]:
    """The tables of all histories."""
    return frozenset(
        model._meta.db_table
        for model in apps.get_models()
        if any(one.name == "pgh_obj" for one in model._meta.fields)
    )


def _written() -> dict[str, int]:
    """How many rows this transaction inserted, by table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, n_tup_ins FROM pg_stat_xact_user_tables WHERE n_tup_ins > 0")
        return dict(cursor.fetchall())
