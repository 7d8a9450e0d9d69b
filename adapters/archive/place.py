"""Storage of archives: a directory, or a bucket of any S3-compatible server. Library: obstore.

Credentials of a bucket come from Vault (``archive/s3`` of the KV mount: ``access_key_id``, ``secret_access_key``), or
without that secret from the machine's own role.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from config.settings import AuditSettings
from domain.refusals import Kind, Refusal
from domain.transparency.archive import ArchiveGone

if TYPE_CHECKING:  # the library has these for type checkers only
    from obstore.store import ClientConfig, RetryConfig

CREDENTIALS = "archive/s3"
_PART_BYTES = 5 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_SECRET_NAMES = ("access_key_id", "secret_access_key", "session_token")
_TIMEOUT = timedelta(minutes=30)  # for a whole file
_CONNECT_TIMEOUT = timedelta(seconds=5)
_RETRIES: "RetryConfig" = {
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=10),
}  # Temporal retries longer outages
_RETRY_AFTER_SECONDS = 30.0


class ObstorePlace:
    """``ArchivePlace`` over a directory or a bucket."""

    def __init__(self, store: LocalStore | S3Store, directory: Path | None = None) -> None:
        """Take the store; ``directory`` is its path, if it is on this machine."""
        self._store = store
        self._directory = directory

    async def put(self, name: str, chunks: AsyncIterator[bytes] | bytes) -> None:
        """See ``ArchivePlace``."""
        try:
            await obstore.put_async(self._store, name, chunks, chunk_size=_PART_BYTES, max_concurrency=2)
        except (BaseError, OSError) as error:
            raise _away() from error
        if self._directory is not None:
            await asyncio.to_thread(_flush, self._directory / name)

    async def read(self, name: str) -> AsyncIterator[bytes]:
        """See ``ArchivePlace``."""
        try:
            found = await obstore.get_async(self._store, name)
            async for chunk in found.stream(min_chunk_size=_CHUNK_BYTES):
                yield bytes(chunk)
        except FileNotFoundError:
            raise ArchiveGone(f"the file: {name} does not exist") from None
        except (BaseError, OSError) as error:
            raise _away() from error


def open_place(settings: AuditSettings, credentials: Mapping[str, str]) -> ObstorePlace:
    """Open the storage of the settings. ``credentials`` are the secret's; empty for the machine role or a directory."""
    place = settings.archive_place
    if not place.startswith("s3://"):
        directory = Path(place).resolve()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return ObstorePlace(LocalStore(directory), directory)
    options: dict[str, Any] = {name: credentials[name] for name in _SECRET_NAMES if name in credentials}
    options["region"] = settings.archive_region
    if settings.archive_endpoint is not None:
        options |= {"endpoint": settings.archive_endpoint, "virtual_hosted_style_request": False}
    plain = str(settings.archive_endpoint).startswith("http://")  # the settings permit that on loopback only
    client: ClientConfig = {"timeout": _TIMEOUT, "connect_timeout": _CONNECT_TIMEOUT, "allow_http": plain}
    return ObstorePlace(S3Store.from_url(place, client_options=client, retry_config=_RETRIES, **options))


def _flush(path: Path) -> None:
    """Wait until a file and its name are on disk: the database's copy is dropped afterwards."""
    for place in (path, path.parent):
        number = os.open(place, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _away() -> Refusal:
    return Refusal(Kind.STORE_UNAVAILABLE, "the archive storage can't be reached", retry_after=_RETRY_AFTER_SECONDS)
