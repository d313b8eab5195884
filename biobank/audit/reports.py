"""Reports of what was done in a period: CSVs that PostgreSQL writes, in one zip (spec 01 §A.11)."""
# ruff: noqa: S608 - names of tables and columns come from models, values are always parameters

import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone
from django.utils.module_loading import import_string

from biobank.access import Actor
from biobank.audit import rules
from biobank.audit.detail import ReportRequest
from biobank.audit.models import ApiCall, AuditReport
from biobank.audit.registry import REPORT_TYPES, Report, Source, entities, register_report
from biobank.audit.registry import reports as declared
from biobank.configuration.reads import number
from biobank.files import folder, published
from biobank.jobs.models import State
from biobank.jobs.runner import send
from biobank.wire.dates import server_zone
from biobank.wire.errors import FILE_NOT_FOUND, Refused, refuse_if

WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.1
_DATA = "data_changes.csv"
_DATA_COLUMNS = (
    "Date", "User", "Impersonated By", "Door", "IP Address", "Operation", "Object", "Object ID", "Part", "Reason",
    "Changes",
)  # fmt: skip

register_report(
    Report(
        "api_calls",
        "api_calls.csv",
        f"""
        SELECT c.started_at AS "Start", c.ended_at AS "End", u.login_name AS "User", i.login_name AS "Impersonated By",
            c.ip_address AS "IP Address", c.token_id AS "Token", c.method AS "Method", c.path AS "Path",
            c.status AS "Status"
        FROM {ApiCall._meta.db_table} c LEFT JOIN {get_user_model()._meta.db_table} u ON u.id = c.user_id
        LEFT JOIN {get_user_model()._meta.db_table} i ON i.id = c.impersonated_by
        WHERE c.started_at >= %(start)s AND c.started_at < %(end)s
            AND (%(users)s::bigint[] IS NULL OR c.user_id = ANY(%(users)s::bigint[])) ORDER BY c.id""",
    )
)


def reports_folder() -> Path:
    return folder("audit-reports")


# --- Asking -----------------------------------------------------------------------------------------


def start(asked: ReportRequest, actor: Actor) -> AuditReport:
    """Put a report into the queue. Raises RBAC_ADMIN_RIGHTS_REQUIRED and the codes of spec 01 §A.11."""
    actor.require_super()
    zone, days = server_zone(), number("common", "max_audit_report_period")
    now = timezone.now()
    period = rules.period(asked.start_date, asked.end_date, now, zone, days)
    refuse_if(rules.period_problems(period, now.astimezone(zone).date(), days))
    refuse_if(rules.unknown_types(asked.report_types or []))
    wanted = list(dict.fromkeys(asked.user_ids or []))
    known = set(get_user_model()._default_manager.filter(pk__in=wanted).values_list("pk", flat=True))
    unknown = [pk for pk in wanted if pk not in known]
    if unknown:
        raise Refused(rules.USERS_NOT_FOUND(ids=", ".join(map(str, unknown[:5]))))
    with transaction.atomic():
        made = AuditReport.objects.create(
            first_day=period.first,
            last_day=period.last,
            user_ids=wanted or None,
            report_types=list(dict.fromkeys(asked.report_types or REPORT_TYPES)),
            created_by_id=actor.user_id,
        )
        send(made)
    return made


def wait_for(made: AuditReport, seconds: float | None = None) -> bool:
    """Whether the report ended while the client is kept waiting; if not, it will be mailed."""
    deadline = time.monotonic() + (WAIT_SECONDS if seconds is None else seconds)
    while True:
        made.refresh_from_db()
        if made.is_over:
            return True
        if time.monotonic() > deadline:
            unfinished = AuditReport.objects.filter(pk=made.pk, state__in=[State.PENDING, State.RUNNING])
            return not unfinished.update(mail_when_done=True)
        time.sleep(_POLL_SECONDS)


def file_of(file_id: str | None, actor: Actor) -> Path:
    """A finished report. Raises RBAC_ADMIN_RIGHTS_REQUIRED, COMMON_FILE_NOT_FOUND."""
    actor.require_super()
    made = AuditReport.objects.filter(file_id=file_id or "", state=State.DONE).first()
    if made is None:
        raise Refused(FILE_NOT_FOUND())
    return path_of(made)


def path_of(made: AuditReport) -> Path:
    return reports_folder() / f"{made.file_id}.zip"


# --- Writing ----------------------------------------------------------------------------------------


def run(made: AuditReport) -> bool:
    """Write the report's file and end it."""
    start, end = rules.Period(made.first_day, made.last_day).bounds(server_zone())
    values = {"start": start, "end": end, "users": made.user_ids}
    with (
        published(path_of(made)) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        if "data" in made.report_types:
            with archive.open(_DATA, "w", force_zip64=True) as entry:
                _write_changes(cursor, cast(BinaryIO, entry), values)
        for report in declared(made.report_types):
            with archive.open(report.file, "w", force_zip64=True) as entry:
                _copy(cursor, report.select, values, cast(BinaryIO, entry), header=True)
    with transaction.atomic():
        made.finish(State.DONE)
        transaction.on_commit(lambda: tell(made))
    return False


def _write_changes(cursor: CursorWrapper, file: BinaryIO, values: dict[str, Any]) -> None:
    """One line a row of history: what it changed, as JSON of keys with the old and the new value."""
    file.write((",".join(_DATA_COLUMNS) + "\n").encode())
    for kind in entities():
        for source in kind.sources:
            _copy(cursor, _changes(kind.name, source), {**values, "kind": kind.name}, file, header=False)


def _changes(name: str, source: Source) -> str:
    kept = ", ".join(f"'{column}'" for column in source.columns)
    return f"""
        SELECT h.pgh_created_at, c.metadata ->> 'login', i.login_name, c.metadata ->> 'via', c.metadata ->> 'ip',
            upper(h.pgh_label), %(kind)s, h.{source.owner}, nullif('{source.prefix}', ''), c.metadata ->> 'reason',
            d.changes
        FROM {source.table} h LEFT JOIN pghistory_context c ON c.id = h.pgh_context_id
        LEFT JOIN {get_user_model()._meta.db_table} i ON i.id = (c.metadata ->> 'impersonated_by')::bigint
        LEFT JOIN LATERAL (SELECT * FROM {source.table} b WHERE b.pgh_obj_id = h.pgh_obj_id AND b.pgh_id < h.pgh_id
            ORDER BY b.pgh_id DESC LIMIT 1) p ON h.pgh_label = 'update'
        CROSS JOIN LATERAL (
            SELECT jsonb_object_agg(n.key, jsonb_build_array(o.value, n.value)) AS changes
            FROM jsonb_each(to_jsonb(h)) n LEFT JOIN jsonb_each(to_jsonb(p)) o ON o.key = n.key
            WHERE n.key IN ({kept}) AND n.value IS DISTINCT FROM coalesce(o.value, 'null')) d
        WHERE h.pgh_created_at >= %(start)s AND h.pgh_created_at < %(end)s
            AND (%(users)s::bigint[] IS NULL OR (c.metadata ->> 'user')::bigint = ANY(%(users)s::bigint[]))
        ORDER BY h.pgh_id"""


def _copy(
    cursor: CursorWrapper, select: str, values: dict[str, Any], file: BinaryIO, *, header: bool
) -> None:
    """COPY takes no parameters, so the driver quotes the values."""
    query = cursor.mogrify(select, values).decode()
    cursor.copy_expert(f"COPY ({query}) TO STDOUT WITH (FORMAT csv{', HEADER' if header else ''})", file)


def tell(made: AuditReport) -> None:
    """Mail who asked, when they were not waiting any more."""
    made.refresh_from_db(fields=["mail_when_done"])
    user = made.created_by
    if not made.mail_when_done or user is None:
        return
    link = f"{settings.APP_URL.rstrip('/')}{settings.REST_PREFIX}/audit/revisions-file?fileId={made.file_id}"
    _mail("The audit report is ready", f"It can be downloaded here:\n\n{link}\n", [user.email_address])


def _mail(subject: str, text: str, to: Sequence[str]) -> None:
    import_string(settings.MAILER)(subject, text, to, personal=True)
