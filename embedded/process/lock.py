"""One owner of a data directory at a time."""

import fcntl
import os
from pathlib import Path

from embedded.process.errors import DataDirInUseError


class DataDirLock:
    """An advisory lock (flock) that the kernel gives up when its holder ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock and write our process ID into it.

        Raises:
            DataDirInUseError: if another process holds it; names that process.
        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise DataDirInUseError(self._path.parent, lock_holder(self._path)) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Give the lock up; harmless when it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def lock_holder(path: Path) -> int | None:
    """The process ID that the lock's last holder wrote, if it can be read."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None
