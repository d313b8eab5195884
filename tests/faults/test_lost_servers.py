"""PostgreSQL crashes in the middle of an import, and the broker is away for a while."""

import contextlib
import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import call_command
from django.db import connection, connections

from biobank.celery import app
from biobank.embedded import Postgres, Valkey
from biobank.jobs.reaper import reap
from importjobs import tasks
from importjobs.models import ImportJob
from sessions_auth.models import User
from sessions_auth.tokens import issue
from sites.models import Institute
from tests.client import Api
from tests.faults.conftest import until
from tests.jobs.importing import report, start

pytestmark = pytest.mark.fault

ROWS = 3000


@pytest.fixture
def home() -> Iterator[Path]:
    found = Path(tempfile.mkdtemp(prefix="biobank-tests-"))
    found.chmod(0o711)  # as root the servers run under another account
    yield found
    shutil.rmtree(found, ignore_errors=True)


@pytest.fixture
def postgres(home: Path, settings: Any, django_db_blocker: Any) -> Iterator[Postgres]:
    """A server of the test's own, with a biobank's tables; Django works on it."""
    server = Postgres(home, fast=True)
    server.start()
    folder = parse_qs(urlsplit(server.url).query)["host"][0]
    outer = connections["default"]
    before = dict(outer.settings_dict)
    outer.close()
    outer.settings_dict.update(HOST=folder, NAME="biobank")
    connections["default"] = connections.create_connection("default")
    with django_db_blocker.unblock():
        try:
            call_command("migrate", verbosity=0)
            call_command("create_defaults", verbosity=0)
            yield server
        finally:
            connection.close()
            connections["default"] = outer
            outer.settings_dict.update(before)
            server.destroy()


def test_an_import_goes_on_after_the_database_crashed(postgres: Postgres, settings: Any) -> None:
    settings.IMPORT_CHUNK_ROWS = 100
    api = Api(issue(User.objects.get(login_name="admin")))
    job_id = start(api, "Name\n" + "".join(f"Crash {n}\n" for n in range(1, ROWS + 1)))
    worker = _fork(job_id)
    until(lambda: ImportJob.objects.get(pk=job_id).row >= 300, "the import to be under way")
    assert postgres.child is not None
    postgres.child.send_signal(signal.SIGQUIT)  # no shutdown: it has to recover
    postgres.stop()
    assert os.waitpid(worker, 0)[1] == 0  # the worker got over it
    connection.close()
    postgres.start()
    assert 300 <= ImportJob.objects.get(pk=job_id).row < ROWS
    ImportJob.objects.filter(pk=job_id).update(lease_until="2020-01-01T00:00Z")
    tasks.run(job_id)
    names = Institute.objects.filter(name__startswith="Crash ").values_list("name", flat=True)
    assert sorted(int(name.removeprefix("Crash ")) for name in names) == list(range(1, ROWS + 1))
    job = api.get(f"/import-jobs/{job_id}").json
    assert (job["status"], job["totalRecords"], job["failedRecords"]) == ("COMPLETED", ROWS, 0)
    assert len(report(api, job_id)) == ROWS


def _fork(job_id: int) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.alarm(120)
            for one in connections.all():
                one.connection = None
            tasks.run(job_id)
            status = 0
        finally:
            os._exit(status)
    return pid


def test_jobs_submitted_while_the_broker_is_away_are_sent_when_it_is_back(
    committed: str, home: Path, settings: Any
) -> None:
    settings.JOB_REAP_SECONDS = 0.2
    api = Api(issue(User.objects.get(login_name="admin")))
    broker = Valkey(home)
    with _broker(broker.url):
        began = time.monotonic()
        job_id = start(api, "Name\nWhile it was away\n")  # the server never ran: nobody listens
        assert time.monotonic() - began < 5
        time.sleep(0.3)
        reap()
        assert ImportJob.objects.get(pk=job_id).sent_at is None
        broker.start()
        try:
            until(lambda: bool(reap() and ImportJob.objects.get(pk=job_id).sent_at), "the job to be sent", 20)
            with app.connection_for_read() as channel:
                queue = channel.SimpleQueue("imports")
                assert queue.get(timeout=5).headers["task"] == ImportJob.TASK
        finally:
            broker.stop()
    tasks.run(job_id)
    assert api.get(f"/import-jobs/{job_id}").json["status"] == "COMPLETED"


@contextlib.contextmanager
def _broker(url: str) -> Iterator[None]:
    """Messages go to another broker."""
    there = url.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
    before = {name: app.conf[name] for name in ("broker_url", "broker_read_url", "broker_write_url")}
    try:
        _use(dict.fromkeys(before, there))
        yield
    finally:
        _use(before)


def _use(urls: dict[str, str]) -> None:
    app.conf.update(urls)
    app._pool = app.amqp._producer_pool = None  # type: ignore[attr-defined]
