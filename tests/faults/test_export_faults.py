"""Exports whose workers are killed, doubled or put to sleep, and many who ask at once (spec 06 §1.9, §3.3)."""

import contextlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection, connections

from biobank.batch.insert import insert
from biobank.celery import app
from biobank.files import folder
from biobank.jobs.models import State
from biobank.jobs.reaper import reap
from biobank.jobs.runner import run_slice
from exports import engine, store
from exports.builder import advance
from exports.kinds import PROTOCOLS
from exports.models import Export
from sessions_auth.models import User
from sessions_auth.tokens import issue
from specimens.participant.models import Participant, Registration
from specimens.protocol.models import PublishedVersion
from tests.client import Api
from tests.exports import cast
from tests.faults.conftest import LEASE, Worker, until

pytestmark = pytest.mark.fault

StartWorker = Callable[..., Worker]
PATH = "/orgs/NORDBIO/collection-protocols/LUNG/f1/export/"
PEOPLE = 5000


@pytest.fixture(autouse=True)
def quick_recovery(settings: Any) -> None:
    """The same times as the workers have (see WORKER_ENVIRONMENT)."""
    settings.JOB_LEASE_SECONDS, settings.JOB_REAP_SECONDS = LEASE, 0.5


@pytest.fixture(autouse=True)
def clean_folder() -> Iterator[None]:
    """The folder of exports outlives the databases of tests."""
    for path in files():
        path.unlink()
    yield
    for path in files():
        path.unlink()


@pytest.fixture
def api(committed: str) -> Api:
    return Api(issue(User.objects.get(login_name="admin")))


@pytest.fixture
def f1(committed: str) -> PublishedVersion:
    """A freeze of thousands of people, its rows frozen already."""
    protocol = cast.protocol()
    people = [Participant(last_name=f"Person {n}", gender="Female") for n in range(PEOPLE)]
    insert(people)
    insert(
        [
            Registration(
                protocol=protocol, participant=person, ppid=f"P{n}", registration_date=date(2026, 1, 1)
            )
            for n, person in enumerate(people)
        ]
    )
    version = cast.version(protocol, "f1", kind="freeze")
    PROTOCOLS.take_snapshot(version)
    return version


def files() -> list[Path]:
    return list(folder("exports").iterdir())


def status(api: Api, method: str = "head") -> int:
    return api.call(method, PATH, base="").status


@contextlib.contextmanager
def no_rows(session: Any) -> Iterator[None]:
    """Make builds wait at the first frozen row, the file begun, for as long as the context lasts."""
    with session.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE exports_snapshotblock IN ACCESS EXCLUSIVE MODE")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def a_build_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND query LIKE '%exports_snapshotblock%'"
        )
        return cursor.fetchone() is not None


def ready(api: Api) -> Callable[[], bool]:
    """True when the export is READY; looks for lost jobs meanwhile, as beat would."""

    def look() -> bool:
        reap()
        time.sleep(0.2)
        return status(api) == 200

    return look


def test_a_killed_worker_leaves_no_partial_file_and_the_export_gets_ready(
    api: Api, f1: PublishedVersion, start_worker: StartWorker, second_session: Any
) -> None:
    first = start_worker("exports")
    with no_rows(second_session):
        assert status(api, "post") == 202
        until(a_build_waits, "a build in the middle of its file")
        assert [path.name.endswith(".part") for path in files()] == [True]
        assert status(api, "get") == 208
        first.kill()
        assert status(api) == 208
        assert status(api, "post") == 409
    start_worker("exports")
    until(ready(api), "the export")

    row = Export.objects.get()
    assert (row.state, row.attempts) == (State.DONE, 2)
    answer = api.call("get", PATH, base="")
    assert len(cast.content(answer.body)["participants"]) == PEOPLE
    store.remove_orphans()
    assert [path.name for path in files()] == [row.file]


def test_one_of_two_workers_builds(
    api: Api, f1: PublishedVersion, start_worker: StartWorker, broker: redis.Redis
) -> None:
    assert status(api, "post") == 202
    pk = Export.objects.get().pk
    for _ in range(10):
        app.send_task(Export.TASK, args=[pk])
    start_worker("exports", concurrency=2)
    until(ready(api), "the export")
    until(lambda: broker.llen("exports") == 0, "the other messages")
    assert Export.objects.get().attempts == 1
    assert len(files()) == 1


def test_a_worker_that_slept_too_long_gives_way(
    api: Api, f1: PublishedVersion, start_worker: StartWorker, second_session: Any
) -> None:
    """The one that wakes up finds its job done, and leaves nothing behind."""
    sleeper = start_worker("exports")
    with no_rows(second_session):
        assert status(api, "post") == 202
        until(a_build_waits, "the first build")
        sleeper.signal(signal.SIGSTOP)
    start_worker("exports")
    until(ready(api), "the export")
    file = Export.objects.get().file
    sleeper.signal(signal.SIGCONT)
    until(lambda: [path.name for path in files()] == [file], "the sleeper to tidy up")
    assert status(api, "get") == 200


def test_of_many_who_ask_at_once_one_is_told_that_it_is_queued(api: Api, f1: PublishedVersion) -> None:
    barrier = threading.Barrier(20)

    def ask(_: int) -> int:
        try:
            barrier.wait()
            return Api(api.token).call("post", PATH, base="").status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as threads:
        assert Counter(threads.map(ask, range(20))) == {202: 1, 409: 19}
    cast.work()
    assert status(api, "post") == 200


def test_asking_deleting_and_building_at_once_never_breaks(api: Api, f1: PublishedVersion) -> None:
    """Whatever the order, every answer is a documented one, and in the end one file is what one row says."""
    until_when = time.monotonic() + 4
    seen: Counter[tuple[str, int]] = Counter()

    def hammer(method: str, query: str = "") -> None:
        try:
            caller = Api(api.token)
            while time.monotonic() < until_when:
                seen[method, caller.call(method, PATH + query, base="").status] += 1
        finally:
            connections.close_all()

    def build() -> None:
        try:
            while time.monotonic() < until_when:
                for pk in Export.objects.filter(state=State.PENDING).values_list("pk", flat=True):
                    run_slice(Export, pk, advance)
                time.sleep(0.01)
        finally:
            connections.close_all()

    work = [
        (hammer, "post"),
        (hammer, "post", "?force=true"),
        (hammer, "delete"),
        (hammer, "get"),
        (build,),
        (build,),
    ]
    with ThreadPoolExecutor(len(work)) as threads:
        for done in [threads.submit(*job) for job in work]:  # type: ignore[arg-type]
            done.result()
    cast.work()

    assert {status for _, status in seen} <= {200, 202, 204, 208, 404, 409}
    assert seen["get", 200] and seen["delete", 204] and seen["post", 202]
    held = engine.standing(PROTOCOLS.slug, f1.pk)
    assert held.building is None
    expected = [held.ready.file] if held.ready else []
    assert [path.name for path in files()] == expected
    assert (
        not Export.objects.filter(state=State.FAILED).exclude(error__startswith="the file vanished").exists()
    )
