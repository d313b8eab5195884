"""An embedded PostgreSQL server: a direct child of this process, on a private unix socket."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg2

from biobank.embedded import binaries, process
from biobank.embedded.account import own, prepare, server_account
from biobank.embedded.errors import EmbeddedError
from biobank.embedded.layout import NAME, layout_of, urls
from biobank.embedded.lock import FolderLock
from biobank.embedded.postmaster import clear_stale

_READY_WITHIN = 120.0  # seconds; a crash recovery answers "starting up" until it is through
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_preload_libraries": "pg_stat_statements",
    "max_connections": "60",
    "wal_compression": "pglz",
    "jit": "off",
    "random_page_cost": "1.1",  # data lies on SSDs or in memory: an index is worth it sooner than the default thinks
    "timezone": "UTC",
}
_FAST = {"fsync": "off", "full_page_writes": "off"}


class Postgres:
    """The server whose data lives in `data_dir`; `fast` gives up safety against power loss, for tests."""

    def __init__(self, data_dir: Path, *, fast: bool = False) -> None:
        self.layout = layout_of(data_dir)
        self.url = urls(data_dir)[0]
        self.log = self.layout.log_dir / "postgres.log"
        self.child: subprocess.Popen[bytes] | None = None
        self._fast = fast
        self._lock = FolderLock(self.layout.data_dir / "postgres.lock")

    def start(self) -> None:
        """Create the cluster if there is none, start it, return when database `biobank` accepts connections.

        Raises `EmbeddedError` with one sentence: not writable, another major version, in use, does not start.
        """
        self._account = server_account(self.layout)
        prepare(self.layout, self._account)
        if not self._lock.acquire():
            raise EmbeddedError(
                f"The database in {self.layout.data_dir} is already in use by process {self._lock.holder()}."
            )
        try:
            programs = binaries.postgres_bin(self._account, self.layout.state_dir / "programs")
            self._create_cluster(programs)
            self._check_version(programs)
            clear_stale(self.layout)
            self.child = process.spawn(
                self._command(programs), log=self.log, death_signal=signal.SIGINT, account=self._account
            )
            self._wait_and_create_database(self.child)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut down fast: clients are disconnected, nothing committed is lost."""
        if self.child is not None:
            # SIGTERM would wait for the clients for ever.
            process.stop(self.child, (signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0))
            self.child = None
        self._lock.release()

    def destroy(self) -> None:
        """Stop, and remove the cluster and everything else the server made; for tests."""
        self.stop()
        for folder in {self.layout.pgdata, self.layout.run_dir, self.layout.state_dir / "programs"}:
            shutil.rmtree(folder, ignore_errors=True)
        if self.layout.state_dir != self.layout.data_dir:
            shutil.rmtree(self.layout.state_dir, ignore_errors=True)

    def _create_cluster(self, programs: Path) -> None:
        layout = self.layout
        if (layout.pgdata / "PG_VERSION").exists():
            return
        if layout.pgdata.exists():
            raise EmbeddedError(
                f"The folder {layout.pgdata} holds no database: move it away, then start again."
            )
        for leftover in layout.state_dir.glob("pgdata.new-*"):
            shutil.rmtree(leftover)
        # A half-made cluster never gets the final name.
        fresh = Path(tempfile.mkdtemp(prefix="pgdata.new-", dir=layout.state_dir))
        own(fresh, self._account)
        self._initdb(
            programs,
            fresh,
            [
                f"--username={NAME}",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
                "--no-sync",
            ],
        )
        if not self._fast:
            self._initdb(programs, fresh, ["--sync-only"])
        fresh.rename(layout.pgdata)

    def _initdb(self, programs: Path, folder: Path, options: list[str]) -> None:
        command = [str(programs / "initdb"), f"--pgdata={folder}", *options]
        child = process.spawn(command, log=self.log, death_signal=signal.SIGKILL, account=self._account)
        if child.wait() != 0:
            raise EmbeddedError(
                f"The database could not be created: {process.last_line(self.log)} (see {self.log})."
            )

    def _check_version(self, programs: Path) -> None:
        found = (self.layout.pgdata / "PG_VERSION").read_text().strip()
        wanted = binaries.major_version(programs)
        if found != wanted:
            raise EmbeddedError(
                f"The database in {self.layout.pgdata} was made by PostgreSQL {found} and this server is "
                f"PostgreSQL {wanted}: dump it with the old version and restore it with this one."
            )

    def _command(self, programs: Path) -> list[str]:
        settings = (
            _SETTINGS
            | {"unix_socket_directories": _quoted(self.layout.run_dir)}
            | (_FAST if self._fast else {})
        )
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(programs / "postgres"), "-D", str(self.layout.pgdata), *options]

    def _wait_and_create_database(self, child: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _READY_WITHIN
        while True:
            try:
                connection = psycopg2.connect(
                    host=str(self.layout.run_dir), user=NAME, dbname="postgres", connect_timeout=5
                )
                break
            except psycopg2.OperationalError as error:
                if child.poll() is not None:
                    raise EmbeddedError(
                        f"PostgreSQL did not start: {process.last_line(self.log)} (see {self.log})."
                    ) from error
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"PostgreSQL did not answer within {_READY_WITHIN:.0f} seconds (see {self.log})."
                    ) from error
                time.sleep(0.03)
        with contextlib.closing(connection):
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE DATABASE {NAME}")


def _quoted(folder: Path) -> str:
    # The setting is a list, so a name with a comma or a blank needs its quotes.
    return '"' + os.fspath(folder).replace('"', '""') + '"'
