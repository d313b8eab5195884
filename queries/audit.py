"""The log of executed queries (spec 05 §6)."""

from __future__ import annotations

from django.db.models import QuerySet

from biobank.access import Actor
from biobank.wire.errors import Refused
from queries import saved
from queries.detail import AuditDetail, AuditEntry, AuditQuery
from queries.errors import AUDIT_LOG_NOT_FOUND
from queries.models import QueryAudit


def visible(actor: Actor) -> QuerySet[QueryAudit]:
    """All entries, those of the own institute, or the caller's own."""
    rows = QueryAudit.objects.select_related("query", "run_by")
    if actor.is_super:
        return rows
    if actor.is_institute_admin:
        return rows.filter(run_by__institute=actor.institute_id)
    return rows.filter(run_by=actor.user_id)


def listed(wanted: AuditQuery, actor: Actor) -> QuerySet[QueryAudit]:
    rows = visible(actor)
    if wanted.query:
        if wanted.query.isdecimal():
            rows = rows.filter(query=int(wanted.query) % 2**63)
        else:
            rows = rows.filter(query__title__icontains=wanted.query)
    if wanted.user_id is not None:
        rows = rows.filter(run_by=wanted.user_id)
    return rows.order_by("pk" if (wanted.order_direction or "").lower() == "asc" else "-pk")


def of_query(pk: int, actor: Actor) -> QuerySet[QueryAudit]:
    saved.saved_query(pk, actor)
    return visible(actor).filter(query=pk).order_by("-pk")


def entry(row: QueryAudit) -> AuditEntry:
    return AuditEntry(**_facts(row))


def detail(pk: int, actor: Actor) -> AuditDetail:
    """An entry with the query's text and SQL. Raises `QUERY_AUDIT_LOG_NOT_FOUND`."""
    row = visible(actor).filter(pk=pk).first()
    if row is None:
        raise Refused(AUDIT_LOG_NOT_FOUND.missing(id=pk))
    return AuditDetail(**_facts(row), aql=row.aql, sql=row.sql)


def _facts(row: QueryAudit) -> dict[str, object]:
    return {
        "id": row.pk,
        "query_id": row.query_id,
        "query_title": row.query.title if row.query else None,
        "run_by": saved.short(row.run_by),
        "time_of_execution": row.at,
        "time_to_finish": row.milliseconds,
        "run_type": row.run_type,
        "record_count": row.record_count,
    }
