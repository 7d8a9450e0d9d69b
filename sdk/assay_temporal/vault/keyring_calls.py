"""Calls of Vault for the key ring, one function each. Blocking: they run in the session's threads."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime

import hvac
from hvac.exceptions import InvalidPath, InvalidRequest

from assay_temporal.keyring import KEY_BYTES
from assay_temporal.vault.calls import kv_read, kv_write, write
from assay_temporal.vault.client import VaultAway


class KeyGone(Exception):
    """The tenant's key does not exist (any more)."""


@dataclass(frozen=True, slots=True)
class CurrentKey:
    """The current key's ID, and the KV version that names it."""

    key_id: str
    created_at: datetime
    version: int


class KeyRingCalls:
    """Reads and writes below ``keyring/`` of the KV mount, and wraps and unwraps with Transit."""

    def __init__(self, kv_mount: str, transit_mount: str) -> None:
        """Take the mounts' names."""
        self._kv_mount = kv_mount
        self._transit_mount = transit_mount

    def read_current(self, client: hvac.Client, tenant: str) -> CurrentKey | None:
        """Return the current key; None if there was none yet.

        Raises:
            VaultAway: the entry is damaged, and needs repair.
        """
        found = kv_read(client, self._kv_mount, f"keyring/{tenant}/current")
        if found is None:
            return None
        try:
            created_at = datetime.fromisoformat(found.data["created_at"])
            return CurrentKey(str(found.data["key_id"]), created_at, found.version)
        except (KeyError, TypeError, ValueError):
            raise VaultAway("the key ring in the key store is damaged") from None

    def make_current(self, client: hvac.Client, tenant: str, now: datetime, version: int) -> CurrentKey:
        """Create a data key and make it current if ``version`` is unchanged. Else return the newer one.

        Raises:
            KeyGone: the tenant has no Transit key.
        """
        path = f"{self._transit_mount}/datakey/plaintext/tenant-{tenant}"
        try:
            made = write(client, path, {"bits": KEY_BYTES * 8})
        except (InvalidRequest, InvalidPath):
            raise KeyGone from None
        key_id = secrets.token_hex(16)
        kv_write(client, self._kv_mount, f"keyring/{tenant}/{key_id}", {"wrapped": made["ciphertext"]}, cas=0)
        try:
            current = {"key_id": key_id, "created_at": now.isoformat()}
            kv_write(client, self._kv_mount, f"keyring/{tenant}/current", current, cas=version)
        except InvalidRequest:  # the check-and-set failed
            other = self.read_current(client, tenant)
            if other is None:
                raise VaultAway from None
            return other
        return CurrentKey(key_id, now, version + 1)

    def open(self, client: hvac.Client, tenant: str, key_id: str) -> bytes:
        """Unwrap a data key.

        Raises:
            KeyGone: no such key, or the tenant's Transit key was deleted.
        """
        found = kv_read(client, self._kv_mount, f"keyring/{tenant}/{key_id}")
        if found is None:
            raise KeyGone
        try:
            body = {"ciphertext": str(found.data["wrapped"])}
            opened = write(client, f"{self._transit_mount}/decrypt/tenant-{tenant}", body)
        except (InvalidPath, InvalidRequest, KeyError):
            raise KeyGone from None
        material = base64.b64decode(opened["plaintext"])
        if len(material) != KEY_BYTES:
            raise KeyGone
        return material
