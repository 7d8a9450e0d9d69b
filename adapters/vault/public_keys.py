"""The public halves of Transit's signing keys, as JWKs (RFC 8037), kept for a while.

An unknown key ID asks Vault again, but not more often than every few seconds: whoever sends made-up IDs must not be
able to make us call Vault for each. While Vault is away, known keys stay good for some minutes more.
"""

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import hvac

from adapters.vault.calls import read
from adapters.vault.session import ServiceSession
from domain.refusals import Kind, Refusal

Jwk = Mapping[str, str]
_FRESH_SECONDS = 300.0
_STALE_SECONDS = 900.0
_REFRESH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class KeySet:
    """One key's versions by key ID ``<name>:<version>``, the newest version, and when they were read (monotonic)."""

    latest: int
    keys: Mapping[str, Jwk]
    read_at: float


class VaultPublicKeys:
    """Reads and keeps key sets."""

    def __init__(
        self,
        session: ServiceSession,
        *,
        transit_mount: str = "transit",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the session."""
        self._session = session
        self._mount = transit_mount
        self._monotonic = monotonic
        self._sets: dict[str, KeySet] = {}
        self._reading = asyncio.Lock()

    async def key_set(self, key_name: str) -> KeySet:
        """All versions that verify.

        Raises:
            Refusal: VAULT_UNAVAILABLE; NOT_FOUND if there is no such key.
        """
        return await self._younger_than(key_name, _FRESH_SECONDS)

    async def find(self, key_name: str, kid: str) -> Jwk | None:
        """The version of that ID, or None.

        Raises:
            Refusal: as ``key_set``.
        """
        keys = (await self.key_set(key_name)).keys
        if kid not in keys:
            keys = (await self._younger_than(key_name, _REFRESH_SECONDS)).keys
        return keys.get(kid)

    async def _younger_than(self, key_name: str, seconds: float) -> KeySet:
        async with self._reading:
            known = self._sets.get(key_name)
            age = self._monotonic() - known.read_at if known else 0.0
            if known and age < seconds:
                return known
            try:
                known = await self._session.call(lambda client: self._read(client, key_name))
            except Refusal:
                if known is None or age >= _STALE_SECONDS:
                    raise
                return known
            self._sets[key_name] = known
            return known

    def _read(self, client: hvac.Client, key_name: str) -> KeySet:
        data = read(client, f"{self._mount}/keys/{key_name}")
        if data is None:
            raise Refusal(Kind.NOT_FOUND, "there is no such signing key")
        keys = {f"{key_name}:{n}": _jwk(f"{key_name}:{n}", v["public_key"]) for n, v in data["keys"].items()}
        return KeySet(int(data["latest_version"]), keys, self._monotonic())


def _jwk(kid: str, public_key: str) -> Jwk:
    x = base64.urlsafe_b64encode(base64.b64decode(public_key)).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": "EdDSA", "use": "sig"}
