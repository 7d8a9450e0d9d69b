"""Secrets from Vault's KV, cached for a short time."""

import re
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

import hvac

from adapters.vault.calls import kv_read
from adapters.vault.session import ServiceSession
from domain.refusals import Kind, Refusal

_PATH = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_.-]*[A-Za-z0-9_-])*\Z")


class VaultSecrets:
    """``SecretReader`` over Vault's KV version 2."""

    def __init__(
        self,
        session: ServiceSession,
        *,
        kv_mount: str = "assay",
        cache_seconds: float = 30.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the session. A changed secret takes effect after ``cache_seconds``."""
        self._session = session
        self._kv_mount = kv_mount
        self._cache_seconds = cache_seconds
        self._monotonic = monotonic
        self._cache: dict[str, tuple[float, Mapping[str, str]]] = {}

    async def read(self, path: str) -> Mapping[str, str]:
        """See ``SecretReader``."""
        expires_at, cached = self._cache.get(path, (0.0, None))
        if cached is not None and self._monotonic() < expires_at:
            return cached
        if not _PATH.match(path):
            raise Refusal(Kind.NOT_FOUND, "there is no such secret")
        self._cache.pop(path, None)
        found = await self._session.call(lambda client: self._read(client, path))
        self._cache[path] = (self._monotonic() + self._cache_seconds, found)
        return found

    def _read(self, client: hvac.Client, path: str) -> Mapping[str, str]:
        found = kv_read(client, self._kv_mount, path)
        if found is None:
            raise Refusal(Kind.NOT_FOUND, "there is no such secret")
        return MappingProxyType({str(name): str(value) for name, value in found.data.items()})
