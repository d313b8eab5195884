"""What tests with real processes share: Celery workers to kill, and patience."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from django.db import connection

from tests.databases import connect

ROOT = Path(__file__).resolve().parents[2]
LEASE = 1.5  # seconds
WORKER_ENVIRONMENT = {
    "OS_JOB_LEASE_SECONDS": str(LEASE),
    "OS_JOB_SLICE_SECONDS": "5",
    "OS_JOB_REAP_SECONDS": "0.5",
    "LOG_LEVEL": "WARNING",
}


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    """The broker, emptied before and after."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def second_session(committed: str) -> Iterator[Any]:
    """Another session on the copied database, outside of Django; it opens transactions by itself."""
    with contextlib.closing(connect(str(connection.settings_dict["NAME"]))) as found:
        yield found


class Worker:
    """A Celery worker in a process group of its own."""

    def __init__(self, database_url: str, queues: str, concurrency: int) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "-A", "biobank.celery:app", "worker", f"--queues={queues}"),
                *(
                    f"--concurrency={concurrency}",
                    "--without-gossip",
                    "--without-mingle",
                    "--loglevel=WARNING",
                ),
                f"--hostname={uuid4().hex}@%h",
            ],
            cwd=ROOT,
            env=os.environ | WORKER_ENVIRONMENT | {"DATABASE_URL": database_url},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def signal(self, number: signal.Signals) -> None:
        """Send to the worker and all its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture
def start_worker(committed: str, broker: redis.Redis) -> Iterator[Callable[..., Worker]]:
    """Starts Celery workers on the copied database; what is left of them is killed afterwards."""
    workers: list[Worker] = []

    def start(queues: str = "imports,default", concurrency: int = 1) -> Worker:
        workers.append(Worker(committed, queues, concurrency))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


def until(condition: Callable[[], bool], what: str, seconds: float = 240.0) -> None:
    """Wait for a condition; fails the test when it does not come true. On a busy machine a worker may take a minute
    to start: waiting costs nothing when all is well."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} seconds in vain for {what}"
        time.sleep(0.05)
