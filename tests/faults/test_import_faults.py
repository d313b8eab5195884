"""Imports whose workers are killed, doubled or put to sleep, and whose messages are lost."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.db import connection

from biobank.celery import app
from biobank.jobs.reaper import PATIENCE_WHEN_SENT, reap
from importjobs import tasks
from importjobs.models import Failure, ImportJob
from sessions_auth.models import User
from sessions_auth.tokens import issue
from sites.models import Institute
from tests.client import Api
from tests.faults.conftest import LEASE, Worker, until
from tests.jobs.importing import report, start

pytestmark = pytest.mark.fault

StartWorker = Callable[..., Worker]
PREFIX = "Institute of row "


@pytest.fixture
def api(committed: str) -> Api:
    return Api(issue(User.objects.get(login_name="admin")))


@pytest.fixture(autouse=True)
def quick_recovery(settings: Any) -> None:
    """The same times as the workers have (see WORKER_ENVIRONMENT)."""
    settings.JOB_LEASE_SECONDS, settings.JOB_REAP_SECONDS = LEASE, 0.5


def rows(count: int, bad: int = 0) -> str:
    """`count` institutes; every `bad`-th row has no name."""
    names = ("" if bad and n % bad == 0 else f"{PREFIX}{n}" for n in range(1, count + 1))
    return "Identifier,Name\n" + "".join(f"{n},{name}\n" for n, name in enumerate(names, 1))


@contextlib.contextmanager
def blocked_at(session: Any, row: int) -> Iterator[None]:
    """Make whoever inserts that row wait, in the middle of the statement, for as long as the context lasts."""
    with session.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "INSERT INTO sites_institute (name, activity_status) VALUES (%s, 'Active')", [f"{PREFIX}{row}"]
        )
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone() is not None


def job_is_over(job_id: int) -> Callable[[], bool]:
    """True when the job has ended; looks for lost jobs meanwhile, as beat would."""

    def look() -> bool:
        reap()
        time.sleep(0.2)
        return ImportJob.objects.get(pk=job_id).is_over

    return look


def each_row_once(api: Api, job_id: int, count: int, bad: int = 0) -> None:
    """The database holds every good row exactly once, and the report says exactly that."""
    expected = [n for n in range(1, count + 1) if not (bad and n % bad == 0)]
    found = Institute.objects.filter(name__startswith=PREFIX).values_list("name", flat=True)
    assert sorted(int(name.removeprefix(PREFIX)) for name in found) == expected
    job = api.get(f"/import-jobs/{job_id}").json
    assert (job["totalRecords"], job["failedRecords"]) == (count, count - len(expected))
    assert job["status"] == ("FAILED" if bad else "COMPLETED")
    good = set(expected)
    assert [(row["Identifier"], row["OS_IMPORT_STATUS"]) for row in report(api, job_id)] == [
        (str(n), "SUCCESS" if n in good else "FAIL") for n in range(1, count + 1)
    ]


def test_a_worker_killed_inside_a_chunk_loses_and_repeats_nothing(
    api: Api, start_worker: StartWorker, second_session: Any
) -> None:
    job_id = start(api, rows(20_000, bad=500))
    with blocked_at(second_session, 9_001):
        victim = start_worker()
        until(somebody_waits, "the worker to be in the middle of a chunk")
        victim.kill()
    job = ImportJob.objects.get(pk=job_id)
    assert (job.status, job.row) == ("IN_PROGRESS", 8_000)
    assert Institute.objects.filter(name__startswith=PREFIX).count() == 8_000 - 8_000 // 500
    assert Failure.objects.filter(job=job_id).count() == 8_000 // 500
    assert len(report(api, job_id)) == 8_000
    start_worker()
    until(job_is_over(job_id), "the job to end")
    each_row_once(api, job_id, 20_000, bad=500)


def test_a_worker_killed_in_an_atomic_job_leaves_nothing_and_another_one_does_it_all(
    api: Api, start_worker: StartWorker, second_session: Any
) -> None:
    job_id = start(api, rows(5_000), atomic=True)
    with blocked_at(second_session, 4_500):
        victim = start_worker()
        until(somebody_waits, "the worker to be in the middle of the transaction")
        victim.kill()
    assert not Institute.objects.filter(name__startswith=PREFIX).exists()
    time.sleep(LEASE)
    tasks.run(job_id)
    each_row_once(api, job_id, 5_000)


def test_two_workers_on_one_job_do_each_row_once(api: Api, start_worker: StartWorker) -> None:
    job_id = start(api, rows(8_000))
    for _ in range(6):
        app.send_task(ImportJob.TASK, args=[job_id])
    start_worker(concurrency=2)
    until(job_is_over(job_id), "the job to end")
    each_row_once(api, job_id, 8_000)


def test_a_worker_that_sleeps_past_its_lease_undoes_its_chunk(
    api: Api, start_worker: StartWorker, second_session: Any
) -> None:
    job_id = start(api, rows(6_000))
    with blocked_at(second_session, 5_000):
        sleeper = start_worker()
        until(somebody_waits, "the worker to be in the middle of a chunk")
        sleeper.signal(signal.SIGSTOP)
    time.sleep(LEASE + 0.5)
    # The second worker has to wait for the rows of the first one, which then finds that its lease is gone.
    awake = threading.Timer(1.0, sleeper.signal, [signal.SIGCONT])
    awake.start()
    tasks.run(job_id)
    awake.join()
    each_row_once(api, job_id, 6_000)


def test_jobs_whose_messages_were_lost_are_sent_again(
    api: Api, start_worker: StartWorker, broker: redis.Redis
) -> None:
    job_ids = [start(api, f"Name\n{PREFIX}{n}\n") for n in range(3)]
    assert broker.llen("imports") == 3
    broker.flushdb()
    assert reap() == 0  # their turn may simply not have come
    time.sleep(PATIENCE_WHEN_SENT * 0.5 + 0.1)
    assert reap() == 3
    start_worker()
    for job_id in job_ids:
        until(job_is_over(job_id), "the job to end")
        assert api.get(f"/import-jobs/{job_id}").json["status"] == "COMPLETED"
    assert Institute.objects.filter(name__startswith=PREFIX).count() == 3


def test_a_job_that_kills_every_worker_is_given_up(api: Api, second_session: Any) -> None:
    job_id = start(api, rows(10))
    for _ in range(5):
        assert ImportJob.claim(job_id) is not None
        assert ImportJob.claim(job_id) is None  # held
        ImportJob.objects.filter(pk=job_id).update(lease_until="2020-01-01T00:00Z")  # as if the worker died
    tasks.run(job_id)
    job = api.get(f"/import-jobs/{job_id}").json
    assert (job["status"], job["totalRecords"]) == ("FAILED", 0)
    assert "gave up" in report(api, job_id)[0]["OS_ERROR_MESSAGE"]
