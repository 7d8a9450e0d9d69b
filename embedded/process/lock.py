"""Lock of a data directory: one owner at a time, released by the kernel when the owner ends."""

import os
from pathlib import Path

from filelock import FileLock, Timeout

from embedded.process.errors import DataDirInUseError


def data_dir_lock(path: Path) -> FileLock:
    """Make a lock (flock) on the file at ``path``. Its owner's process ID is written there."""
    return FileLock(
        path, timeout=0, mode=0o600, thread_local=False, fallback_to_soft=False, on_acquired=_write_process_id
    )


def acquire(lock: FileLock) -> None:
    """Acquire the lock without waiting.

    Raises:
        DataDirInUseError: another process holds it; names that process.
    """
    try:
        lock.acquire()
    except Timeout:
        path = Path(lock.lock_file)
        raise DataDirInUseError(path.parent, _holder(path)) from None


def _write_process_id(fd: int) -> None:
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)


def _holder(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None
