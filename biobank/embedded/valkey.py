"""An embedded Valkey server: a direct child of this process, on a private unix socket."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from biobank.embedded import binaries, process
from biobank.embedded.account import prepare, private, server_account
from biobank.embedded.errors import EmbeddedError
from biobank.embedded.layout import layout_of, urls

_READY_WITHIN = 60.0  # seconds; the append-only file is read first


class Valkey:
    """The server whose data lives in `data_dir`."""

    def __init__(self, data_dir: Path) -> None:
        self.layout = layout_of(data_dir)
        self.url = urls(data_dir)[1]
        self.log = self.layout.log_dir / "valkey.log"
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and return when it answers; raises `EmbeddedError` with one sentence."""
        account = server_account(self.layout)
        prepare(self.layout, account)
        private(self.layout.valkey_dir, account)
        program = binaries.valkey_server(account, self.layout.state_dir / "programs")
        self.child = process.spawn(
            [str(program), *self._options()], log=self.log, death_signal=signal.SIGTERM, account=account
        )
        deadline = time.monotonic() + _READY_WITHIN
        while not self._answers():
            if self.child.poll() is not None:
                raise EmbeddedError(f"Valkey did not start: {process.last_line(self.log)} (see {self.log}).")
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Valkey did not answer within {_READY_WITHIN:.0f} seconds (see {self.log})."
                )
            time.sleep(0.01)

    def stop(self) -> None:
        """Shut down; the append-only file is complete."""
        if self.child is not None:
            process.stop(self.child, (signal.SIGTERM, 10.0))
            self.child = None

    def destroy(self) -> None:
        """Stop, and remove the data; for tests."""
        self.stop()
        shutil.rmtree(self.layout.valkey_dir, ignore_errors=True)

    def _options(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.layout.valkey_socket),
            "unixsocketperm": "700",
            "dir": str(self.layout.valkey_dir),
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        return [word for name, value in settings.items() for word in (f"--{name}", value)]

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            try:
                client.connect(str(self.layout.valkey_socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
            except OSError:
                return False
