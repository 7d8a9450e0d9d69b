"""The file that tells of a process which listens nowhere that it works."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def mark_ready(file: Path | None, ready: bool) -> None:
    """Create or remove the readiness file, if there is to be one."""
    if file is not None and ready:
        file.touch(mode=0o600)
    elif file is not None:
        file.unlink(missing_ok=True)


@contextmanager
def ready(file: Path | None) -> Iterator[None]:
    """Keep the ready file while it is true."""
    mark_ready(file, True)
    try:
        yield
    finally:
        mark_ready(file, False)
