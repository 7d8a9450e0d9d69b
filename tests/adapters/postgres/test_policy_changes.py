"""A change of the current policy is one event of Assay's own log: none is unrecorded, and none is recorded twice."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import asyncpg
import pytest

from adapters.postgres.encryption.encrypter import RecordEncrypter, without_encrypted_part
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.policies import _CHANGE, PostgresPolicyChanges
from adapters.postgres.pool import PostgresPool
from adapters.postgres.records import PostgresRecords
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.session import ServiceSession
from domain.records.encrypted_rows import row_of
from domain.records.policy_changes import PolicyTurn, policy_changed
from domain.records.records import EncryptedFields, EventKind, Record, StoredRecord
from domain.refusals import Kind, Refusal
from tests.adapters.stack import Stack, SystemClock


@pytest.fixture
def policies(operator_pool: PostgresPool, operator_session: ServiceSession) -> PostgresPolicyChanges:
    return PostgresPolicyChanges(operator_pool, VaultIdentity(operator_session), SystemClock())


@pytest.fixture
def records(
    auditor_pool: PostgresPool, api_session: ServiceSession, api_pool: PostgresPool, stack: Stack
) -> PostgresRecords:
    keyring = ServiceKeyRing(api_session, stack.vault, SystemClock())
    encrypter = RecordEncrypter(keyring, VaultIdentity(api_session), PostgresSubjectKeys(api_pool, keyring))
    return PostgresRecords(auditor_pool, encrypter)


@pytest.fixture
async def owner(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    connection = await stack.superuser()
    yield connection
    await connection.close()


async def a_policy(policies: PostgresPolicyChanges) -> str:
    return await policies.put(b'{"of":"%s"}' % secrets.token_hex(8).encode())


async def changes_to(records: PostgresRecords, *hashes: str) -> list[StoredRecord]:
    """The records of changes to these policies, newest first."""
    found = await records.search(tenant="system", limit=100)
    return [one for one in found if one.kind is EventKind.POLICY_CHANGED and one.fields["policy"] in hashes]


async def turns_of(owner: asyncpg.Connection, *hashes: str) -> list[str]:
    rows = await owner.fetch("SELECT hash FROM assay.policy_turn WHERE hash = ANY ($1) ORDER BY number", list(hashes))
    return [row["hash"] for row in rows]


async def test_each_change_is_recorded_with_what_was_before_and_by_whom(
    policies: PostgresPolicyChanges, records: PostgresRecords
) -> None:
    old, new = await a_policy(policies), await a_policy(policies)
    before = await policies.current()
    changes = [await policies.make_current(name) for name in (old, new, new, old)]
    assert changes == [before, old, new, new]
    back, there, first = await changes_to(records, old, new)
    assert (back.fields["policy_before"], back.fields["policy"]) == (new, old)
    assert (there.fields["policy_before"], there.fields["policy"]) == (old, new)
    assert (first.fields["policy"], first.fields.get("policy_before")) == (old, before)
    [current, other] = [stored for stored in await policies.stored() if stored.hash in (old, new)]
    assert (current.hash, other.hash) == (old, new)
    assert (current.login, other.login) == (back.fields["login"], there.fields["login"])
    assert back.fields["login"].startswith("v-approle-assay-op")
    assert await records.unseal(there) == {}


async def test_processes_that_start_at_once_record_one_change(
    policies: PostgresPolicyChanges, records: PostgresRecords, owner: asyncpg.Connection
) -> None:
    name = await a_policy(policies)
    await asyncio.gather(*(policies.make_current(name) for _ in range(8)))
    assert len(await changes_to(records, name)) == 1
    assert await turns_of(owner, name) == [name]


async def test_changes_that_race_tell_of_each_other(
    policies: PostgresPolicyChanges, records: PostgresRecords, owner: asyncpg.Connection
) -> None:
    names = [await a_policy(policies) for _ in range(3)]
    await asyncio.gather(*(policies.make_current(name) for name in names))
    turns = await turns_of(owner, *names)
    found = {one.fields["policy"]: one.fields.get("policy_before") for one in await changes_to(records, *names)}
    assert sorted(turns) == sorted(names)
    assert [found[turn] for turn in turns[1:]] == turns[:-1]


class NoIdentity:
    """No keys to make a record with."""

    async def tenant_key(self, _: str) -> bytes:
        raise Refusal(Kind.VAULT_UNAVAILABLE, "away")

    async def hash_client_secret(self, *_: str) -> str:
        raise NotImplementedError

    async def installation_key(self, _: str) -> bytes:
        raise NotImplementedError


async def test_a_change_that_can_t_be_recorded_is_not_made(
    policies: PostgresPolicyChanges, operator_pool: PostgresPool, owner: asyncpg.Connection
) -> None:
    name = await a_policy(policies)
    before = await policies.current()
    with pytest.raises(Refusal):
        await PostgresPolicyChanges(operator_pool, NoIdentity(), SystemClock()).make_current(name)
    assert (await policies.current(), await turns_of(owner, name)) == (before, [])


class Otherwise(PostgresPolicyChanges):
    """Says something else in the record than it does."""

    def __init__(self, pool: PostgresPool, session: ServiceSession, said: Callable[[Record], Record]) -> None:
        super().__init__(pool, VaultIdentity(session), SystemClock())
        self._said = said

    async def _change(self, before: PolicyTurn, policy_hash: str, record: Record) -> bool:
        sealed = without_encrypted_part(self._said(record), await self._identity.tenant_key("system"))
        row = await self._pool.fetchrow(_CHANGE, *row_of(sealed).columns(), policy_hash, before.number)
        return bool(row["current"])


@pytest.mark.parametrize("wrong", [{"policy": "0" * 64}, {"policy_before": "0" * 64}, {"login": "postgres"}])
async def test_the_database_takes_no_change_without_its_record(
    policies: PostgresPolicyChanges,
    operator_pool: PostgresPool,
    operator_session: ServiceSession,
    owner: asyncpg.Connection,
    wrong: dict[str, str],
) -> None:
    name, before = await a_policy(policies), await policies.current()
    liar = Otherwise(
        operator_pool, operator_session, lambda record: replace(record, fields=replace(record.fields, **wrong))
    )
    with pytest.raises(asyncpg.PostgresError) as refused:
        await liar.make_current(name)
    assert refused.value.sqlstate == "AS012"
    assert (await policies.current(), await turns_of(owner, name)) == (before, [])
    honest = Otherwise(operator_pool, operator_session, lambda record: record)
    assert await honest.make_current(name) == before


async def test_a_process_of_the_release_before_still_makes_its_policy_current(
    policies: PostgresPolicyChanges, stack: Stack, api_session: ServiceSession, api_pool: PostgresPool
) -> None:
    """Its record seals who did it, and names no login. To be removed with the API's rights, a release later."""
    name = await a_policy(policies)
    keyring = ServiceKeyRing(api_session, stack.vault, SystemClock())
    encrypter = RecordEncrypter(keyring, VaultIdentity(api_session), PostgresSubjectKeys(api_pool, keyring))
    turn = await api_pool.fetchrow("SELECT number, hash FROM assay.policy_turn()")
    record = policy_changed(PolicyTurn(turn["number"], turn["hash"]), name, "", SystemClock().now())
    record = replace(
        record, fields=replace(record.fields, login=None), sealed=EncryptedFields(actor="assay-api on a-host")
    )
    row = row_of(await encrypter.seal(record)).columns()
    assert (await api_pool.fetchrow(_CHANGE, *row, name, turn["number"]))["current"]
    assert await policies.current() == name
    [stored] = [found for found in await policies.stored() if found.hash == name]
    assert stored.login.startswith("v-approle-assay-ap")


async def test_a_record_that_fails_takes_the_change_with_it(
    policies: PostgresPolicyChanges, owner: asyncpg.Connection, records: PostgresRecords
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
