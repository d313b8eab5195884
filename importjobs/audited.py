"""What the audit reports of imports."""

from biobank.audit.registry import Report, register_report
from importjobs.models import ImportJob
from sessions_auth.models import User

register_report(
    Report(
        "query_exim",
        "import_jobs.csv",
        f"""
        SELECT j.created_at AS "Date", u.login_name AS "User", j.name AS "Object Type", j.type AS "Import Type",
            j.filename AS "File", j.rows AS "Rows", j.failed AS "Failed", j.state AS "State",
            j.finished_at AS "Finished"
        FROM {ImportJob._meta.db_table} j LEFT JOIN {User._meta.db_table} u ON u.id = j.created_by_id
        WHERE j.created_at >= %(start)s AND j.created_at < %(end)s
            AND (%(users)s::bigint[] IS NULL OR j.created_by_id = ANY(%(users)s::bigint[])) ORDER BY j.id""",  # noqa: S608
    )
)
