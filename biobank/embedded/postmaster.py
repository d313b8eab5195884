"""What an earlier server left behind: an orphan that still runs, a stale pid file, dead sockets."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from biobank.embedded.errors import EmbeddedError
from biobank.embedded.layout import Layout


def clear_stale(layout: Layout) -> None:
    """Make `layout` ready for a new server; to be called while holding the lock of the data directory.

    An orphan on the same data is shut down first. Raises `EmbeddedError` when it does not go.
    """
    pid_file = layout.pgdata / "postmaster.pid"
    pid = _recorded(pid_file)
    if pid is not None and _serves(pid, layout.pgdata):
        _shut_down(pid, layout.pgdata)
    if pid_file.exists():
        _disown(pid_file)
    for name in layout.run_dir.glob(".s.PGSQL.*"):
        name.unlink(missing_ok=True)


def _recorded(pid_file: Path) -> int | None:
    try:
        return abs(int(pid_file.read_text().split("\n", 1)[0]))
    except (OSError, ValueError):
        return None


def _serves(pid: int, pgdata: Path) -> bool:
    words = _command_line(pid)
    return bool(words) and words[0].endswith("postgres") and str(pgdata) in words


def _command_line(pid: int) -> list[str]:
    if Path("/proc/self/cmdline").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="surrogateescape").split("\0")
        return []
    answer = subprocess.run(  # noqa: S603
        ["ps", "-o", "command=", "-p", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.split()


def _shut_down(pid: int, pgdata: Path) -> None:
    for number, seconds in ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not _serves(pid, pgdata):
                return
            time.sleep(0.05)
    raise EmbeddedError(f"An earlier PostgreSQL (process {pid}) still runs on {pgdata} and does not stop.")


def _disown(pid_file: Path) -> None:
    # PostgreSQL refuses to start when the file names any live process, which after a reboot may be anybody's.
    # It takes its own parent for stale, and still checks the shared memory key in the last line, which would
    # go with the file.
    lines = pid_file.read_text().split("\n")
    with pid_file.open("r+") as file:
        file.write("\n".join([str(os.getpid()), *lines[1:]]))
        file.truncate()
