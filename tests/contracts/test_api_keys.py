"""The contract of stored API keys: proven rows, bounded numbers, rotation, revocation, and a record with each act."""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.postgres.api_keys import PostgresApiKeys
from adapters.postgres.encryption.api_key_grants import GrantEncrypter
from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from domain.access.api_keys import ApiKey, KeyGrant, KeyTimes, SealedApiKey, new_key
from domain.records.access_events import api_key_record
from domain.records.ports import ApiKeyStore
from domain.records.records import EventKind, Record
from domain.refusals import Kind, Refusal
from tests.adapters.stack import Stack, SystemClock
from tests.doubles.api_keys import MemoryApiKeys
from tests.doubles.keys import FixedIdentity, FixedKeyRing
from tests.doubles.principals import principal

GRANT = KeyGrant("app", "alice", ("ai_operator",), "ci é", ("fake",), 7)
HASH = bytes(range(32))


@dataclass
class Place:
    """A store of a new tenant, and the number of its records of a kind."""

    store: ApiKeyStore
    tenant: str
    recorded: Callable[[EventKind], Awaitable[int]]

    def key(self, caller: str = "c" * 32, family: str | None = None, days: int = 30) -> ApiKey:
        new, now = new_key(os.urandom).id, datetime.now(UTC).replace(microsecond=0)
        times = KeyTimes(now, now + timedelta(days=days))
        return ApiKey(new, self.tenant, caller, "5" * 64, family or new, GRANT, times)

    def record(self, kind: EventKind, key: str, caller: str = "c" * 32, before: str | None = None) -> Record:
        who = principal(self.tenant, caller=caller)
        return api_key_record(kind, who, datetime.now(UTC), secrets.token_hex(8), key=key, key_before=before)

    async def created(self, caller: str = "c" * 32, most: int = 5) -> ApiKey:
        key = self.key(caller)
        await self.store.create(key, HASH, self.record(EventKind.API_KEY_CREATED, key.id, caller), most=most)
        return key

    async def rotated(self, old: ApiKey, overlap: timedelta = timedelta(hours=1)) -> ApiKey:
        key = self.key(old.caller, old.family)
        record = self.record(EventKind.API_KEY_ROTATED, key.id, old.caller, old.id)
        await self.store.rotate(old.id, datetime.now(UTC) + overlap, key, HASH, record)
        return key

    async def revoke(self, key_id: str, caller: str | None = None) -> bool:
        return await self.store.revoke(key_id, caller, self.record(EventKind.API_KEY_REVOKED, key_id))

    async def found(self, key: ApiKey) -> SealedApiKey:
        found = await self.store.find(key.id)
        assert found is not None
        return found


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> Place:
    tenant = f"keys-{secrets.token_hex(4)}"
    if request.param == "memory":
        memory = MemoryApiKeys(SystemClock(), GrantEncrypter(FixedKeyRing(tenant), FixedIdentity()))

        async def in_memory(kind: EventKind) -> int:
            return sum(record.kind is kind for record in memory.records)

        return Place(memory, tenant, in_memory)
    pool, session = request.getfixturevalue("api_pool"), request.getfixturevalue("api_session")
    stack: Stack = request.getfixturevalue("stack")
    root = stack.root()
    root.write_data(f"transit/keys/tenant-{tenant}", data={"type": "aes256-gcm96"})
    root.adapter.close()
    keyring, identity = ServiceKeyRing(session, stack.vault, SystemClock()), VaultIdentity(session)
    encrypter = RecordEncrypter(keyring, identity, PostgresSubjectKeys(pool, keyring))

    async def stored(kind: EventKind) -> int:
        connection = await stack.superuser()
        sql = "SELECT count(*) FROM assay.record WHERE tenant = $1 AND kind = $2"
        count: int = await connection.fetchval(sql, tenant, kind.value)
        await connection.close()
        return count

    return Place(PostgresApiKeys(pool, encrypter, GrantEncrypter(keyring, identity)), tenant, stored)


async def test_a_key_comes_back_as_it_was_stored_and_is_recorded(place: Place):
    key = await place.created()
    found = await place.found(key)
    assert (found.tenant, found.caller, found.family, found.secret_hash) == (key.tenant, key.caller, key.id, HASH)
    assert found.times == key.times
    assert await place.store.open(found) == GRANT
    assert await place.recorded(EventKind.API_KEY_CREATED) == 1


@pytest.mark.parametrize("name", ["id", "tenant", "caller", "subject", "family", "data_key"])
async def test_a_row_with_another_name_in_it_proves_nothing(place: Place, name: str):
    found = await place.found(await place.created())
    other = getattr(found, name)[:-1] + ("0" if getattr(found, name)[-1] != "0" else "1")
    assert await place.store.open(replace(found, **{name: other})) is None


async def test_a_row_with_another_secret_life_or_grant_proves_nothing(place: Place):
    first, second = await place.found(await place.created()), await place.found(await place.created())
    longer = replace(first.times, expires_at=first.times.expires_at + timedelta(days=365))
    forged = (
        replace(first, secret_hash=bytes(32)),
        replace(first, times=longer),
        replace(first, times=replace(first.times, created_at=first.times.created_at + timedelta(seconds=1))),
        replace(first, sealed=second.sealed),
        replace(first, sealed=second.sealed, mac=second.mac),
        replace(first, mac=bytes(32)),
        replace(first, sealed=b""),
    )
    for row in forged:
        assert await place.store.open(row) is None
    assert await place.store.open(first) == GRANT


async def test_a_caller_has_so_many_keys_at_once(place: Place):
    keys = [await place.created(most=2) for _ in range(2)]
    with pytest.raises(Refusal) as refused:
        await place.created(most=2)
    assert refused.value.kind is Kind.FORBIDDEN
    await place.created("d" * 32, most=2)  # another's don't count
    await place.rotated(keys[0])  # nor do replaced ones
    assert await place.revoke(keys[1].id)
    await place.created(most=2)
    assert await place.recorded(EventKind.API_KEY_CREATED) == 4


async def test_of_keys_that_are_made_at_once_no_more_are_made(place: Place):
    results = await asyncio.gather(*(place.created(most=3) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(one, ApiKey) for one in results) == 3
    assert len(await place.store.of_tenant(place.tenant, "c" * 32)) == 3


async def test_a_replaced_key_ends_after_the_overlap_and_the_one_before_it_at_once(place: Place):
    first = await place.created()
    second = await place.rotated(first)
    ends = (await place.found(first)).times.ends_at
    assert ends is not None
    assert timedelta(minutes=59) < ends - datetime.now(UTC) <= timedelta(hours=1)
    await place.rotated(second)
    ends = (await place.found(first)).times.ends_at
    assert ends is not None
    assert ends <= datetime.now(UTC) + timedelta(seconds=1)
    assert await place.recorded(EventKind.API_KEY_ROTATED) == 2


async def test_an_overlap_does_not_lengthen_a_life(place: Place):
    first = await place.created()
    await place.rotated(first, timedelta(days=365))
    assert (await place.found(first)).times.ends_at == first.times.expires_at


@pytest.mark.parametrize("how", ["replaced", "revoked", "another's", "unknown"])
async def test_only_a_callers_own_living_key_is_replaced(place: Place, how: str):
    key = await place.created()
    if how == "replaced":
        await place.rotated(key)
    elif how == "revoked":
        await place.revoke(key.id)
    elif how == "another's":
        key = replace(key, caller="d" * 32)
    else:
        key = replace(key, id="0" * 11)
    with pytest.raises(Refusal) as refused:
        await place.rotated(key)
    assert refused.value.kind is Kind.NOT_FOUND


async def test_a_revoked_key_stays_revoked_and_is_recorded_once(place: Place):
    key = await place.created()
    assert await place.revoke(key.id)
    revoked = (await place.found(key)).times.revoked_at
    assert revoked is not None
    assert await place.revoke(key.id, "c" * 32)
    assert (await place.found(key)).times.revoked_at == revoked
    assert await place.recorded(EventKind.API_KEY_REVOKED) == 1


async def test_another_callers_key_and_another_tenants_are_unknown(place: Place):
    key = await place.created()
    assert not await place.revoke(key.id, "d" * 32)
    elsewhere = replace(place, tenant="acme")
    assert not await elsewhere.revoke(key.id)
    assert (await place.found(key)).times.revoked_at is None
    assert await place.store.of_tenant("no-tenant", None) == []


async def test_keys_are_listed_newest_first_by_caller_or_tenant(place: Place):
    mine, others = await place.created(), await place.created("d" * 32)
    assert [row.id for row in await place.store.of_tenant(place.tenant, "c" * 32)] == [mine.id]
    assert {row.id for row in await place.store.of_tenant(place.tenant, None)} == {mine.id, others.id}


async def test_a_last_use_moves_forward_only(place: Place):
    key = await place.created()
    now = datetime.now(UTC).replace(microsecond=0)
    for at in (now, now - timedelta(hours=1)):
        await place.store.note_uses({key.id: at})
    assert (await place.found(key)).times.last_used_at == now
    assert await place.store.open(await place.found(key)) == GRANT
