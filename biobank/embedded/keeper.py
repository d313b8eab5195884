"""Keeps children alive: starts what died again, after a pause that grows while it keeps dying."""

import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from biobank.embedded import process
from biobank.embedded.errors import EmbeddedError

_FIRST_PAUSE = 0.5  # seconds
_LONGEST_PAUSE = 30.0
_HOPELESS_AFTER = 3  # deaths
_PROVEN_AFTER = 30.0  # a child that lived this long starts again without delay


@dataclass
class Service:
    """A child that is to live: how it starts (may raise `EmbeddedError`) and how it is stopped."""

    name: str
    start: Callable[[], "subprocess.Popen[bytes]"]
    stop: Callable[["subprocess.Popen[bytes]"], None]
    database: bool = False
    child: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    started: float = field(default=0.0, init=False)
    pause: float = field(default=_FIRST_PAUSE, init=False)
    due: float | None = field(default=None, init=False)
    deaths: int = field(default=0, init=False)


class Keeper:
    """The running services, in the order of their start."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._services: list[Service] = []
        self._say = say

    def start(self, service: Service) -> None:
        """Start `service` and keep it; raises what its start raises."""
        self._services.append(service)
        self._launch(service)

    def look_after(self) -> None:
        """Notice the dead and start those that are due; to be called every moment."""
        for service in self._services:
            child = service.child
            if child is not None and child.poll() is not None:
                process.kill_group(child)
                self._bury(service, f"ended ({_how(child.returncode)})")
            if service.due is not None and time.monotonic() >= service.due:
                self._again(service)

    def hopeless(self) -> str | None:
        """The name of a service that died as soon as it was started, again and again."""
        return next((service.name for service in self._services if service.deaths >= _HOPELESS_AFTER), None)

    def stop_all(self) -> None:
        """Stop the programs side by side, then the databases one by one, the last started first."""
        living = [service for service in reversed(self._services) if service.child is not None]
        rest = [service for service in living if not service.database]
        if rest:
            with ThreadPoolExecutor(len(rest)) as threads:
                list(threads.map(_stop, rest))
        for service in living:
            if service.database:
                _stop(service)
        self._services.clear()

    def _launch(self, service: Service) -> None:
        service.due = None
        service.child = service.start()
        service.started = time.monotonic()

    def _again(self, service: Service) -> None:
        try:
            self._launch(service)
        except EmbeddedError as error:
            self._bury(service, f"does not start: {error}")
        else:
            self._say(f"biobank: {service.name} runs again.")

    def _bury(self, service: Service, what: str) -> None:
        now = time.monotonic()
        if service.child is not None and now - service.started > _PROVEN_AFTER:
            service.pause, service.deaths = _FIRST_PAUSE, 0
        service.child = None
        service.deaths += 1
        service.due = now + service.pause
        self._say(f"biobank: {service.name} {what}; next try in {service.pause:g} seconds.")
        service.pause = min(service.pause * 2, _LONGEST_PAUSE)


def _stop(service: Service) -> None:
    if service.child is not None:
        service.stop(service.child)
        service.child = None


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
