"""The test run's own PostgreSQL and Valkey, and the cast that tests share."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from biobank.embedded import Postgres, Valkey

_servers: list[Postgres | Valkey] = []


def _start_servers() -> None:
    """Start private servers unless the environment names some; each xdist worker gets its own."""
    home = Path(tempfile.mkdtemp(prefix="biobank-tests-"))
    os.environ["DATA_DIR"] = str(home)
    os.environ.setdefault("SECRET_KEY", "only for tests")
    if not os.environ.get("DATABASE_URL"):
        postgres = Postgres(home, fast=True)
        postgres.start()
        _servers.append(postgres)
        os.environ["DATABASE_URL"] = postgres.url
    if not os.environ.get("REDIS_URL"):
        valkey = Valkey(home)
        valkey.start()
        _servers.append(valkey)
        os.environ["REDIS_URL"] = valkey.url
    os.environ["PASSWORD_HASHERS_FAST"] = "1"


if "PYTEST_XDIST_WORKER" in os.environ or os.environ.get("PYTEST_XDIST_TESTRUNUID") is None:
    _start_servers()


def pytest_unconfigure(config: pytest.Config) -> None:
    for server in reversed(_servers):
        server.stop()
