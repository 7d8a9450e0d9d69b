"""Tenants' data keys from Vault: wrapped by Transit, stored in KV, cached after unwrapping.

``keyring/<tenant>/<key_id>`` has a wrapped key and is written once; ``keyring/<tenant>/current`` names the one to
encrypt with. A new key becomes current by check-and-set, so that processes that create one at the same time agree on
it.
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

import hvac
from hvac.exceptions import VaultError

from assay_temporal.keyring import DataKey, KeyUnavailable
from assay_temporal.vault.client import VaultAway
from assay_temporal.vault.keyring_calls import CurrentKey, KeyGone, KeyRingCalls

T = TypeVar("T")
_TENANT = re.compile(r"[a-z0-9-]{1,40}\Z")
_KEY_ID = re.compile(r"[0-9a-f]{32}\Z")
_GONE_SECONDS = 5.0


class Caller(Protocol):
    """Runs calls of Vault: a session."""

    async def call(self, fn: Callable[[hvac.Client], T]) -> T:
        """Run ``fn`` in a thread."""
        ...


def utc_now() -> datetime:
    """Return the system clock's time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """Limits of the cache: maximum age of a key (monotonic seconds), uses, and number of keys.

    Deleting a tenant's Transit key takes full effect after ``max_age_seconds``.
    """

    max_age_seconds: float = 300.0
    max_uses: int = 100_000
    max_keys: int = 1024


@dataclass(slots=True)
class _CachedKey:
    """An unwrapped key, or its known absence. ``retire_at`` is the time for a new current key."""

    key: DataKey | None
    expires_at: float
    uses_left: int
    retire_at: float = float("inf")


class VaultKeyRing:
    """``KeyRing`` over Vault. Concurrent lookups of one key share one call."""

    def __init__(
        self,
        session: Caller,
        *,
        kv_mount: str = "assay",
        transit_mount: str = "transit",
        key_life: timedelta = timedelta(days=1),
        now: Callable[[], datetime] = utc_now,
        away: type[Exception] = VaultAway,
        limits: CacheLimits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the parts.

        Args:
            session: runs the calls.
            kv_mount: of wrapped keys.
            transit_mount: of tenants' keys.
            key_life: maximum time a data key encrypts.
            now: the clock for their age.
            away: the session's exception while Vault is unavailable.
            limits: of the cache.
            monotonic: seconds, for the cache.
        """
        self._session = session
        self._calls = KeyRingCalls(kv_mount, transit_mount)
        self._key_life = key_life
        self._now = now
        self._away = (away, VaultAway, VaultError)
        self._limits = limits or CacheLimits()
        self._monotonic = monotonic
        self._cache: OrderedDict[tuple[str, str], _CachedKey] = OrderedDict()
        self._flights: dict[tuple[str, str], asyncio.Task[_CachedKey]] = {}

    async def current(self, tenant: str) -> DataKey:
        """See ``KeyRing``."""
        name = (tenant, "")
        if name not in self._cache and not _TENANT.match(tenant):
            raise KeyUnavailable(tenant, gone=True)
        return await self._cached(name, lambda: self._load_current(tenant))

    async def by_id(self, tenant: str, key_id: str) -> DataKey:
        """See ``KeyRing``. Names without Assay's format are not looked up: they may be untrusted input."""
        name = (tenant, key_id)
        if name not in self._cache and not (_TENANT.match(tenant) and _KEY_ID.match(key_id)):
            raise KeyUnavailable(tenant, gone=True)
        return await self._cached(name, lambda: self._load(tenant, key_id))

    async def _cached(self, name: tuple[str, str], load: Callable[[], Awaitable[_CachedKey]]) -> DataKey:
        entry = self._cache.get(name)
        now = self._monotonic()
        if entry is None or entry.uses_left <= 0 or now >= min(entry.expires_at, entry.retire_at):
            entry = await self._load_once(name, load)
        if entry.key is None:
            raise KeyUnavailable(name[0], gone=True)
        entry.uses_left -= 1
        return entry.key

    async def _load_once(self, name: tuple[str, str], load: Callable[[], Awaitable[_CachedKey]]) -> _CachedKey:
        flight = self._flights.get(name)
        if flight is None:
            flight = asyncio.create_task(self._land(name, load))
            self._flights[name] = flight
        return await asyncio.shield(flight)  # a cancelled waiter must not cancel the lookup for the others

    async def _land(self, name: tuple[str, str], load: Callable[[], Awaitable[_CachedKey]]) -> _CachedKey:
        try:
            entry = await load()
        except KeyGone:
            entry = _CachedKey(None, self._monotonic() + _GONE_SECONDS, self._limits.max_uses)
        except self._away:
            raise KeyUnavailable(name[0], gone=False) from None
        finally:
            del self._flights[name]
        self._cache[name] = entry
        self._cache.move_to_end(name)
        while len(self._cache) > self._limits.max_keys:
            self._cache.popitem(last=False)
        return entry

    async def _load_current(self, tenant: str) -> _CachedKey:
        found = await self._session.call(lambda client: self._calls.read_current(client, tenant))
        if found is None or self._now() >= found.created_at + self._key_life:
            found = await self._replace(tenant, found)
        entry = await self._load(tenant, found.key_id)
        left = found.created_at + self._key_life - self._now()
        return replace(entry, retire_at=self._monotonic() + max(left.total_seconds(), 1.0))

    async def _replace(self, tenant: str, old: CurrentKey | None) -> CurrentKey:
        """Create a key and make it current; if another process was quicker, use that one's."""
        now = self._now()
        version = old.version if old else 0
        return await self._session.call(lambda client: self._calls.make_current(client, tenant, now, version))

    async def _load(self, tenant: str, key_id: str) -> _CachedKey:
        material = await self._session.call(lambda client: self._calls.open(client, tenant, key_id))
        expires_at = self._monotonic() + self._limits.max_age_seconds
        return _CachedKey(DataKey(tenant, key_id, material), expires_at, self._limits.max_uses)
