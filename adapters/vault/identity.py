"""Identity keys: one secret of the installation in Vault's KV, and a key derived for each tenant and use.

The secret is used to hash callers, runs and repeats. It is read once and kept for the process's life: it never changes.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac

import hvac
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from adapters.vault.calls import kv_read
from adapters.vault.errors import unavailable
from adapters.vault.session import ServiceSession
from domain.refusals import Kind, Refusal

KEY_BYTES = 32


class DerivedIdentityKeys:
    """Identity keys of a given secret."""

    def __init__(self, pepper: bytes) -> None:
        """Take the installation's secret.

        Raises:
            ValueError: if it does not have 32 bytes.
        """
        if len(pepper) != KEY_BYTES:
            raise ValueError("the identity secret must have 32 bytes")
        self._pepper = pepper
        self._keys: dict[str, bytes] = {}

    def of_tenant(self, tenant: str) -> bytes:
        """See ``IdentityKeys.tenant_key``."""
        if tenant not in self._keys:
            self._keys[tenant] = self._derive("assay/identity/tenant/v1", tenant)
        return self._keys[tenant]

    def of_client_secret(self, client_id: str, secret: str) -> str:
        """See ``IdentityKeys.hash_client_secret``."""
        key = self._derive("assay/identity/client-secret/v1", client_id)
        return hmac.new(key, secret.encode(), hashlib.sha256).hexdigest()

    def of_installation(self, purpose: str) -> bytes:
        """See ``IdentityKeys.installation_key``."""
        return self._derive("assay/identity/installation/v1", purpose)

    def _derive(self, purpose: str, name: str) -> bytes:
        """Derive by HKDF-SHA-256 (RFC 5869). No label contains a zero byte, so purpose and name are unambiguous."""
        info = purpose.encode() + b"\0" + name.encode()
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._pepper)


class VaultIdentity:
    """``IdentityKeys`` of the secret at ``identity`` in Vault's KV."""

    def __init__(self, session: ServiceSession, *, kv_mount: str = "assay") -> None:
        """Take the session; the secret is read on first use."""
        self._session = session
        self._kv_mount = kv_mount
        self._keys: DerivedIdentityKeys | None = None
        self._loading = asyncio.Lock()

    async def tenant_key(self, tenant: str) -> bytes:
        """See ``IdentityKeys``."""
        return (await self._loaded()).of_tenant(tenant)

    async def hash_client_secret(self, client_id: str, secret: str) -> str:
        """See ``IdentityKeys``."""
        return (await self._loaded()).of_client_secret(client_id, secret)

    async def installation_key(self, purpose: str) -> bytes:
        """See ``IdentityKeys``."""
        return (await self._loaded()).of_installation(purpose)

    async def _loaded(self) -> DerivedIdentityKeys:
        if self._keys is None:
            async with self._loading:
                if self._keys is None:
                    self._keys = await self._session.call(self._read)
        return self._keys

    def _read(self, client: hvac.Client) -> DerivedIdentityKeys:
        found = kv_read(client, self._kv_mount, "identity")
        if found is None:
            raise unavailable("the key store is not set up: it has no identity secret")
        try:
            return DerivedIdentityKeys(base64.b64decode(found.data["pepper"], validate=True))
        except (KeyError, TypeError, ValueError, binascii.Error):
            raise Refusal(Kind.INTERNAL, "the identity secret in the key store is damaged") from None
