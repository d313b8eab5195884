"""`manage.py up` really started, killed and refused."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from biobank.demo.client import Client, csv_bytes
from biobank.embedded import Postgres

pytestmark = pytest.mark.fault

ROOT = Path(__file__).resolve().parents[2]
SERVER_VARIABLES = ("DATABASE_URL", "REDIS_URL", "DATA_DIR", "PORT", "OS_ADMIN_PASSWORD", "SECRET_KEY")
IMPORTED = 3_000  # rows; in chunks of 20, so that they take seconds
JOB_VARIABLES = {"OS_JOB_LEASE_SECONDS": "4", "OS_JOB_REAP_SECONDS": "2", "OS_IMPORT_CHUNK_ROWS": "20"}
Processes = dict[int, str]


def command(*options: str) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if name not in SERVER_VARIABLES}
    return {
        "args": [sys.executable, str(ROOT / "manage.py"), "up", *options],
        "env": environment | JOB_VARIABLES | {"WEB_CONCURRENCY": "1"},
        "stderr": subprocess.PIPE,
        "text": True,
    }


def refused(*options: str) -> str:
    """Run `up`, which is to refuse; return its one sentence."""
    answer: subprocess.CompletedProcess[str] = subprocess.run(
        **command(*options), stdout=subprocess.PIPE, timeout=60
    )
    assert answer.returncode != 0
    assert answer.stdout == ""
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("biobank: ")
    assert "Traceback" not in answer.stderr
    return answer.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def process_table() -> dict[int, tuple[int, str, str]]:
    """Parent, start time and command line of every living process."""
    table = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                table[int(folder.name)] = (int(fields[1]), fields[19], line)
    return table


class Server:
    """One data directory and port, and the supervisor on them as long as it lives."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None
        self.output: list[str] = []

    @property
    def options(self) -> tuple[str, ...]:
        return (f"--port={self.port}", f"--data-dir={self.data_dir}")

    def ensure(self) -> None:
        """Start unless it runs; return when it said that it is ready."""
        if self.process is not None and self.process.poll() is None:
            return
        errors = (self.data_dir.parent / "errors").open("w+")
        self.process = subprocess.Popen(**command(*self.options) | {"stderr": errors}, stdout=subprocess.PIPE)
        self.output = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line)
            if line.startswith("ready "):
                break
        errors.seek(0)
        said = errors.read()
        errors.close()
        assert self.output[-1:] == [f"ready http://127.0.0.1:{self.port}/\n"], said

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def family(self) -> Processes:
        """Everything below the supervisor, as process id and start time."""
        table = process_table()
        family = {self.pid}
        while True:
            children = {pid for pid, (parent, _, _) in table.items() if parent in family} - family
            if not children:
                break
            family |= children
        return {pid: table[pid][1] for pid in family - {self.pid} if pid in table}

    def child(self, words: str) -> int | None:
        """The supervisor's direct child whose command line contains `words`."""
        table = process_table()
        return next((pid for pid, (up, _, line) in table.items() if up == self.pid and words in line), None)

    def get(self, path: str) -> tuple[int, Any]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.load(answer)

    def signed_in(self) -> Client:
        client = Client(f"http://127.0.0.1:{self.port}/")
        client.sign_in("admin", (self.data_dir / "admin-password").read_text().strip())
        return client

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(60)
        assert self.process.stdout is not None
        self.output += self.process.stdout.readlines()
        self.process.stdout.close()
        return code


def survivors(family: Processes) -> Processes:
    table = process_table()
    return {pid: table[pid][2] for pid, born in family.items() if pid in table and table[pid][1] == born}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("up") / "data")
    yield server
    if server.process is not None and server.process.poll() is None:
        family = server.family()
        assert server.end(signal.SIGINT) == 0
        assert survivors(family) == {}
    Postgres(server.data_dir).destroy()


@pytest.fixture
def server(home: Server) -> Server:
    home.ensure()
    return home


def test_a_ready_server_answers_with_every_check(server: Server) -> None:
    status, body = server.get("/readyz")

    assert status == 200
    assert {name: check["status"] for name, check in body["checks"].items()} == dict.fromkeys(
        ("database", "broker", "migrations", "beat"), "ok"
    )
    assert server.get("/healthz")[0] == 200


def test_the_generated_password_is_kept_for_the_owner_only(server: Server) -> None:
    kept = server.data_dir / "admin-password"

    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(kept.read_text().strip()) >= 12
    assert not any(
        kept.read_text().strip() in log.read_text(errors="replace")
        for log in server.data_dir.glob("log/*.log")
    )


def test_a_second_server_on_the_same_data_is_refused(server: Server) -> None:
    said = refused(f"--port={free_port()}", f"--data-dir={server.data_dir}")

    assert re.search(rf"already runs on the data directory .*process {server.pid}", said)
    assert server.is_ready()


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]

        assert f"Port {port} cannot be used" in refused(f"--port={port}", f"--data-dir={tmp_path}")


def test_a_data_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        said = refused(f"--port={free_port()}", f"--data-dir={place}")
        assert f"The data directory {place} cannot be written" in said


def test_a_database_of_an_older_version_is_named(tmp_path: Path) -> None:
    (tmp_path / "pgdata").mkdir()
    (tmp_path / "pgdata" / "PG_VERSION").write_text("15\n")

    assert "made by PostgreSQL 15" in refused(f"--port={free_port()}", f"--data-dir={tmp_path}")


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none_is_refused_before_anything_starts(port: str, tmp_path: Path) -> None:
    answer = subprocess.run(
        **command(f"--port={port}", f"--data-dir={tmp_path / 'data'}"), stdout=subprocess.PIPE, timeout=60
    )

    assert answer.returncode != 0
    assert "is not a port" in answer.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "words", ["gunicorn", "--queues=imports,default", "--queues=exports,queries", "celery:app beat"]
)
def test_a_killed_program_is_started_again(server: Server, words: str) -> None:
    first = server.child(words)
    assert first is not None
    os.kill(first, signal.SIGKILL)

    assert eventually(lambda: server.child(words) not in (None, first))
    assert eventually(server.is_ready)


@pytest.mark.parametrize("words", ["bin/postgres", "valkey-server"])
def test_the_server_recovers_from_a_killed_database(server: Server, words: str) -> None:
    first = server.child(words)
    assert first is not None
    os.kill(first, signal.SIGKILL)

    assert eventually(lambda: server.child(words) not in (None, first))
    assert eventually(server.is_ready)
    assert server.process is not None
    assert server.process.poll() is None


def test_what_was_begun_goes_on_after_a_stop_and_after_a_kill(server: Server) -> None:
    """One server's second half of life: a signal ends it in the middle of an import, the next start goes on, and
    that one is killed."""
    client = server.signed_in()
    before = client.get("/institutes/count")["count"]
    rows = csv_bytes(["Name"], ([f"Restarted {n}"] for n in range(IMPORTED)))
    file_id = client.upload("/import-jobs/input-file", "rows.csv", rows)
    job = client.post("/import-jobs", {"objectType": "institute", "inputFileId": file_id["fileId"]})
    path = f"/import-jobs/{job['id']}"
    assert eventually(lambda: (client.get(path)["totalRecords"] or 0) > 0)
    begun = client.get(path)
    assert begun["status"] == "IN_PROGRESS"
    assert begun["totalRecords"] < IMPORTED

    # A signal stops everything, in order.
    family = server.family()
    assert len(family) > 8
    assert server.end(signal.SIGTERM) == 0
    assert survivors(family) == {}
    assert sum(line.startswith("ready ") for line in server.output) == 1
    assert "database system is shut down" in (server.data_dir / "log" / "postgres.log").read_text()[-300:]

    # The next start tells no password, and the import goes on to its end.
    server.ensure()
    assert (server.data_dir / "admin-password").read_text().strip() not in "".join(server.output)
    client = server.signed_in()
    assert eventually(lambda: client.get(path)["status"] not in ("QUEUED", "IN_PROGRESS"), 90)
    after = client.get(path)
    assert (after["status"], after["totalRecords"], after["failedRecords"]) == ("COMPLETED", IMPORTED, 0)
    assert client.get("/institutes/count")["count"] == before + IMPORTED
    report = client.report(after).splitlines()
    assert len(report) == IMPORTED + 1
    assert all(line.endswith('"SUCCESS",""') for line in report[1:])

    # A killed supervisor leaves no orphans, and can start again at once.
    family = server.family()
    server.end(signal.SIGKILL)
    server.ensure()
    assert eventually(lambda: survivors(family) == {})
    assert server.is_ready()
    assert server.signed_in().get("/institutes/count")["count"] == before + IMPORTED
