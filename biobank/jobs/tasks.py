"""The beat's own tasks: a tick that shows it is alive, the reaper, and the sweeper."""

import gc
import time
from collections.abc import Callable

from celery import shared_task
from celery.signals import worker_process_init
from django.core.cache import cache

from biobank.jobs import reaper

TICK_KEY = "beat:tick"
_brooms: list[Callable[[], None]] = []


def register_broom(broom: Callable[[], None]) -> Callable[[], None]:
    """Have `broom` called every hour."""
    _brooms.append(broom)
    return broom


@worker_process_init.connect
def _collect_seldom(**_: object) -> None:
    """Workers make many small objects that live as long as a chunk; looking for cycles among them is wasted."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@shared_task(name="biobank.jobs.tasks.tick")
def tick() -> None:
    cache.set(TICK_KEY, time.time(), None)


@shared_task(name="biobank.jobs.tasks.reap")
def reap() -> None:
    reaper.reap()


@shared_task(name="biobank.jobs.tasks.sweep")
def sweep() -> None:
    """Remove what is past its retention; each package registers its own broom."""
    for broom in _brooms:
        broom()
