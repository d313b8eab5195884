"""The test run's own PostgreSQL and Valkey, and the cast that tests share."""

import atexit
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
import hypothesis
import pytest

from biobank.embedded import Postgres, Valkey

_OURS = "BIOBANK_TEST_SERVERS"
_homes: list[Path] = []
_servers: list[Postgres | Valkey] = []


def _name_servers() -> None:
    """Private servers unless the environment names some; each xdist worker gets its own."""
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
        _servers.append(postgres)
        os.environ["DATABASE_URL"] = postgres.url
    if not os.environ.get("REDIS_URL"):
        valkey = Valkey(home)
        _servers.append(valkey)
        os.environ["REDIS_URL"] = valkey.url
    # Dozens of processes start, and each would compile everything.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    os.environ["PASSWORD_HASHERS_FAST"] = "1"
    os.environ["OS_TOKEN_CACHE_SECONDS"] = "0"  # rights given by a test count at once
    os.environ["OS_EXPORT_WAIT_SECONDS"] = "0"  # no worker ends a job while a call waits
    os.environ["OS_CALL_LOG_SECONDS"] = "0"  # a thread of its own would write past the test's transaction


# The settings read the servers' addresses, so Django starts after these; hence no settings module in pyproject.
_name_servers()
os.environ["DJANGO_SETTINGS_MODULE"] = "biobank.settings"
django.setup()
del os.environ["DJANGO_SETTINGS_MODULE"]  # an xdist worker would read the settings before its own servers run


@atexit.register
def _remove_servers() -> None:
    for server in reversed(_servers):
        server.destroy()
    for home in _homes:
        shutil.rmtree(home, ignore_errors=True)


from django.conf import settings as django_settings  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db.models.signals import post_save  # noqa: E402
from django.dispatch import receiver  # noqa: E402
from django.utils import timezone  # noqa: E402

from biobank import memory  # noqa: E402
from biobank.configuration.known import KNOWN  # noqa: E402
from biobank.configuration.models import SettingValue  # noqa: E402
from biobank.configuration.reads import memory_key, setting  # noqa: E402
from sessions_auth.models import Token, User  # noqa: E402
from sessions_auth.tokens import digest, issue, recall  # noqa: E402
from tests import ledger  # noqa: E402
from tests.client import Api, Statuses  # noqa: E402
from tests.databases import committed as committed  # noqa: E402

# Else each of the thousands of test clients would look through all static files when its middleware is loaded.
django_settings.WHITENOISE_AUTOREFRESH = True


# The same examples in every run: what a run finds, the next one finds, too.
hypothesis.settings.register_profile("fixed", derandomize=True)
hypothesis.settings.load_profile("fixed")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(ledger.Plugin(config))
    if hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None):
        for server in _servers:  # a process that only hands out tests needs none
            server.start()


SLOW = ("test_first_schema", "test_schemathesis", "tests/rights")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first: at the end of a run no process is left alone with it."""

    def is_slow(item: pytest.Item) -> bool:
        marked = item.get_closest_marker("fault") or item.get_closest_marker("browser")
        return marked is not None or any(name in item.nodeid for name in SLOW)

    items.sort(key=lambda item: not is_slow(item))


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is loaded by now stays: collecting garbage need not look at it again and again."""
    gc.collect()
    gc.freeze()


_token: list[str] = []  # of the super administrator
_remembered: dict[str, Any] = {}  # what the cache of a running server holds, for each test to begin with


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The test database with the default data: pick lists, roles, the administrator."""
    with django_db_blocker.unblock():
        os.environ["OS_ADMIN_PASSWORD"] = "Admin-pass-1"
        call_command("create_defaults", verbosity=0)
        cache.clear()
        _remembered.update({memory_key(one.module, one.name): setting(one.module, one.name) for one in KNOWN})
        Token.objects.all().delete()  # of an earlier run
        token = issue(User.objects.get(login_name="admin"))
        Token.objects.update(last_used_at=timezone.now() + timedelta(days=1))  # it is never idle for long
        _remembered[f"token:{digest(token)}"] = recall(token, "127.0.0.1")
        _token[:] = [token]


@pytest.fixture(autouse=True)
def _fresh_cache(request: pytest.FixtureRequest) -> None:
    """No test sees what another one cached; those with a database find what a running server remembers anyway."""
    cache.clear()
    memory.forget_near()
    if "db" in request.fixturenames or request.node.get_closest_marker("django_db"):
        cache.set_many(_remembered, None)


@receiver(post_save, sender=SettingValue)
def _forget_setting(instance: SettingValue, **_: object) -> None:
    """A setting that a test stores directly counts at once, as one that is changed through the door."""
    memory.forget([memory_key(instance.module, instance.name)])


@pytest.fixture(params=["documented", "upstream"])
def statuses(request: pytest.FixtureRequest, settings: Any) -> Statuses:
    """Runs the test in both status modes."""
    settings.API_STATUS = request.param
    return Statuses(request.param)


@pytest.fixture
def status() -> Statuses:
    """The statuses of the default mode."""
    return Statuses(django_settings.API_STATUS)


@pytest.fixture
def admin(db: None) -> User:
    """The super administrator."""
    return User.objects.get(login_name="admin")


@pytest.fixture
def api(db: None) -> Api:
    """Calls as super administrator, whose rights nothing changes: signed in once for all tests."""
    return Api(_token[0])


@pytest.fixture
def anonymous(db: None) -> Api:
    """Calls as nobody."""
    return Api()


@pytest.fixture
def as_user(db: None) -> Callable[[User], Api]:
    """Calls as a given user."""
    return lambda user: Api(issue(user))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Flushing would take the default data from all tests after it, whichever these are."""
    marker = item.get_closest_marker("django_db")
    if "transactional_db" in getattr(item, "fixturenames", ()) or (
        marker and marker.kwargs.get("transaction")
    ):
        pytest.fail("a test that commits takes the fixture `committed`", pytrace=False)
