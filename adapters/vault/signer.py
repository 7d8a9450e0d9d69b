"""Signing with Vault's Transit engine: the private key never leaves it."""

import base64
from collections.abc import Mapping
from typing import Any

from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from domain.records.records import canonical


class VaultSigner:
    """``StatementSigner`` over Transit Ed25519 keys."""

    def __init__(
        self, session: ServiceSession, public_keys: VaultPublicKeys, *, transit_mount: str = "transit"
    ) -> None:
        """Take the session, and the public keys, whose newest version signs."""
        self._session = session
        self._public_keys = public_keys
        self._mount = transit_mount

    async def sign(self, key_name: str, typ: str, claims: Mapping[str, Any]) -> str:
        """See ``StatementSigner``. A version created by a rotation signs only after verifiers had time to fetch it."""
        version = (await self._public_keys.key_set(key_name)).latest
        header = {"alg": "EdDSA", "typ": typ, "kid": f"{key_name}:{version}"}
        signing_input = b".".join((_base64url(canonical(header)), _base64url(canonical(dict(claims)))))
        body = {"input": base64.b64encode(signing_input).decode(), "key_version": version}
        signed = await self._session.post(f"{self._mount}/sign/{key_name}", body)
        signature = base64.b64decode(str(signed["signature"]).rpartition(":")[2])
        return b".".join((signing_input, _base64url(signature))).decode()

    async def public_keys(self, key_name: str) -> Mapping[str, Mapping[str, str]]:
        """See ``StatementSigner``."""
        return (await self._public_keys.key_set(key_name)).keys


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
