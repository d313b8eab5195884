"""Finding the server the demo talks to, or starting one that outlives the command."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from django.conf import settings


def is_ready(address: str) -> bool:
    """Whether a server answers at `address` and says that all it needs is there."""
    try:
        with urllib.request.urlopen(f"{address}readyz", timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def ensure(port: int, data_dir: Path, seconds: float = 180) -> tuple[str, bool]:
    """The address of a running server, and whether this call started it. Raises RuntimeError."""
    address = f"http://127.0.0.1:{port}/"
    if is_ready(address):
        return address, False
    log = data_dir / "log" / "up.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as out:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "up"]
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "--port", str(port), "--data-dir", str(data_dir)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # it shows a generated password, which belongs in no log
            stderr=out,
            start_new_session=True,
            env={**os.environ, "DATA_DIR": str(data_dir), "PORT": str(port)},
        )
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(log.read_text().strip().splitlines()[-1])
        if is_ready(address):
            return address, True
        time.sleep(0.3)
    raise RuntimeError(f"the server did not become ready within {seconds:.0f} s; see {log}")


def password(data_dir: Path) -> str:
    """The administrator's password: from the environment, else as kept in the data directory."""
    given = os.environ.get("OS_ADMIN_PASSWORD")
    return given or (data_dir / "admin-password").read_text().strip()
