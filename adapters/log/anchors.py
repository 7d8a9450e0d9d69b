"""Anchors of the log in Vault, outside the control of the database's owner: key and last checkpoints."""

import base64
import re

from adapters.vault.calls import kv_names, kv_read, read
from adapters.vault.session import ServiceSession
from config.settings import VaultSettings
from domain.refusals import Kind, Refusal
from domain.signing_keys import LOG_KEY
from domain.transparency.stored_log import LogKeys

_HEADS = "log"


class VaultLogAnchors:
    """``LogAnchors`` over Transit and the KV engine."""

    def __init__(self, session: ServiceSession, settings: VaultSettings) -> None:
        """Take a session that may read the key and the checkpoints."""
        self._session = session
        self._settings = settings

    async def keys(self) -> LogKeys:
        """See ``LogAnchors``."""
        path = f"{self._settings.transit_mount}/keys/{LOG_KEY}"
        data = await self._session.call(lambda client: read(client, path))
        if data is None:
            raise Refusal(Kind.NOT_FOUND, f"Vault has no key '{LOG_KEY}': set Vault up first")
        return LogKeys(tuple(base64.b64decode(version["public_key"]) for version in data["keys"].values()))

    async def tenants(self) -> set[str]:
        """See ``LogAnchors``."""
        mount = self._settings.kv_mount
        return set(await self._session.call(lambda client: kv_names(client, mount, _HEADS)))

    async def note(self, tenant: str) -> str | None:
        """See ``LogAnchors``."""
        if not re.fullmatch(r"[a-z0-9-]{1,40}", tenant):  # a name that only the store can have invented
            return None
        mount = self._settings.kv_mount
        kept = await self._session.call(lambda client: kv_read(client, mount, f"{_HEADS}/{tenant}"))
        return None if kept is None else str(kept.data.get("note"))
