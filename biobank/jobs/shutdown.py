"""Hearing that the worker is to stop, so that a slice ends at its next chunk instead of being killed later."""

from multiprocessing import Event
from typing import Any

from celery.signals import worker_shutting_down

stopping = Event()  # made before the pool forks: the worker sets it, its pool processes see it


@worker_shutting_down.connect
def _hear(**facts: Any) -> None:
    stopping.set()
