"""`/healthz` and `/readyz` tell the truth, and name what is wrong."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from django.core.cache import cache
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from biobank import health
from biobank.jobs.tasks import TICK_KEY

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ticking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(health, "_migrated", False)
    cache.set(TICK_KEY, time.time(), None)
    yield
    cache.delete(TICK_KEY)


def ready() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()


def started_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_started", time.monotonic() - 3600)


def test_a_server_with_everything_in_order_is_ready() -> None:
    status, body = ready()

    assert status == 200
    assert body["status"] == "ok"
    assert list(body["checks"]) == ["database", "broker", "migrations", "beat"]
    assert {check["status"] for check in body["checks"].values()} == {"ok"}


def test_health_needs_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", refuse)

    assert Client().get("/healthz").status_code == 200
    status, body = ready()
    assert status == 503
    assert body["checks"]["database"] == {"status": "failed", "detail": "OperationalError"}


def test_a_lost_broker_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "app", Celery(broker="redis://127.0.0.1:1/0", set_as_current=False))
    status, body = ready()

    assert status == 503
    assert [name for name, check in body["checks"].items() if check["status"] != "ok"] == ["broker"]


def test_a_migration_that_was_not_applied_is_counted() -> None:
    MigrationRecorder.Migration.objects.filter(app="sessions").delete()
    status, body = ready()

    assert status == 503
    assert body["checks"]["migrations"] == {"status": "failed", "detail": "1 not applied"}


def test_a_beat_that_stopped_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    started_long_ago(monkeypatch)
    cache.set(TICK_KEY, time.time() - 600, None)
    status, body = ready()

    assert status == 503
    assert body["checks"]["beat"] == {"status": "failed", "detail": "last tick 600 seconds ago"}


def test_a_beat_that_never_ticked_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    started_long_ago(monkeypatch)
    cache.delete(TICK_KEY)
    status, body = ready()

    assert status == 503
    assert body["checks"]["beat"] == {"status": "failed", "detail": "no tick yet"}


def test_a_fresh_start_may_wait_for_its_first_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_started", time.monotonic())
    cache.delete(TICK_KEY)
    status, body = ready()

    assert status == 200
    assert body["checks"]["beat"] == {"status": "ok", "detail": "waiting for the first tick"}


def test_nobody_caches_the_answer() -> None:
    assert "no-store" in Client().get("/readyz")["Cache-Control"]
