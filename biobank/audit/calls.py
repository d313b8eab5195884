"""The log of calls: kept in memory for a second, then written together by a thread of its own (spec 01 §A.11).

A call costs an append to a list. What a process holds when it is killed is lost: a second's calls, and never more than
`CALLS_KEPT` of them while the database is away.
"""

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from biobank.access import Actor
from biobank.audit.models import ApiCall
from biobank.batch.insert import insert
from biobank.jobs.tasks import register_broom

log = logging.getLogger("biobank.audit")
Next = Callable[[HttpRequest], HttpResponse]

CALLS_KEPT = 20_000
BATCH = 5_000
_POLLED = ("/user-notifications/unread-count", "/print-jobs")  # asked every few seconds by open pages


class Buffer:
    """The calls of this process that are not written yet."""

    def __init__(self) -> None:
        self._calls: deque[ApiCall] = deque(maxlen=CALLS_KEPT)
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._process = 0
        self.dropped = 0

    def add(self, call: ApiCall) -> None:
        """Remember a call; the oldest gives way when there is no room."""
        if len(self._calls) == CALLS_KEPT:
            self.dropped += 1
        self._calls.append(call)
        if self._process != os.getpid():  # a thread does not survive a fork
            self._start()

    def write(self) -> int:
        """Write what there is, oldest first, and return how many; what cannot be written stays."""
        written = 0
        with self._writing:
            while batch := [self._calls[n] for n in range(min(len(self._calls), BATCH))]:
                with transaction.atomic():
                    with connection.cursor() as cursor:  # nothing waits for the disk because of a log
                        cursor.execute("SET LOCAL synchronous_commit TO off")
                    insert(batch)
                for call in batch:
                    if self._calls and self._calls[0] is call:
                        self._calls.popleft()
                written += len(batch)
        if self.dropped:
            log.warning("%s calls are missing in the log of calls", self.dropped)
            self.dropped = 0
        return written

    def clear(self) -> None:
        self._calls.clear()

    def _start(self) -> None:
        with self._writing:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
        threading.Thread(target=self._run, name="calls", daemon=True).start()
        atexit.register(self._at_exit)

    def _run(self) -> None:
        while not self._wake.wait(settings.CALL_LOG_SECONDS):
            self._try()

    def _at_exit(self) -> None:
        logging.raiseExceptions = False  # where the log is closed already, nobody is told
        self._finish()

    def _finish(self) -> None:
        """The server stops in good order: nothing is lost, and nothing is left to do."""
        self._wake.set()
        self._try()
        atexit.unregister(self._at_exit)

    def _try(self) -> None:
        try:
            if not self.write():
                connection.close()  # idle processes hold no connection for this
        except (DatabaseError, InterfaceError) as error:
            log.warning("the log of calls waits for the database: %s", type(error).__name__)
            connection.close()
        except Exception:  # a log must not end because of one bad line
            log.exception("the log of calls lost what it held")
            self.clear()


buffer = Buffer()


class CallLog:
    """Notes every call below the REST base whose caller was recognised."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not (settings.CALL_LOG_SECONDS and request.path.startswith(settings.REST_PREFIX)):
            return self.get_response(request)
        started = timezone.now()
        response = self.get_response(request)
        actor = getattr(request, "auth", None)  # set by the REST framework
        path = request.path[len(settings.REST_PREFIX) :]
        if isinstance(actor, Actor) and not path.startswith(_POLLED):
            buffer.add(
                ApiCall(
                    user_id=actor.user_id,
                    impersonated_by=actor.impersonated_by,
                    token_id=actor.token_id,
                    ip_address=actor.ip_address[:64],
                    method=(request.method or "")[:8],
                    path=path[:512],
                    started_at=started,
                    ended_at=timezone.now(),
                    status=response.status_code,
                )
            )
        return response


@register_broom
def forget_old_calls() -> None:
    """Remove calls that are past their retention, some thousands at a time."""
    if settings.CALL_LOG_DAYS <= 0:
        return
    oldest = timezone.now() - timedelta(days=settings.CALL_LOG_DAYS)
    while True:
        gone = ApiCall.objects.filter(started_at__lt=oldest).order_by("pk").values("pk")[:10_000]
        if ApiCall.objects.filter(pk__in=gone).delete()[0] < 10_000:
            return
