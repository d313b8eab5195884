"""Where the embedded servers keep their state and sockets, computed from the data directory alone."""

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

NAME = "biobank"

# Unix socket paths end at 104 bytes (macOS) or 108 (Linux), terminator included.
_LONGEST_SOCKET_PATH = 103
_LONGEST_SOCKET_NAME = ".s.PGSQL.5432"


@dataclass(frozen=True)
class Layout:
    """The folders of one server.

    `state_dir` is the data directory, unless root keeps it behind closed folders that the unprivileged
    account of the servers cannot pass. `run_dir` holds the sockets and is private to that account.
    """

    data_dir: Path
    state_dir: Path
    run_dir: Path

    @property
    def pgdata(self) -> Path:
        return self.state_dir / "pgdata"

    @property
    def valkey_dir(self) -> Path:
        return self.state_dir / "valkey"

    @property
    def log_dir(self) -> Path:
        return self.data_dir / "log"

    @property
    def valkey_socket(self) -> Path:
        return self.run_dir / "valkey.sock"


def layout_of(data_dir: Path) -> Layout:
    """Return the folders of `data_dir`; creates nothing, and answers every process of an account the same."""
    data_dir = data_dir.absolute().resolve()
    key = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    state_dir = data_dir if _servers_can_live_in(data_dir) else _state_outside(data_dir, key)
    run_dir = state_dir / "run"
    if len(os.fsencode(run_dir / _LONGEST_SOCKET_NAME)) > _LONGEST_SOCKET_PATH:
        run_dir = Path("/tmp") / f"{NAME}-{os.geteuid()}-{key}"  # noqa: S108 - checked for its owner before use
    return Layout(data_dir, state_dir, run_dir)


def urls(data_dir: Path) -> tuple[str, str]:
    """Return (database URL, Redis URL) of the embedded servers of `data_dir`, whether they run or not."""
    layout = layout_of(data_dir)
    host = quote(str(layout.run_dir), safe="")
    return (
        f"postgresql://{NAME}@/{NAME}?host={host}",
        f"unix://{quote(str(layout.valkey_socket))}?db=0",
    )


def _servers_can_live_in(data_dir: Path) -> bool:
    if os.geteuid() != 0 or (data_dir / "pgdata").exists():
        return True
    return all(
        folder.stat().st_mode & stat.S_IXOTH for folder in (data_dir, *data_dir.parents) if folder.is_dir()
    )


def _state_outside(data_dir: Path, key: str) -> Path:
    temporary = Path(tempfile.gettempdir()).resolve()
    if data_dir.is_relative_to(temporary):
        return temporary / f"{NAME}-state-{key}"
    return Path("/var/lib") / NAME / key
