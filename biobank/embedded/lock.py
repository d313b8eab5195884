"""A folder's lock, held for the life of a process and freed by the kernel when it dies."""

import fcntl
import os
from pathlib import Path


class FolderLock:
    """An exclusive lock on a file that carries the holder's process id."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False when another process holds it."""
        if self._descriptor is not None:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor
        return True

    def holder(self) -> str:
        """The process id in the file, or an empty string."""
        try:
            return self._path.read_text().strip()
        except OSError:
            return ""

    def clear(self) -> None:
        """Empty the file and free the lock: the holder ended in order."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
        self.release()

    def release(self) -> None:
        """Free the lock; the file stays, for removing it would let two holders in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
