"""What the audit sees of queries, and reports of their runs."""

from django.db.models import QuerySet

from biobank.access import Actor
from biobank.audit.registry import Audited, Report, register, register_report
from queries import folders, saved, scheduled
from queries.access import require
from queries.models import QueryAudit, QueryFolder, ReportSettings, SavedQuery, ScheduledJob
from sessions_auth.models import User
from specimens.protocol.reads import protocols_for


def _queries(actor: Actor) -> QuerySet[SavedQuery]:
    require(actor, "Query", "Read")
    return saved.living().filter(saved.visible_to(actor))


def _jobs(actor: Actor) -> QuerySet[ScheduledJob]:
    require(actor, "ScheduledJob", "Read")
    return scheduled.living(actor)


register(Audited("saved_query", "Saved query", SavedQuery, _queries))
register(Audited("query_folder", "Query folder", QueryFolder, folders.visible))
register(
    Audited(
        "report_settings",
        "Report settings",
        ReportSettings,
        lambda actor: ReportSettings.objects.filter(
            protocol__in=protocols_for(actor, "CollectionProtocol", "Update")
        ),
    )
)
register(Audited("scheduled_job", "Scheduled job", ScheduledJob, _jobs))

register_report(
    Report(
        "query_exim",
        "queries.csv",
        f"""
        SELECT a.at AS "Date", u.login_name AS "User", a.run_type AS "Type", a.query_id AS "Query", q.title AS "Title",
            a.milliseconds AS "Milliseconds", a.record_count AS "Records", a.aql AS "Text"
        FROM {QueryAudit._meta.db_table} a JOIN {User._meta.db_table} u ON u.id = a.run_by_id
        LEFT JOIN {SavedQuery._meta.db_table} q ON q.id = a.query_id
        WHERE a.at >= %(start)s AND a.at < %(end)s
            AND (%(users)s::bigint[] IS NULL OR a.run_by_id = ANY(%(users)s::bigint[])) ORDER BY a.id""",  # noqa: S608
    )
)
