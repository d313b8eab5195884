"""`/healthz` (this process answers) and `/readyz` (everything it depends on does), for load balancers."""

import time
from collections.abc import Callable

from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from biobank.celery import app
from biobank.jobs.tasks import TICK_KEY

TICK_MAX_AGE = 120.0  # seconds; several ticks, as a worker may be busy with a slice of a job
FIRST_TICK_WITHIN = 60.0  # seconds after the start of this process

_started = time.monotonic()
_migrated = False


class NotReady(Exception):
    """A check failed; the message is shown to everybody and so names no host, account or record."""


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as this process serves requests."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when database, broker, migrations and beat are in order, else 503; each check is named."""
    checks = {name: _outcome(check) for name, check in _CHECKS.items()}
    ready = all(outcome["status"] == "ok" for outcome in checks.values())
    return JsonResponse(
        {"status": "ok" if ready else "unavailable", "checks": checks}, status=200 if ready else 503
    )


def _outcome(check: Callable[[], dict[str, object]]) -> dict[str, object]:
    try:
        return {"status": "ok", **check()}
    except NotReady as error:
        return {"status": "failed", "detail": str(error)}
    except Exception as error:  # whatever a driver raises, the answer is "not ready"
        return {"status": "failed", "detail": type(error).__name__}


def _database() -> dict[str, object]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {}


def _broker() -> dict[str, object]:
    with app.connection_for_write(connect_timeout=2) as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    return {}


def _migrations() -> dict[str, object]:
    global _migrated  # the code of a process does not change, so once is enough
    if not _migrated:
        executor = MigrationExecutor(connection)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if missing:
            raise NotReady(f"{missing} not applied")
        _migrated = True
    return {}


def _beat() -> dict[str, object]:
    ticked = cache.get(TICK_KEY)  # seconds since 1970
    age = time.time() - ticked if ticked is not None else None
    if age is not None and age <= TICK_MAX_AGE:
        return {"lastTick": round(ticked * 1000), "detail": f"{max(age, 0):.0f} seconds ago"}
    if time.monotonic() - _started < FIRST_TICK_WITHIN:
        return {"detail": "waiting for the first tick"}
    raise NotReady("no tick yet" if age is None else f"last tick {age:.0f} seconds ago")


_CHECKS: dict[str, Callable[[], dict[str, object]]] = {
    "database": _database,
    "broker": _broker,
    "migrations": _migrations,
    "beat": _beat,
}
