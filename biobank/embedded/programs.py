"""The programs of one server besides the databases: web, workers and beat, as command lines."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent.parent
MANAGE = (sys.executable, str(BASE_DIR / "manage.py"))

_CELERY = (sys.executable, "-m", "celery", "-A", "biobank.celery:app")
_GRACEFUL = 20  # seconds for requests and tasks under way


@dataclass(frozen=True)
class Program:
    """A supervised child: its command line, how it is stopped, and what it gets when its parent dies."""

    name: str
    argv: tuple[str, ...]
    stop: tuple[tuple[signal.Signals, float], ...]
    death_signal: signal.Signals


def programs(port: int, data_dir: Path) -> list[Program]:
    """The children in the order of their start; they stop in the reverse order."""
    return [
        _web(port),
        _worker("records", ("imports", "default"), 2),
        _worker("files", ("exports", "queries"), 2),
        Program(
            "beat",
            (*_CELERY, "beat", "--pidfile=", f"--schedule={data_dir / 'beat-schedule'}", "--loglevel=INFO"),
            ((signal.SIGTERM, 5.0),),
            signal.SIGTERM,
        ),
    ]


def _web(port: int) -> Program:
    argv = (
        *(sys.executable, "-m", "gunicorn", "biobank.wsgi:application"),
        f"--bind=127.0.0.1:{port}",
        f"--workers={os.environ.get('WEB_CONCURRENCY', '2')}",
        f"--graceful-timeout={_GRACEFUL}",
        "--timeout=300",
        "--no-control-socket",
        "--preload",
    )
    return Program("web", argv, ((signal.SIGTERM, _GRACEFUL + 5.0),), signal.SIGQUIT)


def _worker(name: str, queues: tuple[str, ...], processes: int) -> Program:
    argv = (
        *(*_CELERY, "worker", f"--queues={','.join(queues)}", f"--concurrency={processes}"),
        *(f"--hostname={name}@%h", "--without-gossip", "--without-mingle", "--loglevel=INFO"),
    )
    # SIGQUIT leaves tasks where they are; jobs go on at their cursor.
    steps = ((signal.SIGTERM, float(_GRACEFUL)), (signal.SIGQUIT, 5.0))
    return Program(f"worker-{name}", argv, steps, signal.SIGQUIT)
