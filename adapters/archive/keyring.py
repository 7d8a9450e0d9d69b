"""Keys for the archiver's records: it creates new ones, and can't decrypt any of a tenant's."""

import asyncio
import base64
import secrets

import hvac
from cachetools import TTLCache
from hvac.exceptions import InvalidPath, InvalidRequest

from adapters.vault.calls import kv_write, write
from adapters.vault.session import ServiceSession
from assay_temporal.keyring import KEY_BYTES, DataKey, KeyUnavailable
from config.settings import VaultSettings
from domain.refusals import Refusal

_MOST_KEYS = 1024


class EncryptionKeys:
    """``KeyRing`` that encrypts and never decrypts."""

    def __init__(self, session: ServiceSession, settings: VaultSettings) -> None:
        """Take the session."""
        self._session = session
        self._settings = settings
        self._made: TTLCache[str, DataKey] = TTLCache(_MOST_KEYS, settings.data_key_max_age_seconds)
        self._making = asyncio.Lock()

    async def current(self, tenant: str) -> DataKey:
        """See ``KeyRing``: a key created by this process."""
        async with self._making:
            if (key := self._made.get(tenant)) is None:
                try:
                    key = await self._session.call(lambda client: self._make(client, tenant))
                except Refusal:
                    raise KeyUnavailable(tenant, gone=False) from None
                if key is None:
                    raise KeyUnavailable(tenant, gone=True)
                self._made[tenant] = key
        return key

    async def by_id(self, tenant: str, key_id: str) -> DataKey:
        """See ``KeyRing``: always unavailable."""
        del key_id
        raise KeyUnavailable(tenant, gone=True)

    def _make(self, client: hvac.Client, tenant: str) -> DataKey | None:
        """Create a key; None if the tenant has no Transit key (any more)."""
        path = f"{self._settings.transit_mount}/datakey/plaintext/tenant-{tenant}"
        try:
            made = write(client, path, {"bits": KEY_BYTES * 8})
        except (InvalidPath, InvalidRequest):
            return None
        key_id = secrets.token_hex(16)
        wrapped = {"wrapped": made["ciphertext"]}
        kv_write(client, self._settings.kv_mount, f"keyring/{tenant}/{key_id}", wrapped, cas=0)
        return DataKey(tenant, key_id, base64.b64decode(made["plaintext"]))
