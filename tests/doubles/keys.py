"""Keys that are known: of tenants, of callers, of signatures."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.postgres.encryption.subject_keys import SubjectKey
from adapters.vault.identity import DerivedIdentityKeys
from assay_temporal.keyring import DataKey, KeyUnavailable
from domain.records.records import canonical


class FixedKeyRing:
    """A ``KeyRing`` of known keys. Unknown tenants have none; ``away`` refuses all, as if their keeper were down."""

    def __init__(self, *tenants: str) -> None:
        self._keys = {tenant: [_data_key(tenant, 1)] for tenant in tenants}
        self.away = False

    def rotate(self, tenant: str) -> None:
        """Make another key current; those before it still open what they sealed."""
        self._keys[tenant].append(_data_key(tenant, len(self._keys[tenant]) + 1))

    async def current(self, tenant: str) -> DataKey:
        return self._versions(tenant)[-1]

    async def by_id(self, tenant: str, key_id: str) -> DataKey:
        for key in self._versions(tenant):
            if key.key_id == key_id:
                return key
        raise KeyUnavailable(tenant, gone=True)

    def _versions(self, tenant: str) -> list[DataKey]:
        if self.away or tenant not in self._keys:
            raise KeyUnavailable(tenant, gone=not self.away)
        return self._keys[tenant]


def _data_key(tenant: str, number: int) -> DataKey:
    digest = hashlib.sha256(f"data key {number} of {tenant}".encode())
    return DataKey(tenant, digest.hexdigest()[:32], digest.digest())


class FixedIdentity:
    """``IdentityKeys`` of a known secret."""

    def __init__(self, pepper: bytes = bytes(32)) -> None:
        self._keys = DerivedIdentityKeys(pepper)

    async def tenant_key(self, tenant: str) -> bytes:
        return self._keys.of_tenant(tenant)

    async def hash_client_secret(self, client_id: str, secret: str) -> str:
        return self._keys.of_client_secret(client_id, secret)

    async def installation_key(self, purpose: str) -> bytes:
        return self._keys.of_installation(purpose)


class FixedSubjectKeys:
    """Persons' keys that follow from their names; none of them is ever erased."""

    async def current(self, tenant: str, subject: str) -> SubjectKey:
        material = hashlib.sha256(f"key of {subject} of {tenant}".encode()).digest()
        return SubjectKey(UUID(bytes=material[:16]), "data key", material)

    async def by_id(self, tenant: str, key_id: UUID) -> SubjectKey:
        raise KeyUnavailable(tenant, gone=True)

    def forget(self, tenant: str, subject: str) -> None:
        """There is nothing to forget."""


class LocalSigner:
    """A ``StatementSigner``, and a finder of its public keys, with one Ed25519 key for each name."""

    def __init__(self) -> None:
        self._keys: dict[str, Ed25519PrivateKey] = {}

    async def sign(self, key_name: str, typ: str, claims: Mapping[str, Any]) -> str:
        headers = {"typ": typ, "kid": f"{key_name}:1"}
        return jwt.PyJWS().encode(canonical(dict(claims)), self._key(key_name), algorithm="EdDSA", headers=headers)

    async def public_keys(self, key_name: str) -> Mapping[str, Mapping[str, str]]:
        kid = f"{key_name}:1"
        raw = self._key(key_name).public_key().public_bytes_raw()
        x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        return {kid: {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": "EdDSA", "use": "sig"}}

    async def find(self, key_name: str, kid: str) -> Mapping[str, str] | None:
        return (await self.public_keys(key_name)).get(kid)

    def _key(self, key_name: str) -> Ed25519PrivateKey:
        return self._keys.setdefault(key_name, Ed25519PrivateKey.generate())
