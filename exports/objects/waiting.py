"""Keeping a client waiting for its export: for a while, without a transaction, and not too many at once (spec 04 §6.2).

A web process that waits answers nobody else. So only some wait for long; the others are told soon that their job still
runs, and find it when they ask again.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from exports.objects.models import ObjectExport

_FIRST, _LONGEST, _GROWTH = 0.02, 0.5, 1.5  # seconds between two looks at the row
_BRIEFLY = 2.0  # seconds that a client waits when too many wait already
_HOLD = 60  # seconds after which the place of a process that died is free again


def wait(job: ObjectExport, *, synchronous: bool) -> ObjectExport:
    """Look at the job until it is over or the time is up; answers it as it is then, and notes what is told.

    `synchronous`: as long as `OS_EXPORT_SYNCHRONOUS_SECONDS` allow instead of `OS_EXPORT_WAIT_SECONDS`.
    """
    began = time.monotonic()
    usual = began + settings.EXPORT_WAIT_SECONDS
    with _place() as place:
        until = began + settings.EXPORT_SYNCHRONOUS_SECONDS if synchronous else usual
        if place is None:
            until = min(until, began + _BRIEFLY)
        pause = _FIRST
        job.refresh_from_db()
        while not job.is_over and (now := time.monotonic()) < until:
            if now > usual and not job.deferred:
                _defer(
                    job, True
                )  # the connection may have been given up by now: who asks again means this job
            _sleep(min(pause, until - now))
            pause = min(pause * _GROWTH, _LONGEST)
            _hold(place)
            job.refresh_from_db()
    if job.deferred is job.is_over:
        _defer(job, not job.is_over)
    return job


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _defer(job: ObjectExport, deferred: bool) -> None:
    job.deferred = deferred
    ObjectExport.objects.filter(pk=job.pk).update(deferred=deferred)


@contextmanager
def _place() -> Iterator[str | None]:
    """One of the places of those who may wait for long, as the key that holds it; None when all are taken."""
    token = uuid4().hex
    taken = None
    try:
        keys = (f"export-jobs:waiting:{number}" for number in range(settings.EXPORT_WAITERS))
        taken = next((key for key in keys if cache.add(key, token, _HOLD)), None)
    except RedisError:
        pass
    try:
        yield taken
    finally:
        if taken is not None:
            _free(taken)


def _hold(place: str | None) -> None:
    if place is not None:
        try:
            cache.touch(place, _HOLD)
        except RedisError:
            return


def _free(place: str) -> None:
    try:
        cache.delete(place)
    except RedisError:
        return
