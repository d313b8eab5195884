"""The embedded Valkey keeps queued messages and is private."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from biobank.embedded import Valkey
from biobank.embedded.postgres import Postgres


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    yield server
    server.destroy()
    Postgres(tmp_path).destroy()


def test_messages_outlive_a_stop(valkey: Valkey) -> None:
    valkey.start()
    with Redis.from_url(valkey.url) as client:
        client.rpush("queue", "look at row 42")
    valkey.stop()
    valkey.start()

    with Redis.from_url(valkey.url) as client:
        assert client.lrange("queue", 0, -1) == [b"look at row 42"]


def test_a_socket_left_by_a_killed_server_is_taken_over(valkey: Valkey) -> None:
    valkey.start()
    assert valkey.child is not None
    valkey.child.kill()
    valkey.child.wait()
    assert valkey.layout.valkey_socket.exists()
    valkey.start()

    with Redis.from_url(valkey.url) as client:
        assert client.ping()


def test_only_its_account_reaches_it(valkey: Valkey) -> None:
    valkey.start()
    folder = valkey.layout.run_dir.stat()

    assert folder.st_mode & 0o777 == 0o700
    assert (folder.st_uid != 0) if os.geteuid() == 0 else (folder.st_uid == os.geteuid())
    with Redis.from_url(valkey.url) as client:
        assert client.config_get("port")["port"] == "0"
