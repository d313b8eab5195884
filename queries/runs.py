"""What workers do: the runs of scheduled jobs, and exports (spec 05 §3.7, §7.3, §7.4)."""

from __future__ import annotations

import re
import time

from django.db import transaction

from biobank.access import Actor
from biobank.configuration.reads import flag
from biobank.jobs.models import Job, State
from biobank.jobs.runner import send
from biobank.records import ActivityStatus
from biobank.wire.errors import ACCESS_DENIED, Refused
from queries import saved
from queries.detail import QueryRun
from queries.errors import EXPORT_IN_PROGRESS, EXPORT_NOT_FOUND, NOT_FOUND, TOO_BUSY
from queries.files import results_folder, write_result
from queries.models import QueryExport, ScheduledRun
from queries.notices import tell_finished
from queries.requests import Prepared, Question, prepare
from sessions_auth.actor import actor_of
from sessions_auth.models import User

WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.1
_STRAY = re.compile(r"\s|\.\.|/|\\")


# --- Scheduled runs --------------------------------------------------------------------------------------


def run_scheduled(run: ScheduledRun) -> bool:
    """Write the run's file and end it; what the caller may see is decided now, not when it was scheduled."""
    try:
        actor = actor_now(run.run_by)
        query = run.job.saved_query
        if query is None or query.activity_status == ActivityStatus.DISABLED:
            raise Refused(NOT_FOUND(id=run.job.saved_query_id))
        prepared = prepare(saved.question(query, run_type="Export"), actor)
        name = f"scheduled_query_{query.pk}_{run.pk}.csv"
        zipped = flag("query", "zip_scheduled_results")
        file_name = f"{name}.zip" if zipped else name
        rows = write_result(file_name, name if zipped else None, prepared, actor)
    except Refused as refused:
        if is_busy(refused):
            try_later(run)
        else:
            _end(run, State.FAILED, error=reasons(refused))
    else:
        _end(run, State.DONE, file_name=file_name, row_count=rows)
    return False


def actor_now(user: User) -> Actor:
    """The user's rights as they are now; refuses those who may not sign in any more."""
    if user.activity_status != ActivityStatus.ACTIVE:
        raise Refused(ACCESS_DENIED())
    return actor_of(user, via="system")


def is_busy(refused: Refused) -> bool:
    return any(problem.code == TOO_BUSY.code for problem in refused.problems)


def try_later(job: Job) -> None:
    """All slots for queries are taken: put the job back; the reaper sends it again."""
    with transaction.atomic():
        job.hand_over()


def reasons(refused: Refused) -> str:
    return "; ".join(f"{problem.code}: {problem.message}" for problem in refused.problems)[:2000]


def _end(run: ScheduledRun, state: State, **facts: object) -> None:
    with transaction.atomic():
        run.finish(state, **facts)
        transaction.on_commit(lambda: tell_finished(run))


# --- Exports -----------------------------------------------------------------------------------------------


def question_of(body: QueryRun, **more: object) -> Question:
    """The question a body asks; flags from its own defaults (spec 05 §3.1)."""
    asked = {
        "aql": body.aql or "",
        "cp_id": body.cp_id,
        "cp_group_id": body.cp_group_id,
        "driving_form": body.driving_form or "Participant",
        "wide_row_mode": body.wide_row_mode or "OFF",
        "output_column_exprs": bool(body.output_column_exprs),
        "output_iso_date_time": bool(body.output_iso_date_time),
        "case_sensitive": True if body.case_sensitive is None else body.case_sensitive,
        "run_type": body.run_type or "Data",
        "saved_query_id": _known_query(body.saved_query_id),
    }
    return Question(**{**asked, **more})  # type: ignore[arg-type]


def _known_query(pk: int | None) -> int | None:
    """The id only labels the audit entry, so an unknown one is dropped."""
    return pk if pk is not None and saved.living().filter(pk=pk).exists() else None


def start_export(body: QueryRun, actor: Actor, client_zone: str | None = None) -> QueryExport:
    """Check the query and put its export into the queue; raises `Refused` as running it would."""
    prepare(question_of(body, run_type="Export"), actor, client_zone)
    request = {**body.model_dump(mode="json", by_alias=True), "clientZone": client_zone}
    with transaction.atomic():
        made = QueryExport.objects.create(request=request, created_by_id=actor.user_id)
        made.file_id = made.file_id.replace("query_0_", f"query_{_known_query(body.saved_query_id) or 0}_", 1)
        made.save(update_fields=["file_id"])
        send(made)
    return made


def wait_for(made: QueryExport, seconds: float | None = None) -> bool:
    """Whether the export ended within the time a client is kept waiting."""
    deadline = time.monotonic() + (WAIT_SECONDS if seconds is None else seconds)
    while True:
        made.refresh_from_db()
        if made.is_over or time.monotonic() > deadline:
            return made.is_over
        time.sleep(_POLL_SECONDS)


def run_export(made: QueryExport) -> bool:
    """Write the export's file and end it."""
    try:
        if made.created_by is None:
            raise Refused(ACCESS_DENIED())
        actor = actor_now(made.created_by)
        zone = made.request.get("clientZone")
        prepared: Prepared = prepare(
            question_of(QueryRun.parse(made.request), run_type="Export"), actor, zone
        )
        entry = f"{made.file_id.rsplit('_', 1)[0]}.csv"
        write_result(made.file_id, entry, prepared, actor, zone)
        state, error = State.DONE, ""
    except Refused as refused:
        if is_busy(refused):
            try_later(made)
            return False
        state, error = State.FAILED, reasons(refused)
    with transaction.atomic():
        made.finish(state, error=error)
    return False


def exported_file(file_id: str | None, actor: Actor) -> QueryExport:
    """A finished export of the caller (or anybody's, for a super administrator).

    Raises `QUERY_EXPORT_DATA_IN_PROGRESS`, `QUERY_EXPORT_DATA_FILE_NOT_FOUND`, `RBAC_ACCESS_DENIED`.
    """
    made = QueryExport.objects.filter(file_id=clean_name(file_id or "")).first()
    if made is None:
        raise Refused(EXPORT_NOT_FOUND.missing())
    if not actor.is_super and made.created_by_id != actor.user_id:
        raise Refused(ACCESS_DENIED())
    if not made.is_over:
        raise Refused(EXPORT_IN_PROGRESS())
    if made.state != State.DONE or not (results_folder() / made.file_id).exists():
        raise Refused(EXPORT_NOT_FOUND.missing())
    return made


def clean_name(name: str) -> str:
    """A file name without white space and without anything that leads elsewhere."""
    return _STRAY.sub("", name)
