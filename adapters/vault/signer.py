"""Signing with Vault's Transit engine: the private key never leaves it."""

import base64
from collections.abc import Mapping
from typing import Any

from adapters.vault.public_keys import SigningKey, VaultPublicKeys
from adapters.vault.session import ServiceSession
from adapters.vault.transit import TransitSigning
from domain.records.records import canonical


class VaultSigner:
    """``StatementSigner`` over Transit Ed25519 keys."""

    def __init__(
        self, session: ServiceSession, public_keys: VaultPublicKeys, *, transit_mount: str = "transit"
    ) -> None:
        """Take the session, and the public keys, which select the version that signs."""
        self._public_keys = public_keys
        self._transit = TransitSigning(session, public_keys, mount=transit_mount)

    async def sign(self, key_name: str, typ: str, claims: Mapping[str, Any]) -> str:
        """See ``StatementSigner``. A version signs only after every process has been able to publish it."""
        payload = _base64url(canonical(dict(claims)))

        def signing_input(key: SigningKey) -> bytes:
            header = {"alg": "EdDSA", "typ": typ, "kid": key.jwk["kid"]}
            return b".".join((_base64url(canonical(header)), payload))

        key, [signature] = await self._transit.sign(key_name, lambda key: [signing_input(key)])
        return b".".join((signing_input(key), _base64url(signature))).decode()

    async def public_keys(self, key_name: str) -> Mapping[str, Mapping[str, str]]:
        """See ``StatementSigner``."""
        return (await self._public_keys.key_set(key_name)).keys


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
