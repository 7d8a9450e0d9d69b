"""Signatures by Vault's Transit engine with the version of a key that signs now."""

import base64
from collections.abc import Callable, Sequence
from contextlib import suppress

from adapters.vault.public_keys import SigningKey, VaultPublicKeys
from adapters.vault.session import ServiceSession
from domain.refusals import Kind, Refusal


class TransitSigning:
    """Signs with keys that never leave Vault. ``public_keys`` select the version."""

    def __init__(self, session: ServiceSession, public_keys: VaultPublicKeys, *, mount: str = "transit") -> None:
        self._session = session
        self._public_keys = public_keys
        self._mount = mount

    async def sign(
        self, key_name: str, messages: Callable[[SigningKey], Sequence[bytes]]
    ) -> tuple[SigningKey, list[bytes]]:
        """Return the version that signed, and the signature of each message for that version.

        A version that was withdrawn after it had been read is replaced: Vault refuses it, the versions are read again,
        and ``messages`` is called again.

        Raises:
            Refusal: VAULT_UNAVAILABLE; INTERNAL if Vault refuses to sign.
        """
        key = await self._public_keys.signing_key(key_name)
        with suppress(_VersionRefused):
            return key, await self._signatures(key_name, key, messages(key))
        other = await self._public_keys.signing_key(key_name, fresh=True)
        with suppress(_VersionRefused):
            if other.version != key.version:
                return other, await self._signatures(key_name, other, messages(other))
        raise Refusal(Kind.INTERNAL, "the key store does not sign by any version of a key that it has")

    async def _signatures(self, key_name: str, key: SigningKey, messages: Sequence[bytes]) -> list[bytes]:
        inputs = [{"input": base64.b64encode(message).decode()} for message in messages]
        body = {"batch_input": inputs, "key_version": key.version}  # as a batch, each refusal has an answer of its own
        try:
            signed = await self._session.post(f"{self._mount}/sign/{key_name}", body)
        except Refusal as refusal:
            if refusal.kind is Kind.INTERNAL:  # some servers answer a refused batch with 400
                raise _VersionRefused from None
            raise
        results = signed["batch_results"]
        if not all("signature" in result for result in results):
            raise _VersionRefused
        return [base64.b64decode(str(result["signature"]).rpartition(":")[2]) for result in results]


class _VersionRefused(Exception):
    """Vault refuses to sign by a version, which may have been withdrawn."""
