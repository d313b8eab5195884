"""Running compiled queries: a slot, a time limit, one snapshot, and an entry in the audit log (spec 05 §3)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper

from biobank.access import Actor
from biobank.configuration.reads import number
from biobank.wire.errors import Refused
from queries import reports
from queries.columns import Output
from queries.compiler import labels
from queries.csv import Preamble, header, write_rows
from queries.errors import TIMEOUT, TOO_BUSY, Malformed
from queries.models import QueryAudit
from queries.requests import Prepared
from queries.sql import Sql, sql

SLOTS = 0x0517  # the advisory locks of running queries: (SLOTS, 1), (SLOTS, 2), …
DEFAULT_SECONDS = 55
_FOR_LARGE_RESULTS = "set_config('work_mem', '32MB', true), set_config('jit', 'off', true)"
_CANCELLED, _STACK_DEPTH = "57014", "54001"


@dataclass(frozen=True, slots=True)
class Result:
    """A result in memory: its columns, rows of texts and nulls, and the joined rows before folding."""

    outputs: list[Output]
    rows: list[Any]
    database_rows: int
    labels: list[str] = field(default_factory=list)


def execute(prepared: Prepared, actor: Actor, seconds: int | None = DEFAULT_SECONDS) -> Result:
    """Run a query and keep its rows; `seconds` None is no limit. Raises `Refused` (too busy, time-out, malformed)."""
    with _audited(prepared, actor) as count, _running(seconds) as cursor:
        widths = _widths(cursor, prepared)
        _run(cursor, prepared.compiled.select(widths, counted=True))
        rows: list[Any] = cursor.fetchall()
        outputs = prepared.compiled.outputs(widths)
        total = len(rows)
        if prepared.compiled.folded is not None:
            total = sum(row[-1] for row in rows)
            rows = [row[:-1] for row in rows]
        count.rows = len(rows)
    result = Result(outputs, rows, total, labels(outputs))
    if prepared.statement.report is None:
        return result
    shaped = reports.shape(prepared.statement.report, result.outputs, result.labels, result.rows)
    return Result(shaped.outputs, shaped.rows, total, shaped.labels)


def export(prepared: Prepared, actor: Actor, file: BinaryIO, preamble: Preamble) -> int:
    """Write the whole result as CSV (spec 05 §8) and return its number of rows; PostgreSQL writes the lines itself."""
    if prepared.statement.report is not None:
        result = execute(prepared, actor, None)
        header(file, preamble, [label.replace("# ", "_") for label in result.labels])
        write_rows(file, result.rows, marker=reports.TOTAL)
        return len(result.rows)
    with _audited(prepared, actor) as count, _running(None) as cursor:
        widths = _widths(cursor, prepared)
        header(file, preamble, labels(prepared.compiled.outputs(widths), csv=True))
        query = _literal(cursor, prepared.compiled.select(widths))
        cursor.copy_expert(f"COPY ({query}) TO STDOUT WITH (FORMAT csv, FORCE_QUOTE *)", file)
        count.rows = cursor.rowcount
    return count.rows


def fetch_rows(query: Sql) -> list[tuple[Any, ...]]:
    """The rows of a list view. Lists are looked at all the time: they take no slot and leave no audit entry."""
    with _running(DEFAULT_SECONDS, slot=False) as cursor:
        _run(cursor, query)
        return list(cursor.fetchall())


def count_rows(query: Sql) -> int:
    """How many rows a list view has."""
    return int(fetch_rows(sql("SELECT count(*) FROM ({}) q", query))[0][0])


@dataclass(slots=True)
class _Count:
    rows: int = 0


@contextmanager
def _audited(prepared: Prepared, actor: Actor) -> Iterator[_Count]:
    """Note who asked what and how many rows came back; failed runs count -1."""
    count, started, failed = _Count(), time.monotonic(), True
    try:
        yield count
        failed = False
    finally:
        QueryAudit.objects.create(
            query_id=prepared.question.saved_query_id,
            run_by_id=actor.user_id,
            milliseconds=int((time.monotonic() - started) * 1000),
            run_type=prepared.question.run_type[:32],
            record_count=-1 if failed else count.rows,
            aql=prepared.question.aql,
            sql=prepared.compiled.flat.text,
        )


@contextmanager
def _running(seconds: int | None, *, slot: bool = True) -> Iterator[CursorWrapper]:
    """One snapshot, one of the server's slots for queries, and a time limit; database errors become refusals."""
    nested = connection.in_atomic_block
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if not nested:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if slot:
                _take_slot(cursor)
            limit = 0 if seconds is None else seconds * 1000
            cursor.execute(
                f"SELECT {_FOR_LARGE_RESULTS}, set_config('statement_timeout', %s, true)", [str(limit)]
            )
            yield cursor
            if nested:
                cursor.execute("SELECT set_config('statement_timeout', '0', true)")
    except DatabaseError as error:
        raise _refusal(error, seconds) from error


def _take_slot(cursor: CursorWrapper) -> None:
    """Held until the transaction ends, however it ends (spec 05 §3.10)."""
    cursor.execute(
        "SELECT slot FROM generate_series(1, %s) slot WHERE pg_try_advisory_xact_lock(%s, slot) LIMIT 1",
        [max(1, number("query", "max_concurrent_queries")), SLOTS],
    )
    if cursor.fetchone() is None:
        raise Refused(TOO_BUSY())


def _refusal(error: DatabaseError, seconds: int | None) -> Exception:
    """What a failed statement means to the caller; failures of the server itself stay what they are."""
    diagnosis = getattr(error.__cause__, "diag", None)
    state = getattr(diagnosis, "sqlstate", None) or ""
    if state == _CANCELLED and seconds is not None:
        return Refused(TIMEOUT(seconds=seconds))
    if state[:2] in ("22", "42") or state == _STACK_DEPTH:
        reason = getattr(diagnosis, "message_primary", None) or "the database refused it"
        return Malformed(reason)
    return error


def _widths(cursor: CursorWrapper, prepared: Prepared) -> list[int | None]:
    probe = prepared.compiled.probe
    if probe is None:
        return []
    _run(cursor, probe)
    return list(cursor.fetchone() or ())


def _run(cursor: CursorWrapper, query: Sql) -> None:
    cursor.execute(_literal(cursor, query))


def _literal(cursor: CursorWrapper, query: Sql) -> str:
    """The statement with its values quoted by the driver: COPY takes no parameters."""
    text = cursor.mogrify(query.text, list(query.params))
    return text.decode() if isinstance(text, bytes) else str(text)
