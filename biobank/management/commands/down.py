"""`manage.py down`: stop the server that holds a data directory."""

import fcntl
import os
import signal
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from biobank.embedded.lock import FolderLock

PATIENCE = 60.0  # seconds for an ordered stop


class Command(BaseCommand):
    help = "Stop the server of a data directory in order, and wait until it has stopped."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data-dir", type=Path, default=settings.DATA_DIR)

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["data_dir"].resolve() / "lock"
        if not path.exists() or _is_free(path):
            self.stdout.write("No server runs here.")
            return
        holder = FolderLock(path).holder()
        if not holder.isdecimal():
            raise CommandError(f"{path} does not say which process holds it")
        os.kill(int(holder), signal.SIGTERM)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if _is_free(path):
                self.stdout.write("Stopped.")
                return
            time.sleep(0.2)
        raise CommandError(f"process {holder} still runs after {PATIENCE:.0f} s")


def _is_free(path: Path) -> bool:
    """Whether nobody holds the lock; leaves the file as it is, for it tells the next start how the last one ended."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
