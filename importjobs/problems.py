"""What went wrong in a job, row by row and column by column, for clients and pages.

    errors(job, 0, 100)  -> ProblemsPage: {total, rows: [{row, problems: [{code, message, column, value, hint}]}]}
    errors_csv(job)      -> the same as CSV: row, column, value, code, message, hint
    statistics(job)      -> Statistics: {rows, columns: [{column, count, distinct, values, codes}]}

Rows count as in the input file. Of an object made of several rows, each row has its own problems only; what is wrong
with the object as a whole stands with its first row.
"""

import json
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from biobank.tabular.lines import csv_lines
from importjobs import layouts
from importjobs.detail import ColumnStatistics, ProblemsPage, RowProblems, Statistics
from importjobs.models import Failure, ImportJob

LARGEST_PAGE = 1000
SHOWN = 10  # values and codes of a column
_CSV_HEADER = ["row", "column", "value", "code", "message", "hint"]
_BLOCK = 2000

_STATISTICS = f"""
    WITH problems AS (
        SELECT p->>'column' AS caption, p->>'value' AS value, p->>'code' AS code
        FROM {Failure._meta.db_table} f CROSS JOIN LATERAL jsonb_array_elements(f.problems) AS p
        WHERE f.job_id = %(job)s
    ), tallied AS (
        SELECT caption, value, code, count(*) AS n FROM problems GROUP BY caption, value, code
    ), ranked AS (
        SELECT caption, kind, what, sum(n)::bigint AS n,
            row_number() OVER (PARTITION BY caption, kind ORDER BY sum(n) DESC, what) AS place
        FROM tallied CROSS JOIN LATERAL (VALUES ('value', value), ('code', code)) AS of_kind (kind, what)
        GROUP BY caption, kind, what
    )
    SELECT caption, sum(n) FILTER (WHERE kind = 'code'), count(*) FILTER (WHERE kind = 'value'),
        coalesce(jsonb_agg(jsonb_build_object('value', what, 'count', n) ORDER BY place)
            FILTER (WHERE kind = 'value' AND place <= {SHOWN} AND caption IS NOT NULL), '[]'),
        coalesce(jsonb_agg(jsonb_build_object('value', what, 'count', n) ORDER BY place)
            FILTER (WHERE kind = 'code' AND place <= {SHOWN}), '[]')
    FROM ranked GROUP BY caption ORDER BY 2 DESC, 1 LIMIT 500"""  # noqa: S608


def errors(job: ImportJob, first: int, last: int) -> ProblemsPage:
    """The rows from `first` up to, not including, `last` of those that failed, in the order of the report."""
    rows = _wrong_rows(job)
    page = rows[first:last].values_list("number", "problems")
    return ProblemsPage(
        total=rows.count(),
        rows=[RowProblems.model_validate({"row": row, "problems": found}) for row, found in page],
    )


def errors_csv(job: ImportJob) -> Iterator[bytes]:
    """All problems as CSV, one a line."""
    return csv_lines(_lines(job), layouts.separator(job.field_separator))


def _lines(job: ImportJob) -> Iterator[list[str]]:
    yield _CSV_HEADER
    for row, found in _wrong_rows(job).values_list("number", "problems").iterator(chunk_size=_BLOCK):
        for problem in found:
            yield [str(row), *(problem.get(key) or "" for key in _CSV_HEADER[1:])]


def _wrong_rows(job: ImportJob) -> QuerySet[Failure]:
    return Failure.objects.filter(job=job).exclude(problems=[]).order_by("row")


def statistics(job: ImportJob) -> Statistics:
    """Rejected cells by column: how many, the most frequent values and codes. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_STATISTICS, {"job": job.pk})
        found = cursor.fetchall()
    return Statistics(rows=_wrong_rows(job).count(), columns=[_column(*row) for row in found])


def _column(caption: str | None, count: int, distinct: int, values: Any, codes: Any) -> ColumnStatistics:
    decoded = [json.loads(part) if isinstance(part, str) else part for part in (values, codes)]
    return ColumnStatistics.model_validate(
        {
            "column": caption,
            "count": count,
            "distinct": distinct if caption is not None else None,
            "values": decoded[0],
            "codes": decoded[1],
        }
    )
