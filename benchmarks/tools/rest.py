"""Stopping of processes (SIGSTOP) while others are measured: idle ones still use the processors."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psutil


@contextmanager
def at_rest(pids: Sequence[int], but: Sequence[int]) -> Iterator[None]:
    """Stop these processes and their descendants inside the block, except those of ``but``."""
    awake = {process.pid for process in _trees(but)}
    stopped = [process for process in _trees(pids) if process.pid not in awake]
    try:
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        yield
    finally:
        for process in reversed(stopped):
            with suppress(psutil.NoSuchProcess):
                process.resume()


def _trees(pids: Sequence[int]) -> list[psutil.Process]:
    """Return each process with its descendants, each once, the oldest first."""
    found: dict[int, psutil.Process] = {}
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                found.setdefault(process.pid, process)
    return list(found.values())
