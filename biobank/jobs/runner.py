"""Working on a job in slices: claim, advance chunk by chunk, hand over or finish."""

import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar
from uuid import uuid4

from celery import current_app
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from biobank.jobs.models import MAX_STALLS, Job, LeaseLost, State
from biobank.jobs.shutdown import stopping

log = logging.getLogger("biobank.jobs")
J = TypeVar("J", bound=Job)
NEWS_SECONDS = 1.0


class Unworkable(Exception):
    """The job cannot go on; the text tells its owner why."""


def send(job: Job) -> None:
    """Tell the workers to look at the job once the current transaction is committed."""
    model, pk, task = type(job), job.pk, job.TASK

    def now() -> None:
        try:
            current_app.send_task(task, args=[pk], retry=False)
        except Exception:  # the broker is away: the reaper sends again, the row is the truth
            log.warning("could not send %s for row %s; it will be sent again", task, pk)
            return
        model._default_manager.filter(pk=pk).update(sent_at=timezone.now())

    transaction.on_commit(now)


def run_slice(model: type[J], pk: int, advance: Callable[[J], bool]) -> J | None:
    """Claim row `pk` and call `advance(job)` until it says there is no more, or the slice is over.

    `advance` does one chunk and its `job.commit(...)` in one transaction, or ends the job with
    `job.finish(...)`; it returns whether work is left. `Unworkable` fails the job with its text, any other
    exception with an incident number, but for a lost lease (somebody else goes on) and a lost database (the
    lease runs out and the reaper sends again). Answers the job as this worker leaves it, None when it got none.
    """
    job = model.claim(pk)
    if job is None:
        return None
    if job.stalls > MAX_STALLS:
        job.finish(State.FAILED, error=f"gave up after {MAX_STALLS} attempts without progress")
        return job
    try:
        with _kept_alive(job):
            _advance(job, advance)
    except LeaseLost:
        log.warning("lost the lease of %s %s", model.__name__, pk)
    except Exception as error:
        if _lost_database(error):
            log.warning("lost the database while working on %s %s", model.__name__, pk, exc_info=True)
            connection.close()
            return job
        _fail(job, str(error)[:2000] if isinstance(error, Unworkable) else _incident(job, error))
    return job


def _lost_database(error: Exception) -> bool:
    """A connection that breaks inside a transaction shows itself in several ways; leaving the transaction drops it."""
    session = connection.connection
    return isinstance(error, OperationalError | InterfaceError) or session is None or bool(session.closed)


def _fail(job: Job, reason: str) -> None:
    try:
        job.finish(State.FAILED, error=reason)
    except LeaseLost:
        log.warning("lost the lease of %s %s", type(job).__name__, job.pk)


def _incident(job: Job, error: Exception) -> str:
    """Log where it happened, without the exception's text (it may quote records); returns what the owner sees."""
    incident = uuid4().hex[:12]
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error(
        "%s %s failed, incident %s: %s\n%s",
        type(job).__name__,
        job.pk,
        incident,
        type(error).__name__,
        frames,
    )
    return f"Something went wrong here ({type(error).__name__}); incident {incident}"


def _advance(job: J, advance: Callable[[J], bool]) -> None:
    stop_at = monotonic() + settings.JOB_SLICE_SECONDS
    while advance(job):
        if monotonic() > stop_at or stopping.is_set():
            with transaction.atomic():
                job.hand_over()
                send(job)
            return


@contextmanager
def _kept_alive(job: Job) -> Iterator[None]:
    """Renew the lease from a thread of its own, so that one long statement does not look like a death.

    News of the job go out within a second.
    """
    done = threading.Event()
    period = settings.JOB_LEASE_SECONDS / 3

    def beat() -> None:
        try:
            renewed = monotonic()
            while not done.wait(min(period, NEWS_SECONDS)):
                if job.news is None and monotonic() - renewed < period:
                    continue
                renewed = monotonic()
                try:
                    if not job.renew():
                        return
                except (OperationalError, InterfaceError):
                    connection.close()
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"lease-{job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=5)
