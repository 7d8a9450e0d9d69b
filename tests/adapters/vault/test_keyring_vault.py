"""Data keys: processes agree on one, they age, and they go when the tenant's key goes."""

import asyncio
from datetime import datetime

import pytest

from adapters.vault.calls import kv_names, kv_read
from adapters.vault.keyring import CacheLimits, ServiceKeyRing
from adapters.vault.session import ServiceSession
from adapters.vault.setup.setup import create_tenant
from assay_temporal.keyring import KeyUnavailable
from tests.adapters.stack import Stack
from tests.doubles.clock import FixedClock


class Monotonic:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class CountingSession:
    """A session that counts the calls it passes on."""

    def __init__(self, session: ServiceSession) -> None:
        self._session = session
        self.calls = 0

    async def call(self, fn: object) -> object:
        self.calls += 1
        return await self._session.call(fn)


async def new_tenant(stack: Stack, name: str) -> str:
    await stack.as_root(lambda client: create_tenant(client, name))
    return name


async def gone(coroutine: object) -> bool:
    with pytest.raises(KeyUnavailable) as unavailable:
        await coroutine
    return unavailable.value.gone


async def test_the_first_use_makes_a_key_and_everybody_agrees_on_it(
    stack: Stack, api_session: ServiceSession, worker_session: ServiceSession
) -> None:
    tenant = await new_tenant(stack, "agreeing")
    rings = [ServiceKeyRing(session, stack.vault, FixedClock()) for session in (api_session, worker_session) * 4]
    keys = await asyncio.gather(*(ring.current(tenant) for ring in rings for _ in range(5)))
    assert len({(key.key_id, key.material) for key in keys}) == 1
    assert len(keys[0].material) == 32
    assert await rings[0].by_id(tenant, keys[0].key_id) == keys[0]
    assert keys[0].material.hex() not in repr(keys[0])


async def test_keys_are_kept_wrapped_only(stack: Stack, api_session: ServiceSession) -> None:
    key = await ServiceKeyRing(api_session, stack.vault, FixedClock()).current("acme")
    kept = await stack.as_root(lambda client: kv_read(client, "assay", f"keyring/acme/{key.key_id}"))
    assert set(kept.data) == {"wrapped"}
    assert kept.data["wrapped"].startswith("vault:v1:")


async def test_lookups_are_shared_and_cached(stack: Stack, api_session: ServiceSession) -> None:
    await ServiceKeyRing(api_session, stack.vault, FixedClock()).current("acme")
    session = CountingSession(api_session)
    ring = ServiceKeyRing(session, stack.vault, FixedClock())
    await asyncio.gather(*(ring.current("acme") for _ in range(20)))
    assert session.calls == 2  # which one is current, and that one
    await ring.current("acme")
    assert session.calls == 2


async def test_the_cache_ends_with_age_and_with_use(stack: Stack, api_session: ServiceSession) -> None:
    monotonic, session = Monotonic(), CountingSession(api_session)
    limits = CacheLimits(max_age_seconds=60, max_uses=3, max_keys=2)
    ring = ServiceKeyRing(session, stack.vault, FixedClock(), limits=limits, monotonic=monotonic)
    key_id = (await ring.current("acme")).key_id
    session.calls = 0
    for uses, calls in ((1, 1), (2, 1), (3, 1), (4, 2)):
        await ring.by_id("acme", key_id)
        assert session.calls == calls, uses
    monotonic.now += 61
    await ring.by_id("acme", key_id)
    assert session.calls == 3


async def test_an_old_key_is_replaced_and_still_opens(stack: Stack, api_session: ServiceSession) -> None:
    tenant, clock, monotonic = await new_tenant(stack, "ageing"), FixedClock(), Monotonic()
    ring = ServiceKeyRing(api_session, stack.vault, clock, monotonic=monotonic)
    old = await ring.current(tenant)
    for moved in (stack.vault.data_key_max_age_seconds - 1, 2):
        clock.advance(moved)
        monotonic.now += moved
        new = await ring.current(tenant)
        assert (new == old) is (moved != 2)
    fresh = ServiceKeyRing(api_session, stack.vault, clock)
    assert await fresh.current(tenant) == new
    assert await fresh.by_id(tenant, old.key_id) == old
    current = await stack.as_root(lambda client: kv_read(client, "assay", f"keyring/{tenant}/current"))
    assert current.data["key_id"] == new.key_id
    assert datetime.fromisoformat(current.data["created_at"]) == clock.now()


async def test_no_tenant_no_key(stack: Stack, api_session: ServiceSession) -> None:
    session = CountingSession(api_session)
    ring = ServiceKeyRing(session, stack.vault, FixedClock())
    assert await gone(ring.current("nobody"))
    calls = session.calls
    assert await gone(ring.current("nobody"))
    assert session.calls == calls  # strangers' names don't cost a call each
    assert await gone(ring.by_id("acme", "0" * 31 + "f"))


@pytest.mark.parametrize("name", ["", "../acme", "a/b", "ACME", "a" * 41, "acme\n"])
async def test_what_is_no_name_is_never_asked_for(stack: Stack, api_session: ServiceSession, name: str) -> None:
    session = CountingSession(api_session)
    ring = ServiceKeyRing(session, stack.vault, FixedClock())
    assert await gone(ring.current(name))
    for key_id in ("current", "", "../../identity", "0" * 31, f"{'0' * 32}\n"):
        assert await gone(ring.by_id(name or "acme", key_id))
        assert await gone(ring.by_id("acme", key_id))
    assert session.calls == 0


async def test_deleting_the_tenants_key_shreds_what_it_protects(stack: Stack, api_session: ServiceSession) -> None:
    tenant, monotonic = await new_tenant(stack, "leaving"), Monotonic()
    ring = ServiceKeyRing(api_session, stack.vault, FixedClock(), monotonic=monotonic)
    key = await ring.current(tenant)

    def shred(client: object) -> None:
        client.write_data(f"transit/keys/tenant-{tenant}/config", data={"deletion_allowed": True})
        client.delete(f"transit/keys/tenant-{tenant}")

    await stack.as_root(shred)
    monotonic.now += CacheLimits().max_age_seconds + 1
    assert await gone(ring.by_id(tenant, key.key_id))
    assert await gone(ring.current(tenant))


async def test_a_vault_that_is_away_is_not_a_key_that_is_gone(stack: Stack) -> None:
    away = ServiceSession(stack.vault, await stack.approle("api"))
    assert not await gone(ServiceKeyRing(away, stack.vault, FixedClock()).current("acme"))
    await away.close()


async def test_every_system_tenant_is_there(stack: Stack, worker_session: ServiceSession) -> None:
    ring = ServiceKeyRing(worker_session, stack.vault, FixedClock())
    assert (await ring.current("system")).tenant == "system"
    names = await stack.as_root(lambda client: kv_names(client, "assay", "keyring/system"))
    assert "current" in names
