"""Scheduled queries whose workers are killed, whose beat ticks twice, and whose messages are lost."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection, connections

from biobank.celery import app
from biobank.jobs.reaper import reap
from queries import files, scheduling
from queries.models import DueTime, ScheduledRun
from sessions_auth.models import User
from sessions_auth.tokens import issue
from tests.client import Api
from tests.faults.conftest import LEASE, Worker, until
from tests.faults.test_import_faults import somebody_waits
from tests.queries.conftest import Biobank

pytestmark = pytest.mark.fault

StartWorker = Callable[..., Worker]


@pytest.fixture
def api(committed: str) -> Api:
    return Api(issue(User.objects.get(login_name="admin")))


@pytest.fixture(autouse=True)
def quick_recovery(settings: Any) -> None:
    """The same times as the workers have."""
    settings.JOB_LEASE_SECONDS, settings.JOB_REAP_SECONDS = LEASE, 0.5


@pytest.fixture
def job(api: Api) -> int:
    """A job that runs every minute; its query reads the pick lists, so that a lock on these halts it."""
    Biobank()
    for path in files.results_folder().iterdir():
        path.unlink()  # copied databases give the same ids again
    query = {
        "title": "Diagnoses",
        "selectList": ["SpecimenCollectionGroup.name", "SpecimenCollectionGroup.clinicalDiagnoses.code"],
        "filters": [{"id": 1, "field": "SpecimenCollectionGroup.id", "op": "EXISTS"}],
        "queryExpression": [{"nodeType": "FILTER", "value": 1}],
        "wideRowMode": "OFF",
    }
    pk = api.post("/saved-queries", query).json["id"]
    body = {"name": "Often", "type": "QUERY", "savedQuery": {"id": pk}, "repeatSchedule": "MINUTELY"}
    made: int = api.post("/scheduled-jobs", body).json["id"]
    return made


@contextlib.contextmanager
def halted(session: Any) -> Iterator[None]:
    """Make the query wait in the middle of its statement."""
    with session.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE terminology_permissiblevalue IN ACCESS EXCLUSIVE MODE")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def fire(job: int) -> int:
    (run,) = scheduling.fire_due(DueTime.objects.get(job=job).at)
    return run


def path_of(run: int) -> Path:
    query = ScheduledRun.objects.get(pk=run).job.saved_query_id
    return files.results_folder() / f"scheduled_query_{query}_{run}.csv"


def is_over(run: int) -> Callable[[], bool]:
    """True when the run has ended; looks for lost jobs meanwhile, as beat would."""

    def look() -> bool:
        reap()
        time.sleep(0.2)
        return ScheduledRun.objects.get(pk=run).is_over

    return look


def has_one_complete_file(run: int) -> None:
    assert ScheduledRun.objects.get(pk=run).status == "SUCCEEDED"
    assert path_of(run).read_text().splitlines()[3:] == [
        '"Visit_Name","Visit_Clinical Diagnosis Code"',
        '"V1",',
        '"V2",',
        '"V3",',
    ]


def test_a_worker_killed_while_writing_leaves_no_half_file(
    job: int, start_worker: StartWorker, second_session: Any
) -> None:
    run = fire(job)
    with halted(second_session):
        victim = start_worker("queries")
        until(somebody_waits, "the worker to be in the middle of its statement")
        victim.kill()
    assert not path_of(run).exists()
    start_worker("queries")
    until(is_over(run), "the run to end", 120)
    has_one_complete_file(run)
    assert ScheduledRun.objects.count() == 1


def test_a_lost_message_is_sent_again(job: int, start_worker: StartWorker, broker: redis.Redis) -> None:
    run = fire(job)
    broker.flushdb()
    start_worker("queries")
    until(is_over(run), "the run to end", 120)
    has_one_complete_file(run)


def test_two_beats_fire_once(job: int, broker: redis.Redis) -> None:
    due = DueTime.objects.get(job=job).at + timedelta(seconds=30)
    barrier, fired = threading.Barrier(4), list[int]()

    def tick() -> None:
        try:
            barrier.wait()
            fired.extend(scheduling.fire_due(due))
        finally:
            connections.close_all()

    beats = [threading.Thread(target=tick) for _ in range(4)]
    for beat in beats:
        beat.start()
    for beat in beats:
        beat.join()
    assert fired == list(ScheduledRun.objects.values_list("pk", flat=True))
    assert len(fired) == 1


def test_two_workers_on_one_run_write_one_file(
    job: int, start_worker: StartWorker, second_session: Any, broker: redis.Redis
) -> None:
    with halted(second_session):
        run = fire(job)
        app.send_task("queries.tasks.run_scheduled", args=[run])
        start_worker("queries", concurrency=2)
        until(somebody_waits, "a worker to be in the middle of its statement")
        time.sleep(1)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            assert cursor.fetchone() == (1,)
    until(is_over(run), "the run to end", 120)
    has_one_complete_file(run)
