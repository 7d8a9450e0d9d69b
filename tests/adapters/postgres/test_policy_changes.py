"""A change of the current policy is one event of Assay's own log: none is unrecorded, and none is recorded twice."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.postgres.policies import PostgresPolicies
from adapters.postgres.pool import PostgresPool
from adapters.postgres.records import PostgresRecords
from adapters.postgres.sealing.sealer import RecordSealer
from adapters.postgres.sealing.subject_keys import PostgresSubjectKeys
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.session import ServiceSession
from domain.records.policy_changes import PolicyTurn, policy_changed
from domain.records.records import EventKind, Record, StoredRecord
from domain.records.sealed_rows import SealedRecord
from domain.refusals import Kind, Refusal
from tests.adapters.stack import Stack, SystemClock


@pytest.fixture
def sealer(api_pool: PostgresPool, api_session: ServiceSession, stack: Stack) -> RecordSealer:
    keyring = ServiceKeyRing(api_session, stack.vault, SystemClock())
    return RecordSealer(keyring, VaultIdentity(api_session), PostgresSubjectKeys(api_pool, keyring))


@pytest.fixture
def policies(api_pool: PostgresPool, sealer: RecordSealer) -> PostgresPolicies:
    return PostgresPolicies(api_pool, sealer, SystemClock(), "assay-api on a-host")


@pytest.fixture
def records(auditor_pool: PostgresPool, sealer: RecordSealer) -> PostgresRecords:
    return PostgresRecords(auditor_pool, sealer)


@pytest.fixture
async def owner(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    connection = await stack.superuser()
    yield connection
    await connection.close()


async def a_policy(policies: PostgresPolicies) -> str:
    return await policies.put(b'{"of":"%s"}' % secrets.token_hex(8).encode())


async def changes_to(records: PostgresRecords, *hashes: str) -> list[StoredRecord]:
    """The records of changes to these policies, newest first."""
    found = await records.search(tenant="system", limit=100)
    return [one for one in found if one.kind is EventKind.POLICY_CHANGED and one.fields["policy"] in hashes]


async def turns_of(owner: asyncpg.Connection, *hashes: str) -> list[str]:
    rows = await owner.fetch("SELECT hash FROM assay.policy_turn WHERE hash = ANY ($1) ORDER BY number", list(hashes))
    return [row["hash"] for row in rows]


async def test_each_change_is_recorded_with_what_was_before_and_by_whom(
    policies: PostgresPolicies, records: PostgresRecords
) -> None:
    old, new = await a_policy(policies), await a_policy(policies)
    for name in (old, new, new, old):
        await policies.make_current(name)
    back, there, first = await changes_to(records, old, new)
    assert (back.fields["policy_before"], back.fields["policy"]) == (new, old)
    assert (there.fields["policy_before"], there.fields["policy"]) == (old, new)
    assert first.fields["policy"] == old
    assert await records.unseal(there) == {"actor": "assay-api on a-host"}
    assert "a-host" not in str(there.fields)


async def test_processes_that_start_at_once_record_one_change(
    policies: PostgresPolicies, records: PostgresRecords, owner: asyncpg.Connection
) -> None:
    name = await a_policy(policies)
    await asyncio.gather(*(policies.make_current(name) for _ in range(8)))
    assert len(await changes_to(records, name)) == 1
    assert await turns_of(owner, name) == [name]


async def test_changes_that_race_tell_of_each_other(
    policies: PostgresPolicies, records: PostgresRecords, owner: asyncpg.Connection
) -> None:
    names = [await a_policy(policies) for _ in range(3)]
    await asyncio.gather(*(policies.make_current(name) for name in names))
    turns = await turns_of(owner, *names)
    found = {one.fields["policy"]: one.fields.get("policy_before") for one in await changes_to(records, *names)}
    assert sorted(turns) == sorted(names)
    assert [found[turn] for turn in turns[1:]] == turns[:-1]


class Failing(RecordSealer):
    """Can't seal, or seals something else."""

    def __init__(self, real: RecordSealer, instead: Record | None = None) -> None:
        self._real = real
        self._instead = instead

    async def seal(self, record: Record) -> SealedRecord:
        if self._instead is None:
            raise Refusal(Kind.VAULT_UNAVAILABLE, "away")
        return await self._real.seal(self._instead)


async def test_a_change_that_can_t_be_recorded_is_not_made(
    policies: PostgresPolicies, api_pool: PostgresPool, sealer: RecordSealer, owner: asyncpg.Connection
) -> None:
    name = await a_policy(policies)
    before = await policies.current()
    with pytest.raises(Refusal):
        await PostgresPolicies(api_pool, Failing(sealer), SystemClock(), "a test").make_current(name)
    assert (await policies.current(), await turns_of(owner, name)) == (before, [])


async def test_the_database_takes_no_change_without_its_record(
    policies: PostgresPolicies, api_pool: PostgresPool, sealer: RecordSealer, owner: asyncpg.Connection
) -> None:
    name, other, before = await a_policy(policies), await a_policy(policies), await policies.current()
    for told in (
        policy_changed(PolicyTurn(0, before), other, "a test", SystemClock().now()),
        policy_changed(PolicyTurn(0, "0" * 64), name, "a test", SystemClock().now()),
    ):
        with pytest.raises(Refusal) as refused:
            await PostgresPolicies(api_pool, Failing(sealer, told), SystemClock(), "a test").make_current(name)
        assert refused.value.kind is Kind.INTERNAL
    assert (await policies.current(), await turns_of(owner, name)) == (before, [])


async def test_a_record_that_fails_takes_the_change_with_it(
    policies: PostgresPolicies, owner: asyncpg.Connection, records: PostgresRecords
) -> None:
    name = await a_policy(policies)
    await owner.execute(
        "CREATE FUNCTION public.fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
        "CREATE TRIGGER fails BEFORE INSERT ON assay.policy_turn EXECUTE FUNCTION public.fails()"
    )
    try:
        with pytest.raises(Refusal):
            await policies.make_current(name)
    finally:
        await owner.execute("DROP TRIGGER fails ON assay.policy_turn; DROP FUNCTION public.fails()")
    assert await changes_to(records, name) == []
    await policies.make_current(name)
    assert len(await changes_to(records, name)) == 1
