"""The embedded PostgreSQL keeps its data through every kind of end, and says why when it does not start."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from biobank.embedded import EmbeddedError, Postgres
from biobank.embedded.layout import layout_of


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("embedded")
    yield folder
    Postgres(folder).destroy()


@pytest.fixture
def postgres(data_dir: Path) -> Iterator[Postgres]:
    server = Postgres(data_dir, fast=True)
    yield server
    server.stop()


def ask(server: Postgres, statement: str) -> object:
    with contextlib.closing(psycopg2.connect(server.url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone() if cursor.description else None


def remember(server: Postgres, word: str) -> None:
    ask(server, "CREATE TABLE IF NOT EXISTS memory (word text)")
    ask(server, f"INSERT INTO memory VALUES ('{word}')")


def remembers(server: Postgres, word: str) -> bool:
    return ask(server, f"SELECT word FROM memory WHERE word = '{word}'") == (word,)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def eventually(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_data_outlives_an_orderly_stop(postgres: Postgres) -> None:
    postgres.start()
    remember(postgres, "orderly")
    postgres.stop()
    postgres.start()

    assert remembers(postgres, "orderly")


def test_data_outlives_a_killed_server(postgres: Postgres) -> None:
    postgres.start()
    remember(postgres, "killed")
    assert postgres.child is not None
    postgres.child.kill()
    postgres.child.wait()
    postgres.stop()
    postgres.start()

    assert remembers(postgres, "killed")


def test_it_listens_on_a_private_socket_only(postgres: Postgres) -> None:
    postgres.start()

    assert ask(postgres, "SHOW listen_addresses") == ("",)
    assert postgres.layout.run_dir.stat().st_mode & 0o777 == 0o700


def test_it_speaks_utf8_and_utc_whatever_the_machine_is_set_to(postgres: Postgres) -> None:
    postgres.start()

    assert ask(postgres, "SHOW server_encoding") == ("UTF8",)
    assert ask(postgres, "SHOW timezone") == ("UTC",)
    assert ask(postgres, "SELECT lower('ÉŁΩ')") == ("éłω",)


def test_a_stale_pid_file_that_names_a_living_stranger_is_no_obstacle(postgres: Postgres) -> None:
    postgres.start()
    assert postgres.child is not None
    postgres.child.kill()
    postgres.child.wait()
    pid_file = postgres.layout.pgdata / "postmaster.pid"
    owner = postgres.layout.pgdata.stat().st_uid
    stranger = subprocess.Popen(["sleep", "60"], user=owner if os.geteuid() == 0 else None)
    try:
        lines = pid_file.read_text().split("\n")
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]))
        postgres.stop()
        postgres.start()

        assert ask(postgres, "SELECT 1") == (1,)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_orphan_on_the_same_data_is_shut_down_first(data_dir: Path, postgres: Postgres) -> None:
    orphan = Postgres(data_dir, fast=True)
    orphan.start()
    assert orphan.child is not None
    orphan._lock.release()
    postgres.start()

    assert orphan.child.wait(10) == 0
    assert ask(postgres, "SELECT 1") == (1,)


def test_a_second_server_on_the_same_data_is_refused(data_dir: Path, postgres: Postgres) -> None:
    postgres.start()

    with pytest.raises(EmbeddedError, match=f"already in use by process {os.getpid()}"):
        Postgres(data_dir).start()
    assert ask(postgres, "SELECT 1") == (1,)


def test_a_database_of_another_version_is_refused_untouched(postgres: Postgres) -> None:
    postgres.start()
    postgres.stop()
    version = postgres.layout.pgdata / "PG_VERSION"
    right = version.read_text()
    version.write_text("15\n")
    try:
        with pytest.raises(EmbeddedError, match="made by PostgreSQL 15 and this server is PostgreSQL 18"):
            postgres.start()
    finally:
        version.write_text(right)
    postgres.start()

    assert ask(postgres, "SELECT 1") == (1,)


def test_a_folder_that_holds_something_else_is_not_overwritten(tmp_path: Path) -> None:
    pgdata = tmp_path / "pgdata"
    pgdata.mkdir()
    (pgdata / "thesis.txt").write_text("chapter one")

    with pytest.raises(EmbeddedError, match="holds no database"):
        Postgres(tmp_path).start()
    assert (pgdata / "thesis.txt").read_text() == "chapter one"


def test_a_socket_folder_planted_by_somebody_else_is_refused(tmp_path: Path) -> None:
    layout = layout_of(tmp_path / "data")
    layout.data_dir.mkdir(mode=0o711)
    layout.state_dir.mkdir(mode=0o711, exist_ok=True)
    (tmp_path / "elsewhere").mkdir()
    layout.run_dir.symlink_to(tmp_path / "elsewhere")
    server = Postgres(tmp_path / "data")
    try:
        with pytest.raises(EmbeddedError, match="belongs to another account"):
            server.start()
    finally:
        layout.run_dir.unlink()
        server.destroy()


@pytest.mark.fault
def test_a_killed_parent_leaves_no_server_behind(data_dir: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from biobank.embedded import Postgres;"
        "server = Postgres(Path(sys.argv[1]), fast=True); server.start();"
        "print(server.child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(data_dir)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    assert not gone(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()

    assert eventually(lambda: gone(pid))
