"""The test run's own PostgreSQL and Valkey, and the cast that tests share."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import django
import pytest

from biobank.embedded import Postgres, Valkey

_OURS = "BIOBANK_TEST_SERVERS"
_homes: list[Path] = []
_servers: list[Postgres | Valkey] = []


def _start_servers() -> None:
    """Start private servers unless the environment names some; each xdist worker gets its own."""
    if os.environ.get(_OURS):  # the URLs are those of the process that started this worker
        for variable in os.environ[_OURS].split():
            del os.environ[variable]
    os.environ[_OURS] = " ".join({"DATABASE_URL", "REDIS_URL"} - os.environ.keys())
    home = Path(tempfile.mkdtemp(prefix="biobank-tests-"))
    home.chmod(0o711)  # as root the servers run under another account
    _homes.append(home)
    (home / "static").mkdir()
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


# The settings read the servers' addresses, so Django starts after them; hence no settings module in pyproject.
_start_servers()
os.environ["DJANGO_SETTINGS_MODULE"] = "biobank.settings"
django.setup()


@atexit.register
def _remove_servers() -> None:
    for server in reversed(_servers):
        server.destroy()
    for home in _homes:
        shutil.rmtree(home, ignore_errors=True)
