"""Encryption of what API keys grant, and the MAC of their rows.

The grant is AES-256-GCM (NIST SP 800-38D) ciphertext under a key derived from the tenant's data key, so that it becomes
unreadable with the tenant's keys. Since a team has its tenant's data keys, no ciphertext proves a grant: the MAC
(HMAC-SHA-256, RFC 2104) over the whole row does, under a key of the installation that services alone can read in Vault.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.vault.errors import unavailable
from assay_temporal.keyring import DataKey, KeyRing, KeyUnavailable, derive
from domain.access.api_keys import ApiKey, KeyGrant, SealedApiKey
from domain.ports import IdentityKeys
from domain.records.records import canonical
from domain.refusals import Kind, Refusal

PURPOSE: Final = "assay/api-key-grant/v1"
MAC_PURPOSE: Final = "assay/api-key-row/v1"
_NONCE_BYTES = 12


class GrantEncrypter:
    """Encrypts, authenticates and decrypts grants."""

    def __init__(
        self, keyring: KeyRing, identities: IdentityKeys, *, random_bytes: Callable[[int], bytes] = os.urandom
    ) -> None:
        """Take the ports. ``random_bytes`` makes nonces."""
        self._keyring = keyring
        self._identities = identities
        self._random_bytes = random_bytes

    async def seal(self, key: ApiKey, secret_hash: bytes) -> SealedApiKey:
        """Return the key as it is stored.

        Raises:
            Refusal: VAULT_UNAVAILABLE; FORBIDDEN if the tenant has no key.
        """
        try:
            data_key = await self._keyring.current(key.tenant)
        except KeyUnavailable as error:
            raise _as_refusal(error) from None
        nonce = self._random_bytes(_NONCE_BYTES)
        plaintext = canonical(asdict(key.grant))
        unsigned = SealedApiKey(
            id=key.id,
            tenant=key.tenant,
            caller=key.caller,
            subject=key.subject,
            family=key.family,
            secret_hash=secret_hash,
            data_key=data_key.key_id,
            sealed=nonce + _cipher(data_key, key.id).encrypt(nonce, plaintext, _associated(key.tenant, key.id)),
            mac=b"",
            times=key.times,
        )
        return SealedApiKey(**{name: getattr(unsigned, name) for name in _NAMES}, mac=await self._mac(unsigned))

    async def open(self, sealed: SealedApiKey) -> KeyGrant | None:
        """Return the grant; None if the row does not authenticate, or its grant was erased.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
        """
        if not hmac.compare_digest(await self._mac(sealed), sealed.mac):
            return None
        try:
            data_key = await self._keyring.by_id(sealed.tenant, sealed.data_key)
        except KeyUnavailable as error:
            if not error.gone:
                raise unavailable() from None
            return None
        nonce, body = sealed.sealed[:_NONCE_BYTES], sealed.sealed[_NONCE_BYTES:]
        try:
            associated = _associated(sealed.tenant, sealed.id)
            plaintext = _cipher(data_key, sealed.id).decrypt(nonce, body, associated)
        except (InvalidTag, ValueError):
            return None
        return _grant(json.loads(plaintext))

    async def _mac(self, sealed: SealedApiKey) -> bytes:
        """Return the MAC over what never changes."""
        content = {
            **{name: getattr(sealed, name) for name in ("id", "tenant", "caller", "subject", "family", "data_key")},
            "secret_hash": sealed.secret_hash.hex(),
            "sealed": hashlib.sha256(sealed.sealed).hexdigest(),
            "created_at": sealed.times.created_at.astimezone(UTC).isoformat(),
            "expires_at": sealed.times.expires_at.astimezone(UTC).isoformat(),
        }
        key = await self._identities.installation_key(MAC_PURPOSE)
        return hmac.digest(key, canonical(content), "sha256")


_NAMES: Final = tuple(name for name in SealedApiKey.__slots__ if name != "mac")


def _grant(read: dict[str, Any]) -> KeyGrant:
    models = read["models"]
    return KeyGrant(**{**read, "roles": tuple(read["roles"]), "models": None if models is None else tuple(models)})


def _cipher(key: DataKey, key_id: str) -> AESGCM:
    return AESGCM(derive(key, PURPOSE, salt=key_id.encode()))


def _associated(tenant: str, key_id: str) -> bytes:
    return f"{tenant}|{key_id}".encode()


def _as_refusal(error: KeyUnavailable) -> Refusal:
    if not error.gone:
        return unavailable()
    return Refusal(Kind.FORBIDDEN, "the tenant has no key: it was not created, or was erased")
