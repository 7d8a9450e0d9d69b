"""The file that tells of a process which listens nowhere that it works."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def ready(file: Path | None) -> Iterator[None]:
    """Keep the ready file while it is true."""
    if file is not None:
        file.touch(mode=0o600)
    try:
        yield
    finally:
        if file is not None:
            file.unlink(missing_ok=True)
