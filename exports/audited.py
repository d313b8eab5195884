"""What the audit reports of exports."""

from biobank.audit.registry import Report, register_report
from exports.objects.models import ObjectExport
from sessions_auth.models import User

register_report(
    Report(
        "query_exim",
        "export_jobs.csv",
        f"""
        SELECT j.id AS "Job", j.created_at AS "Date", u.login_name AS "User", u.email_address AS "Email",
            'Export' AS "Operation", j.name AS "Object Type",
            round(extract(epoch FROM j.finished_at - j.created_at)::numeric, 3) AS "Seconds", j.records AS "Records",
            j.state AS "State", j.finished_at AS "Finished", j.params AS "Parameters", j.record_ids AS "Record IDs"
        FROM {ObjectExport._meta.db_table} j LEFT JOIN {User._meta.db_table} u ON u.id = j.created_by_id
        WHERE j.created_at >= %(start)s AND j.created_at < %(end)s
            AND (%(users)s::bigint[] IS NULL OR j.created_by_id = ANY(%(users)s::bigint[])) ORDER BY j.id""",  # noqa: S608
    )
)
