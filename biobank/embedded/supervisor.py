"""Starts every process of a server as a supervised child, and stops them in order."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType

from biobank.embedded import process
from biobank.embedded.account import cannot_write, make_data_dir
from biobank.embedded.errors import EmbeddedError
from biobank.embedded.keeper import Keeper, Service
from biobank.embedded.layout import layout_of
from biobank.embedded.lock import FolderLock
from biobank.embedded.postgres import Postgres
from biobank.embedded.programs import BASE_DIR, MANAGE, Program, programs
from biobank.embedded.valkey import Valkey

_READY_WITHIN = 120.0
_LOOK_EVERY = 0.25
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Stopped(BaseException):
    """Raised by the signal handler; not an `Exception`, so that no retry swallows it."""


def run(port: int, data_dir: Path) -> int:
    """Run a server until it is told to stop; returns the exit code.

    Everything that stands in the way of a start is one sentence on stderr and exit code 1.
    """
    try:
        Supervisor(port, data_dir).run()
    except EmbeddedError as error:
        say(f"biobank: {error}")
        return 1
    except _Stopped:
        pass
    return 0


def say(line: str, to_stdout: bool = False) -> None:
    """Print `line`; a reader that went away must not break the ordered stop."""
    stream = sys.stdout if to_stdout else sys.stderr
    with contextlib.suppress(OSError, ValueError):
        stream.write(line + "\n")
        stream.flush()


class Supervisor:
    """One server: the lock of its data directory, its databases, its programs."""

    def __init__(self, port: int, data_dir: Path) -> None:
        self.port = port
        self.layout = layout_of(data_dir)
        self._environment = os.environ | {
            "DATA_DIR": str(self.layout.data_dir),
            "PORT": str(port),
            "PYTHONUNBUFFERED": "1",
            # Else each of the processes would compile all of the code at every start.
            "PYTHONDONTWRITEBYTECODE": "",
            # Django's system checks are for developers, and take a second of each process.
            "CELERY_SKIP_CHECKS": "1",
        }
        self._children = Keeper(say)
        self._lock = FolderLock(self.layout.data_dir / "lock")

    def run(self) -> None:
        """Start, report readiness, and keep the children alive; only an error or a signal ends it."""
        try:
            make_data_dir(self.layout.data_dir)
            self.layout.log_dir.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise EmbeddedError(cannot_write(self.layout, error)) from error
        unclean = bool(self._lock.holder())
        if not self._lock.acquire():
            raise EmbeddedError(
                f"A server already runs on the data directory {self.layout.data_dir} "
                f"(process {self._lock.holder()})."
            )
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(self._lock.clear)
            # After a kill the web server of the last run may hold the port for a moment longer.
            _require_port(self.port, patience=10.0 if unclean else 0.0)
            cleanup.callback(self._children.stop_all)
            cleanup.callback(_ignore_signals)
            _raise_on_signals()
            self._start()
            self._wait_until_ready()
            say(f"ready http://127.0.0.1:{self.port}/", to_stdout=True)
            while True:
                self._children.look_after()
                time.sleep(_LOOK_EVERY)

    def _start(self) -> None:
        if not os.environ.get("DATABASE_URL"):
            self._children.start(_postgres(self.layout.data_dir))
        if not os.environ.get("REDIS_URL"):
            self._children.start(_valkey(self.layout.data_dir))
        self._prepare()
        for program in programs(self.port, self.layout.data_dir):
            self._children.start(self._service(program))

    def _prepare(self) -> None:
        # Its output goes to the terminal: a generated password is shown once and kept in no log.
        log = self.layout.log_dir / "setup.log"
        child = process.spawn(
            (*MANAGE, "prepare"),
            log=log,
            death_signal=signal.SIGTERM,
            env=self._environment,
            cwd=BASE_DIR,
            errors_only=True,
        )
        try:
            code = child.wait()
        finally:
            process.stop(child, (signal.SIGTERM, 10.0))
        if code != 0:
            raise EmbeddedError(f"The database could not be prepared: {process.last_line(log)} (see {log}).")

    def _service(self, program: Program) -> Service:
        def start() -> "subprocess.Popen[bytes]":
            return process.spawn(
                program.argv,
                log=self.layout.log_dir / f"{program.name}.log",
                death_signal=program.death_signal,
                env=self._environment,
                cwd=BASE_DIR,
            )

        return Service(program.name, start, lambda child: process.stop(child, *program.stop))

    def _wait_until_ready(self) -> None:
        started, deadline = time.time(), time.monotonic() + _READY_WITHIN
        while not _is_ready(self.port, started):
            self._children.look_after()
            if name := self._children.hopeless():
                log = self.layout.log_dir / f"{name}.log"
                raise EmbeddedError(
                    f"The program {name} does not start: {process.last_line(log)} (see {log})."
                )
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"The server did not become ready within {_READY_WITHIN:.0f} seconds "
                    f"(see {self.layout.log_dir})."
                )
            time.sleep(_LOOK_EVERY)


def _postgres(data_dir: Path) -> Service:
    server = Postgres(data_dir)

    def start() -> "subprocess.Popen[bytes]":
        server.stop()
        server.start()
        assert server.child is not None  # noqa: S101 - start() either sets it or raises
        return server.child

    return Service("postgres", start, lambda _: server.stop(), database=True)


def _valkey(data_dir: Path) -> Service:
    server = Valkey(data_dir)

    def start() -> "subprocess.Popen[bytes]":
        server.stop()
        server.start()
        assert server.child is not None  # noqa: S101 - start() either sets it or raises
        return server.child

    return Service("valkey", start, lambda _: server.stop(), database=True)


def _require_port(port: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return
            except OSError as error:
                if time.monotonic() >= deadline:
                    raise EmbeddedError(
                        f"Port {port} cannot be used ({error.strerror}): choose another one with --port."
                    ) from error
        time.sleep(0.1)


def _is_ready(port: int, started: float) -> bool:
    """Whether the web server calls itself ready and a worker has carried out a tick of this start's beat."""
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            ticked = json.load(answer)["checks"]["beat"].get("lastTick", 0) if answer.status == 200 else 0
        except (OSError, HTTPException, ValueError):
            return False
    return bool(ticked >= started * 1000)


def _ignore_signals() -> None:
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _raise_on_signals() -> None:
    def handle(number: int, frame: FrameType | None) -> None:
        _ignore_signals()
        raise _Stopped

    for number in _STOP_SIGNALS:
        signal.signal(number, handle)
