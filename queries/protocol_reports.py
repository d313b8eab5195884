"""Reports of protocols: how they are made, making one, and fetching it (spec 02 §A12)."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings as server
from django.db import transaction
from django.http import FileResponse
from django.utils import timezone

from biobank.access import Actor
from biobank.jobs.models import State
from biobank.jobs.runner import Unworkable, send
from biobank.records import ActivityStatus, stamp
from biobank.wire.dates import server_zone
from biobank.wire.errors import ACCESS_DENIED, INVALID_REQUEST, Refused
from biobank.wire.uploads import download
from queries import saved
from queries.errors import NOT_FOUND, REPORT_DISABLED, REPORT_GONE
from queries.files import results_folder, write_result
from queries.models import ProtocolReport, ReportSettings
from queries.report_detail import ReportSettingsDetail
from queries.requests import Prepared, prepare
from queries.runs import actor_now, is_busy, reasons, try_later
from sessions_auth import mail
from sessions_auth.models import User
from sessions_auth.reads import load_users, summaries
from sessions_auth.rules import NOT_FOUND as USER_NOT_FOUND
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.reads.protocols import protocol, protocol_summaries
from specimens.protocol.reads.scopes import READ, UPDATE

# --- Settings ---------------------------------------------------------------------------------------


def stored(row: CollectionProtocol) -> ReportSettings | None:
    found = ReportSettings.objects.filter(protocol=row).select_related(
        "data_query__created_by", "data_query__last_modified_by"
    )
    return found.first()


def shown(pk: int, actor: Actor) -> ReportSettingsDetail | None:
    """How reports of the protocol are made; None when nobody said. Raises CP_NOT_FOUND, RBAC_ACCESS_DENIED."""
    row = protocol(pk, actor, READ)
    found = stored(row)
    return detail(found, row) if found is not None else None


def detail(found: ReportSettings, row: CollectionProtocol) -> ReportSettingsDetail:
    people = summaries(found.recipients.values_list("pk", flat=True))
    return ReportSettingsDetail(
        id=found.pk,
        cp=protocol_summaries([row])[0],
        enabled=found.enabled,
        recipients=[people[pk] for pk in sorted(people)],
        data_query=saved.summary(found.data_query) if found.data_query else None,
        metrics_cfg=found.metrics_cfg,
        email_tmpl=found.email_tmpl,
        email_tmpl_key=found.email_tmpl_key,
    )


def save(pk: int, given: ReportSettingsDetail, actor: Actor) -> ReportSettingsDetail:
    """Replace the settings. Raises CP_NOT_FOUND, RBAC_ACCESS_DENIED, USER_NOT_FOUND, QUERY_NOT_FOUND."""
    row = protocol(pk, actor, UPDATE)
    users = load_users(given.recipients or [])
    recipients = []
    for ref in given.recipients or []:
        user = users.find(ref)
        if user is None:
            raise Refused(USER_NOT_FOUND(key=ref.id or ref.email_address or ref.login_name))
        recipients.append(user.pk)
    query_id = given.data_query.id if given.data_query else None
    if query_id is not None and not saved.living().filter(pk=query_id).exists():
        raise Refused(NOT_FOUND(id=query_id))
    with transaction.atomic():
        stamp(actor)
        CollectionProtocol.objects.select_for_update().get(pk=row.pk)  # two at once come one after the other
        found, _ = ReportSettings.objects.update_or_create(
            protocol=row,
            defaults={
                "enabled": given.enabled is not False,
                "data_query_id": query_id,
                "metrics_cfg": given.metrics_cfg,
                "email_tmpl": given.email_tmpl,
                "email_tmpl_key": (given.email_tmpl_key or "")[:255] or None,
            },
        )
        found.recipients.set(recipients)
    fresh = stored(row)
    return detail(fresh or found, row)


def remove(pk: int, actor: Actor) -> ReportSettingsDetail | None:
    """Forget the settings; answers them as they were."""
    row = protocol(pk, actor, UPDATE)
    found = stored(row)
    if found is None:
        return None
    gone = detail(found, row)
    with transaction.atomic():
        stamp(actor)
        found.delete()
    return gone


# --- Reports ----------------------------------------------------------------------------------------


def start(pk: int, actor: Actor) -> ProtocolReport:
    """Have a report made in the caller's name. Raises CP_NOT_FOUND, RBAC_ACCESS_DENIED, CP_RPT_DISABLED, `QUERY_…`.

    It is mailed to the recipients, so it takes the right to change the protocol.
    """
    row = protocol(pk, actor, UPDATE)
    _prepared(row, actor)
    with transaction.atomic():
        made = ProtocolReport.objects.create(protocol=row, created_by_id=actor.user_id)
        send(made)
    return made


def _prepared(row: CollectionProtocol, actor: Actor) -> Prepared:
    found = stored(row)
    query = found.data_query if found is not None else None
    if found is None or not found.enabled or query is None:
        raise Refused(REPORT_DISABLED())
    if query.activity_status == ActivityStatus.DISABLED:
        raise Refused(REPORT_DISABLED())
    asked = saved.question(query, cp_id=row.pk, cp_group_id=None, run_type="Export")
    return prepare(asked, actor)


def run(made: ProtocolReport) -> bool:
    """Write the report's file, end it and tell the recipients; what it shows is decided by its author's rights now."""
    try:
        if made.created_by is None or made.protocol.activity_status == ActivityStatus.DISABLED:
            raise Refused(ACCESS_DENIED())
        actor = actor_now(made.created_by)
        write_result(path_of(made).name, None, _prepared(made.protocol, actor), actor)
    except Refused as refused:
        if is_busy(refused):
            try_later(made)
            return False
        raise Unworkable(reasons(refused)) from None
    with transaction.atomic():
        made.finish(State.DONE)
        transaction.on_commit(lambda: tell(made))
    return False


def path_of(made: ProtocolReport) -> Path:
    return results_folder() / f"{made.file_id}.csv"


def tell(made: ProtocolReport) -> None:
    """Mail the recipients and the author where the report is; the report itself stays here."""
    found = ReportSettings.objects.filter(protocol=made.protocol_id).first()
    ids = set(found.recipients.values_list("pk", flat=True)) if found else set()
    ids.add(made.created_by_id or 0)
    users = User.objects.filter(pk__in=ids, activity_status="Active").exclude(email_address="").order_by("pk")
    base = f"{server.APP_URL.rstrip('/')}{server.REST_PREFIX}"
    link = f"{base}/collection-protocols/{made.protocol_id}/report?fileId={made.file_id}"
    mail.send(
        f"A report of {made.protocol.short_title} is ready",
        f"It can be downloaded here:\n\n{link}\n",
        list(users.values_list("email_address", flat=True)),
        personal=True,
    )


def fetched(pk: int, file_id: str | None, actor: Actor) -> FileResponse:
    """A finished report, for its author, the recipients and super administrators.

    Raises CP_NOT_FOUND, RBAC_ACCESS_DENIED, INVALID_REQUEST, CP_RPT_FILE_NOT_FOUND.
    """
    row = protocol(pk, actor, READ)
    if not file_id:
        raise Refused(INVALID_REQUEST(reason="fileId is missing"))
    made = ProtocolReport.objects.filter(protocol=row, file_id=file_id, state=State.DONE).first()
    if made is None:
        raise Refused(REPORT_GONE())
    receives = ReportSettings.objects.filter(protocol=row, recipients=actor.user_id)
    if not (actor.is_super or made.created_by_id == actor.user_id or receives.exists()):
        raise Refused(ACCESS_DENIED())
    moment = (made.finished_at or timezone.now()).astimezone(server_zone())
    return download(path_of(made), f"CpReport_{moment:%Y%m%d_%H%M%S}.csv", "text/csv", gone=REPORT_GONE)
