"""Private files, written atomically: a crash leaves the old content or the new."""

import os
import secrets
from pathlib import Path


def fsync_directory(directory: Path) -> None:
    """Make a rename inside ``directory`` durable."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_private(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` with mode 0600: a temporary file, flushed to disk, then renamed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_directory(path.parent)


def read_or_create_secret(path: Path) -> str:
    """Return the secret in ``path``. On the first call create one of 256 random bits, URL-safe."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32).encode())
    return read_secret(path)


def read_secret(path: Path) -> str:
    """Return the text in ``path`` without surrounding white space.

    Raises:
        OSError: if it can't be read.
    """
    return path.read_text("ascii").strip()
