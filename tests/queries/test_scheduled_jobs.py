"""Scheduled jobs and their runs over HTTP, and firing what is due (spec 05 §7)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from biobank.wire.errors import Refused
from queries import files, scheduling
from queries.errors import TOO_BUSY
from queries.models import DueTime, SavedQuery, ScheduledJob, ScheduledRun
from queries.tasks import run_scheduled
from sessions_auth.models import User
from tests import factories
from tests.client import Api, Statuses
from tests.queries.conftest import Biobank
from tests.queries.test_saved_queries import definition, filter_token


@pytest.fixture
def query(api: Api, biobank: Biobank) -> int:
    body = definition(
        selectList=["Participant.ppid", "Participant.firstName", "Participant.race", "Specimen.label"],
        filters=[{"id": 1, "field": "Participant.id", "op": "EXISTS"}],
        queryExpression=[filter_token(1)],
        cpId=biobank.lung.pk,
    )
    pk: int = api.post("/saved-queries", body).json["id"]
    return pk


def job(query: int, **more: Any) -> dict[str, Any]:
    return {
        "name": "Nightly", "type": "QUERY", "savedQuery": {"id": query}, "repeatSchedule": "DAILY",
        "scheduledHour": 2, "scheduledMinute": "30", "startDate": 1704067200000, **more,
    }  # fmt: skip


def finish(run: ScheduledRun) -> ScheduledRun:
    """Work on a run as a worker would."""
    run_scheduled(run.pk)
    run.refresh_from_db()
    return run


def lines(run: ScheduledRun) -> list[str]:
    return (files.results_folder() / run.file_name).read_text().splitlines()


def test_create_read_replace_delete(api: Api, admin: User, query: int, statuses: Statuses) -> None:
    made = api.post("/scheduled-jobs", job(query, recipients=[{"id": admin.pk}]))
    assert made.status == statuses.created
    shown = made.json
    assert (shown["isActiveJob"], shown["createdBy"]["id"], shown["savedQuery"]["id"]) == (
        True,
        admin.pk,
        query,
    )
    assert shown["nextRunOn"] % 86_400_000 == (2 * 60 + 30) * 60_000
    assert api.get(f"/scheduled-jobs/{shown['id']}").json == shown
    path = f"/scheduled-jobs/{shown['id']}"
    replaced = api.put(path, job(query, repeatSchedule="ONDEMAND", startDate=None, name="By hand")).json
    assert (replaced["scheduledHour"], replaced["nextRunOn"], replaced["startDate"]) == (
        None,
        None,
        1704067200000,
    )
    assert [each["name"] for each in api.get("/scheduled-jobs?query=HAND").json] == ["By hand"]
    assert api.get("/scheduled-jobs/count?type=QUERY").json == {"count": 1}
    assert api.get("/scheduled-jobs?type=NONSENSE").codes == ["INVALID_REQUEST"]
    deleted = api.delete(path).json
    assert deleted["activityStatus"] == "Disabled"
    assert deleted["name"].startswith("By hand_")
    gone = api.get(path)
    assert (gone.status, gone.codes) == (statuses.not_found, ["SCHEDULED_JOB_NOT_FOUND"])
    assert api.post("/scheduled-jobs", job(query, name="By hand")).status == statuses.created


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"name": ""}, ["SCHEDULED_JOB_NAME_REQUIRED"]),
        ({"type": None}, ["SCHEDULED_JOB_INVALID_TYPE"]),
        ({"type": "EXTERNAL"}, ["SCHEDULED_JOB_EXT_TASK_FORBIDDEN"]),
        ({"type": "INTERNAL"}, ["SCHEDULED_JOB_TASK_IMPL_FQN_REQUIRED"]),
        ({"type": "INTERNAL", "taskImplFqn": "x.Y"}, ["SCHEDULED_JOB_INVALID_TASK_IMPL_FQN"]),
        ({"savedQuery": None}, ["SCHEDULED_JOB_QUERY_REQ"]),
        ({"savedQuery": {"id": 999999}}, ["QUERY_NOT_FOUND"]),
        ({"repeatSchedule": None}, ["SCHEDULED_JOB_REPEAT_SCHEDULE_REQUIRED"]),
        ({"repeatSchedule": "YEARLY"}, ["SCHEDULED_JOB_INVALID_REPEAT_SCHEDULE"]),
        ({"scheduledHour": 24}, ["SCHEDULED_JOB_INVALID_SCHEDULED_TIME"]),
        ({"scheduledMinute": None}, ["SCHEDULED_JOB_INVALID_SCHEDULED_TIME"]),
        ({"repeatSchedule": "WEEKLY"}, ["SCHEDULED_JOB_INVALID_SCHEDULED_TIME"]),
        ({"repeatSchedule": "MONTHLY", "scheduledDayOfMonth": 32}, ["SCHEDULED_JOB_INVALID_SCHEDULED_TIME"]),
        ({"repeatSchedule": "MINUTELY", "minutelyInterval": -1}, ["SCHEDULED_JOB_INVALID_SCHEDULED_TIME"]),
        ({"repeatSchedule": "HOURLY", "hourlyInterval": 0}, ["SCHEDULED_JOB_INVALID_SCHEDULED_TIME"]),
        ({"endDate": 1704067100000}, ["SCHEDULED_JOB_END_DATE_BEFORE_START_DATE"]),
        ({"activityStatus": "Sleeping"}, ["ACTIVITY_STATUS_INVALID"]),
        ({"runAs": {"id": 999999}}, ["USER_NOT_FOUND"]),
        ({"recipients": [{"id": 999999}]}, ["USER_ONE_OR_MORE_NOT_FOUND"]),
        ({"name": None, "scheduledHour": -1}, ["SCHEDULED_JOB_NAME_REQUIRED", "SCHEDULED_JOB_INVALID_SCHEDULED_TIME"]),
    ],
)  # fmt: skip
def test_what_cannot_be_scheduled(api: Api, query: int, change: dict[str, Any], codes: list[str]) -> None:
    answer = api.post("/scheduled-jobs", job(query, **change))
    assert (answer.status, answer.codes) == (400, codes)
    assert not ScheduledJob.objects.exists()


def test_names_are_unique(api: Api, query: int) -> None:
    api.post("/scheduled-jobs", job(query))
    assert api.post("/scheduled-jobs", job(query, name="NIGHTLY")).codes == ["SCHEDULED_JOB_DUP_JOB_NAME"]


def test_a_due_job_writes_its_file_and_says_so(api: Api, admin: User, query: int) -> None:
    pk = api.post("/scheduled-jobs", job(query)).json["id"]
    due = DueTime.objects.get(job=pk).at
    assert scheduling.fire_due(due - timedelta(seconds=1)) == []
    (run_id,) = scheduling.fire_due(due)
    assert DueTime.objects.get(job=pk).at == due + timedelta(days=1)
    run = finish(ScheduledRun.objects.get(pk=run_id))
    assert (run.status, run.file_name) == ("SUCCEEDED", f"scheduled_query_{query}_{run_id}.csv")
    assert lines(run)[2:] == [
        '"Collection Protocol","LUNG"',
        '"",""',
        '"Participant_PPID","Participant_First Name","Participant_Race","Participant_Race - 1","Specimen_Label"',
        '"P1","Zoë","White","Asian","S1"',
        '"P1","Zoë","White","Asian","S1.1"',
        '"P1","Zoë","White","Asian","S2"',
        '"P2","Ada",,,',
    ]
    shown = api.get(f"/scheduled-jobs/{pk}/runs").json[0]
    assert (shown["id"], shown["status"], shown["runBy"]["id"]) == (run_id, "SUCCEEDED", admin.pk)
    assert Path(shown["logFilePath"]).name == run.file_name
    file = api.get(f"/scheduled-jobs/{pk}/runs/{run_id}/result-file")
    assert file.headers["Content-Disposition"] == f'attachment; filename="{run.file_name}"'
    assert file.body.decode().splitlines() == lines(run)
    assert api.get(f"/scheduled-jobs/{pk}/runs?status=FAILED").json == []
    assert api.get(f"/scheduled-jobs/{pk}/runs?fromDate=20000101&toDate=20000102").json == []
    assert api.get(f"/scheduled-jobs/{pk}/runs?fromDate=yesterday").codes == ["INVALID_REQUEST"]


def test_no_other_file_stands_in_the_folder(api: Api, query: int) -> None:
    pk = api.post("/scheduled-jobs", job(query, repeatSchedule="ONDEMAND")).json["id"]
    before = set(files.results_folder().iterdir())
    api.post(f"/scheduled-jobs/{pk}/runs", {})
    run = finish(ScheduledRun.objects.get())
    assert set(files.results_folder().iterdir()) - before == {files.results_folder() / run.file_name}


def test_a_job_never_overlaps_itself(api: Api, query: int) -> None:
    pk = api.post("/scheduled-jobs", job(query, repeatSchedule="MINUTELY")).json["id"]
    due = DueTime.objects.get(job=pk).at
    (first,) = scheduling.fire_due(due)
    assert scheduling.fire_due(due + timedelta(minutes=1)) == []
    assert api.post(f"/scheduled-jobs/{pk}/runs").json["id"] == pk
    finish(ScheduledRun.objects.get())
    (second,) = scheduling.fire_due(due + timedelta(minutes=10))
    assert (first < second, ScheduledRun.objects.count()) == (True, 2)


def test_a_run_waits_while_too_many_queries_are_running(
    api: Api, query: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(cursor: object) -> None:
        raise Refused(TOO_BUSY())

    pk = api.post("/scheduled-jobs", job(query, repeatSchedule="ONDEMAND")).json["id"]
    api.post(f"/scheduled-jobs/{pk}/runs", {})
    with monkeypatch.context() as patched:
        patched.setattr("queries.runner._take_slot", busy)
        assert finish(ScheduledRun.objects.get()).state == "pending"
    assert finish(ScheduledRun.objects.get()).status == "SUCCEEDED"


def test_a_due_time_fires_once_even_when_its_clock_is_set_back(api: Api, query: int) -> None:
    pk = api.post("/scheduled-jobs", job(query)).json["id"]
    due = DueTime.objects.get(job=pk).at
    scheduling.fire_due(due)
    finish(ScheduledRun.objects.get())
    DueTime.objects.filter(job=pk).update(at=due)
    assert scheduling.fire_due(due) == []
    assert ScheduledRun.objects.count() == 1


def test_missed_times_are_made_up_for_by_one_run(api: Api, query: int) -> None:
    pk = api.post("/scheduled-jobs", job(query)).json["id"]
    now = datetime.now(UTC) + timedelta(days=10)
    assert len(scheduling.fire_due(now)) == 1
    assert DueTime.objects.get(job=pk).at > now
    assert ScheduledRun.objects.count() == 1


def test_closed_jobs_and_ended_schedules_do_not_run(api: Api, query: int) -> None:
    closed = api.post("/scheduled-jobs", job(query, activityStatus="Closed")).json
    assert (closed["isActiveJob"], closed["nextRunOn"]) == (False, None)
    ended = api.post("/scheduled-jobs", job(query, name="Ended", endDate=1704067200001)).json
    assert ended["nextRunOn"] is None
    api.post(f"/scheduled-jobs/{closed['id']}/runs", {})
    assert scheduling.fire_due(datetime.now(UTC) + timedelta(days=3)) == []
    assert not ScheduledRun.objects.exists()


# --- Whose rights ---------------------------------------------------------------------------------------


@pytest.fixture
def scheduler(biobank: Biobank) -> User:
    """A regular user who may schedule and query, and sees participants without identifiers."""
    user = factories.user(of=biobank.institute)
    everything = ["Create", "Read", "Update", "Delete"]
    rights = {"Query": everything, "ScheduledJob": everything, "ParticipantDeid": ["Read"]}
    factories.grant(user, rights, site=biobank.site)
    return user


def test_timer_runs_have_the_rights_of_run_as(api: Api, query: int, scheduler: User) -> None:
    pk = api.post("/scheduled-jobs", job(query, runAs={"id": scheduler.pk})).json["id"]
    scheduling.fire_due(DueTime.objects.get(job=pk).at)
    run = finish(ScheduledRun.objects.get())
    assert run.run_by == scheduler
    assert '"P1","##########","White","Asian","S1"' in lines(run)


def test_rights_count_at_the_time_of_the_run(
    as_user: Callable[[User], Api], api: Api, query: int, scheduler: User
) -> None:
    pk = as_user(scheduler).post("/scheduled-jobs", job(query)).json["id"]
    scheduler.subject_roles.all().delete()
    scheduling.fire_due(DueTime.objects.get(job=pk).at)
    run = finish(ScheduledRun.objects.get())
    assert (run.status, run.file_name) == ("FAILED", "")
    assert run.error.startswith("RBAC_ACCESS_DENIED")
    assert api.get(f"/scheduled-jobs/{pk}/runs/{run.pk}").json["message"] == run.error
    file = api.get(f"/scheduled-jobs/{pk}/runs/{run.pk}/result-file")
    assert (file.status, file.codes) == (400, ["SCHEDULED_JOB_RESULT_DATA_FILE_NOT_AVAILABLE"])


def test_those_who_left_run_nothing(api: Api, query: int, scheduler: User) -> None:
    pk = api.post("/scheduled-jobs", job(query, runAs={"id": scheduler.pk})).json["id"]
    User.objects.filter(pk=scheduler.pk).update(activity_status="Closed")
    scheduling.fire_due(DueTime.objects.get(job=pk).at)
    assert finish(ScheduledRun.objects.get()).status == "FAILED"


def test_a_deleted_query_fails_the_run(api: Api, query: int) -> None:
    pk = api.post("/scheduled-jobs", job(query)).json["id"]
    scheduling.fire_due(DueTime.objects.get(job=pk).at)
    SavedQuery.objects.update(activity_status="Disabled")
    assert finish(ScheduledRun.objects.get()).error.startswith("QUERY_NOT_FOUND")


def test_results_are_for_their_runner_and_recipients(
    api: Api, as_user: Callable[[User], Api], query: int, scheduler: User, statuses: Statuses
) -> None:
    body = job(query, repeatSchedule="ONDEMAND")
    pk = api.post("/scheduled-jobs", body).json["id"]
    api.post(f"/scheduled-jobs/{pk}/runs", {"args": "a b"})
    run = finish(ScheduledRun.objects.get())
    assert run.rt_args == "a b"
    path = f"/scheduled-jobs/{pk}/runs/{run.pk}/result-file"
    other = as_user(scheduler)
    refused = other.get(path)
    assert (refused.status, refused.codes) == (statuses.forbidden, ["SCHEDULED_JOB_OP_NOT_ALLOWED"])
    assert other.get(f"/scheduled-jobs/{pk}").codes == ["SCHEDULED_JOB_OP_NOT_ALLOWED"]
    assert other.get("/scheduled-jobs").json == []
    api.put(
        f"/scheduled-jobs/{pk}",
        {**body, "recipients": [{"id": scheduler.pk}], "sharedWith": [{"id": scheduler.pk}]},
    )
    assert other.get(path).status == 200
    assert other.get(f"/scheduled-jobs/{pk}").status == 200
    assert other.delete(f"/scheduled-jobs/{pk}").codes == ["SCHEDULED_JOB_OP_NOT_ALLOWED"]
    (files.results_folder() / run.file_name).unlink()
    gone = api.get(path)
    assert (gone.status, gone.codes) == (statuses.not_found, ["SCHEDULED_JOB_RESULT_DATA_FILE_NOT_FOUND"])
    assert api.get(f"/scheduled-jobs/{pk}/runs/999999").codes == ["SCHEDULED_JOB_JOB_RUN_NOT_FOUND"]


@pytest.mark.django_db(transaction=False)
def test_recipients_are_told(
    api: Api, query: int, scheduler: User, django_capture_on_commit_callbacks: Any
) -> None:
    body = job(query, repeatSchedule="ONDEMAND", recipients=[{"id": scheduler.pk}])
    pk = api.post("/scheduled-jobs", body).json["id"]
    api.post(f"/scheduled-jobs/{pk}/runs", {})
    with django_capture_on_commit_callbacks(execute=True):
        finish(ScheduledRun.objects.get())
    (message,) = mail.outbox
    assert scheduler.email_address in message.to
    assert message.subject == "Nightly: finished"
