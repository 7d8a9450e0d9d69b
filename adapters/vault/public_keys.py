"""The public halves of Transit's signing keys, as JWKs (RFC 8037), cached per key.

A cached set is served without waiting for Vault; it is read again in the background before it is due. An unknown key ID
reads the set again, at most once every few seconds: made-up IDs must not cost a call to Vault each, nor delay tokens
with known ones. While Vault is unavailable, known keys stay valid for some minutes more.

Every process has a cache of its own, so a new version signs only after all of them have been able to read it: see
``domain.signing_keys``.
"""

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import hvac

from adapters.system.clock import SystemClock
from adapters.vault.calls import read
from adapters.vault.session import ServiceSession
from domain.ports import Clock
from domain.refusals import Kind, Refusal
from domain.signing_keys import signing_version

Jwk = Mapping[str, str]
MOST_STALE_SECONDS = 900.0
"""Age up to which a set is used while Vault is unavailable; 5 minutes otherwise."""
_AHEAD_SECONDS = 240.0
_FRESH_SECONDS = 300.0
_REFRESH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class KeySet:
    """Versions of a key by key ID ``<name>:<version>``.

    Attributes:
        keys: the versions that verify.
        created: creation times of the versions that may sign, by version.
        read_at: the time of reading (monotonic seconds).
    """

    keys: Mapping[str, Jwk]
    created: Mapping[int, datetime]
    read_at: float


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The version of a key that signs, and its public half."""

    version: int
    jwk: Jwk


@dataclass(slots=True)
class _CachedKeySet:
    """The cache of one key: the last set, the reading in flight, and the last attempt.

    Attributes:
        known: the last set read, if any.
        reading: the one reading in flight, if any.
        failed: why the last attempt failed; None after a success.
        tried_at: when the last attempt ended (monotonic seconds).
    """

    known: KeySet | None = None
    reading: asyncio.Task[None] | None = None
    failed: Refusal | None = None
    tried_at: float = 0.0


class VaultPublicKeys:
    """Reads and caches key sets: one reading in flight a key, and none of one key waits for another's."""

    def __init__(
        self,
        session: ServiceSession,
        *,
        transit_mount: str = "transit",
        monotonic: Callable[[], float] = time.monotonic,
        clock: Clock | None = None,
    ) -> None:
        """Take the session. ``clock`` (default: the system's) is compared with versions' creation times."""
        self._session = session
        self._mount = transit_mount
        self._monotonic = monotonic
        self._clock = clock or SystemClock()
        self._cached: dict[str, _CachedKeySet] = {}

    async def key_set(self, key_name: str) -> KeySet:
        """All versions that verify, at most 5 minutes old. While Vault is unavailable, at most 15.

        Raises:
            Refusal: VAULT_UNAVAILABLE; NOT_FOUND if there is no such key.
        """
        cached = self._cached.setdefault(key_name, _CachedKeySet())
        age = self._age(cached)
        if age >= _AHEAD_SECONDS and self._may_try(cached):
            self._begin(cached, key_name)
        # After a failed attempt a set that is due is served at once: checks would wait for a silent Vault otherwise.
        if age < _FRESH_SECONDS or (age < MOST_STALE_SECONDS and cached.failed is not None):
            return _required(cached)
        await self._read_again(cached, key_name)
        if cached.failed is not None and self._age(cached) >= MOST_STALE_SECONDS:
            raise _copy(cached.failed)
        return _required(cached)

    async def find(self, key_name: str, kid: str) -> Jwk | None:
        """The version of that ID, or None. Only for an unknown ID does it wait for Vault while a set is cached.

        Raises:
            Refusal: as ``key_set``.
        """
        keys = (await self.key_set(key_name)).keys
        cached = self._cached[key_name]
        if kid not in keys and (cached.reading is not None or self._may_try(cached)):
            await self._read_again(cached, key_name)
            keys = _required(cached).keys
        return keys.get(kid)

    async def signing_key(self, key_name: str, *, fresh: bool = False) -> SigningKey:
        """The version that signs now. ``fresh`` reads the set again, at most once every few seconds.

        Raises:
            Refusal: as ``key_set``.
        """
        found = await self.key_set(key_name)
        cached = self._cached[key_name]
        if fresh and (cached.reading is not None or self._may_try(cached)):
            await self._read_again(cached, key_name)
            found = _required(cached)
        version = signing_version(found.created, self._clock.now())
        return SigningKey(version, found.keys[f"{key_name}:{version}"])

    def _age(self, cached: _CachedKeySet) -> float:
        return self._monotonic() - cached.known.read_at if cached.known else float("inf")

    def _may_try(self, cached: _CachedKeySet) -> bool:
        return cached.known is None or self._monotonic() - cached.tried_at >= _REFRESH_SECONDS

    def _begin(self, cached: _CachedKeySet, key_name: str) -> asyncio.Task[None]:
        """The reading in flight, or a new one."""
        if cached.reading is None:
            cached.reading = asyncio.create_task(self._read_into(cached, key_name), name=f"read {key_name}")
        return cached.reading

    async def _read_again(self, cached: _CachedKeySet, key_name: str) -> None:
        """Wait for the reading in flight, or a new one. A waiter that is cancelled leaves it to the others."""
        await asyncio.shield(self._begin(cached, key_name))

    async def _read_into(self, cached: _CachedKeySet, key_name: str) -> None:
        try:
            cached.known = await self._session.call(lambda client: self._read(client, key_name))
            cached.failed = None
        except Refusal as refusal:
            cached.failed = refusal
        finally:
            cached.tried_at = self._monotonic()
            cached.reading = None

    def _read(self, client: hvac.Client, key_name: str) -> KeySet:
        data = read(client, f"{self._mount}/keys/{key_name}")
        if data is None:
            raise Refusal(Kind.NOT_FOUND, "there is no such signing key")
        try:
            keys = {f"{key_name}:{n}": _jwk(f"{key_name}:{n}", v["public_key"]) for n, v in data["keys"].items()}
            first = int(data.get("min_encryption_version", 0))  # of those that sign, which an operator may raise
            times = {int(n): datetime.fromisoformat(v["creation_time"]) for n, v in data["keys"].items()}
            created = {n: at for n, at in times.items() if n >= first}
            signing_version(created, self._clock.now())  # there is one
            return KeySet(keys, created, self._monotonic())
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Refusal(Kind.INTERNAL, "the key store gave no usable signing keys") from None


def _required(cached: _CachedKeySet) -> KeySet:
    """The cached set.

    Raises:
        Refusal: why there is none.
    """
    if cached.known is None:
        raise _copy(cached.failed) if cached.failed else Refusal(Kind.INTERNAL, "no signing key was read")
    return cached.known


def _copy(refusal: Refusal) -> Refusal:
    """The refusal again: one exception raised in several tasks would collect all their tracebacks."""
    return Refusal(refusal.kind, refusal.detail, field=refusal.field, retry_after=refusal.retry_after)


def _jwk(kid: str, public_key: str) -> Jwk:
    x = base64.urlsafe_b64encode(base64.b64decode(public_key)).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": "EdDSA", "use": "sig"}
