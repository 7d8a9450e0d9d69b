"""Readiness file for processes without a listening socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def mark_ready(file: Path | None, ready: bool) -> None:
    """Create or remove the readiness file, if one is configured."""
    if file is not None and ready:
        file.touch(mode=0o600)
    elif file is not None:
        file.unlink(missing_ok=True)


@contextmanager
def ready(file: Path | None) -> Iterator[None]:
    """Keep the readiness file during the block."""
    mark_ready(file, True)
    try:
        yield
    finally:
        mark_ready(file, False)
