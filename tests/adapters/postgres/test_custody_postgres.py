"""Erasure over the real stores: what is gone, what still opens, what waits for what, and a log that still verifies."""

import asyncio
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from adapters.log.store import PostgresLogStore
from adapters.postgres.custody import PostgresCustody
from adapters.postgres.encryption.encrypter import NO_KEY, RecordEncrypter, without_encrypted_part
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.ledger import RECORD, PostgresLedger
from adapters.postgres.pool import PostgresPool
from adapters.postgres.records import PostgresRecords
from adapters.vault.calls import read
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import CacheLimits, ServiceKeyRing
from adapters.vault.session import ServiceSession
from cli.wiring.erasure import shred_tenant
from domain.access.principals import Principal, Role
from domain.records.custody import hold_record, tenant_erasure_record
from domain.records.encrypted_rows import row_of
from domain.records.fields import OutcomeFields
from domain.records.records import CONTENT_MAC, EncryptedFields, EventKind, Record, StoredRecord
from domain.refusals import Kind, Refusal
from domain.transparency.merkle import leaf_hash, node_hash
from services.custody import Custodian
from tests.adapters.stack import Stack, SystemClock, eventually
from tests.doubles.events import new_event_id
from tests.doubles.principals import principal

PROMPT = "a canary in a prompt"


@dataclass
class Time:
    """Monotonic seconds that move when told to."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Place:
    """A tenant of its own, and a process of it with keys in memory."""

    tenant: str
    custodian: Custodian
    ledger: PostgresLedger
    records: PostgresRecords
    time: Time
    stack: Stack
    events: list[UUID] = field(default_factory=list)

    def officer(self, subject: str = "an officer") -> Principal:
        return principal(self.tenant, subject, "app", frozenset({Role.ADMIN}), "c" * 32)

    async def record(self, person: str, **sealed: str) -> UUID:
        event = replace(a_record(), tenant=self.tenant, sealed=EncryptedFields(subject=person, prompt=PROMPT, **sealed))
        await self.ledger.append(event)
        self.events.append(event.event_id)
        return event.event_id

    async def find(self, event: UUID) -> StoredRecord:
        (found,) = [row for row in await self.records.search(tenant=self.tenant) if row.event_id == event]
        return found

    async def newest(self, kind: EventKind, tenant: str | None = None) -> StoredRecord:
        rows = await self.records.search(tenant=tenant or self.tenant)
        return next(row for row in rows if row.kind is kind)

    async def opens(self, event: UUID) -> bool:
        found = await self.find(event)
        try:
            return (await self.records.unseal(found))["prompt"] == PROMPT
        except Refusal as refusal:
            if refusal.kind is Kind.NOT_FOUND:
                return False
            raise

    async def sql(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await self.stack.superuser()
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    async def grow(self) -> None:
        """Put what is pending into the tree, as the sequencer does."""
        session = await self.stack.session("sequencer")
        pool = PostgresPool(session, self.stack.database, "assay-sequencer")
        await pool.start()
        try:
            while await self.sql("SELECT FROM assay.pending WHERE tenant = $1", self.tenant):
                await PostgresLogStore(pool).sequence(10_000)
        finally:
            await pool.close()
            await session.close()

    async def root(self) -> bytes:
        """The root over all leaves of the tenant, each of which is the digest of a record as it is stored now."""
        await self.grow()
        leaves = await self.sql("SELECT event_id, digest FROM assay.leaf WHERE tenant = $1 ORDER BY seq", self.tenant)
        verified = {row.event_id: row.digest for row in await self.records.search(tenant=self.tenant, limit=1000)}
        assert {row["event_id"]: row["digest"] for row in leaves} == verified
        return mth([row["digest"] for row in leaves])


def mth(entries: list[bytes]) -> bytes:
    """The Merkle tree hash as RFC 9162 section 2.1.1 defines it."""
    if len(entries) == 1:
        return leaf_hash(entries[0])
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return node_hash(mth(entries[:split]), mth(entries[split:]))


def without_mac(record: StoredRecord) -> dict[str, object]:
    """The open fields but the record's MAC."""
    return {name: value for name, value in record.fields.items() if name != CONTENT_MAC}


def a_record() -> Record:
    return Record(
        event_id=new_event_id(),
        tenant="acme",
        kind=EventKind.COMPLETED,
        recorded_at=datetime.now(UTC),
        fields=OutcomeFields(model="m"),
        sealed=EncryptedFields(),
    )


@pytest.fixture
async def place(
    stack: Stack,
    api_session: ServiceSession,
    api_pool: PostgresPool,
    auditor_pool: PostgresPool,
    operator_session: ServiceSession,
) -> Place:
    tenant = f"erased-{secrets.token_hex(4)}"
    key = {"type": "aes256-gcm96"}
    await operator_session.call(lambda client: client.write_data(f"transit/keys/tenant-{tenant}", data=key))
    time = Time()
    keyring = ServiceKeyRing(api_session, stack.vault, SystemClock(), monotonic=time)
    identities = VaultIdentity(api_session)
    encrypter = RecordEncrypter(keyring, identities, PostgresSubjectKeys(api_pool, keyring, monotonic=time))
    custody = PostgresCustody(api_pool, encrypter)
    opener = RecordEncrypter(keyring, identities, PostgresSubjectKeys(auditor_pool, keyring, monotonic=time))
    return Place(
        tenant,
        Custodian(custody, identities, SystemClock(), lambda: secrets.token_hex(16)),
        PostgresLedger(api_pool, encrypter),
        PostgresRecords(auditor_pool, opener),
        time,
        stack,
    )


async def shred(place: Place, session: ServiceSession) -> bool:
    return await shred_tenant(session, place.stack.settings, place.tenant, datetime.now(UTC), secrets.token_hex(16))


async def test_what_is_recorded_of_a_person_is_gone_and_of_others_is_not(place: Place) -> None:
    first, second = await place.record("alice"), await place.record("carol", end_user="alice")
    other, mentions = await place.record("bob"), await place.record("alice", end_user="bob")
    before = await place.root()
    assert await place.custodian.erase(place.officer(), "alice") == 1
    assert [await place.opens(event) for event in (first, second, other, mentions)] == [False, False, True, True]
    later = await place.record("alice")
    assert await place.opens(later), "what comes later is sealed with another key"
    await place.grow()
    leaves = await place.sql("SELECT digest FROM assay.leaf WHERE tenant = $1 ORDER BY seq LIMIT 4", place.tenant)
    assert mth([row["digest"] for row in leaves]) == before, "the tree of before is a part of what is there now"
    await place.root()


async def test_the_record_of_an_erasure_names_the_hash_alone_and_outlives_the_officer(place: Place) -> None:
    event = await place.record("alice")
    subject = (await place.find(event)).subject
    await place.custodian.erase(place.officer("alice"), "alice")
    erased = await place.newest(EventKind.ERASED)
    assert without_mac(erased) == {"caller": "c" * 32, "about": subject}
    assert (erased.subject, erased.subject_key) == (None, None)
    assert await place.records.unseal(erased) == {"actor": "alice", "client_id": "app"}
    rows = await place.sql("SELECT r::text AS row FROM assay.record r WHERE tenant = $1", place.tenant)
    rows += await place.sql("SELECT k::text AS row FROM assay.subject_key k WHERE tenant = $1", place.tenant)
    for form in ("alice", b"alice".hex()):
        assert not [row for row in rows if form in row["row"]]
    [key] = await place.sql("SELECT wrapped, erasure FROM assay.subject_key WHERE subject = $1", subject)
    assert (key["wrapped"], key["erasure"]) == (None, erased.event_id)


async def test_the_reason_of_a_hold_is_sealed(place: Place) -> None:
    hold = await place.custodian.hold(place.officer(), "alice", "case 7 of alice")
    placed = await place.newest(EventKind.HOLD_PLACED)
    assert (placed.event_id, placed.fields["about"]) == (hold.id, hold.subject)
    assert (await place.records.unseal(placed))["reason"] == "case 7 of alice"
    assert "case 7" not in str(placed.fields)


async def test_one_person_with_two_clients_is_one_person(place: Place) -> None:
    hold = await place.custodian.hold(place.officer(), None, "x")
    await place.custodian.release(place.officer(), hold.id)
    same = replace(place.officer(), client_id="another app", caller="d" * 32)
    with pytest.raises(Refusal) as refused:
        await place.custodian.release(same, hold.id)
    assert refused.value.kind is Kind.DUAL_CONTROL_NEEDED


async def _waits_for_the_lock(stack: Stack) -> bool:
    connection = await stack.superuser()
    waiting = await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
    await connection.close()
    return bool(waiting)


async def test_an_erasure_waits_for_a_hold_that_is_being_placed(place: Place) -> None:
    event = await place.record("alice")
    subject = (await place.find(event)).subject
    connection = await place.stack.superuser()
    try:
        async with connection.transaction():
            record = replace(
                hold_record(place.officer(), None, "case 7", datetime.now(UTC), "a tag"), sealed=EncryptedFields()
            )
            arguments = row_of(without_encrypted_part(record, bytes(32))).columns()
            await connection.execute(f"SELECT assay.place_hold($15, 'one', {RECORD})", *arguments, subject)
            erasing = asyncio.create_task(place.custodian.erase(place.officer(), "alice"))
            await eventually(lambda: _waits_for_the_lock(place.stack))
        with pytest.raises(Refusal) as refused:
            await erasing
    finally:
        await connection.close()
    assert refused.value.kind is Kind.LEGAL_HOLD
    assert await place.opens(event)


async def test_a_hold_waits_for_whoever_was_told_that_none_stands(place: Place) -> None:
    connection = await place.stack.superuser()
    try:
        async with connection.transaction():
            assert not await connection.fetchval("SELECT assay.hold_on($1, 'x')", place.tenant)
            placing = asyncio.create_task(place.custodian.hold(place.officer(), None, "x"))
            await eventually(lambda: _waits_for_the_lock(place.stack))
            assert not placing.done()
        await placing
        for subject in ("x", None):
            assert await connection.fetchval("SELECT assay.hold_on($1, $2)", place.tenant, subject)
    finally:
        await connection.close()


async def test_no_hold_on_one_person_stands_on_another_but_does_on_the_whole(place: Place) -> None:
    hold = await place.custodian.hold(place.officer(), "alice", "x")
    found = {}
    for subject in (hold.subject, "another", None):
        [row] = await place.sql("SELECT assay.hold_on($1, $2) AS stands", place.tenant, subject)
        found[subject] = row["stands"]
    assert found == {hold.subject: True, "another": False, None: True}


async def test_a_whole_tenant_is_erased_by_its_key_and_the_log_still_verifies(
    place: Place, operator_session: ServiceSession
) -> None:
    events = [await place.record("alice"), await place.record("")]
    before = await place.root()
    assert await shred(place, operator_session)
    path = f"transit/keys/tenant-{place.tenant}"
    assert await operator_session.call(lambda client: read(client, path)) is None
    assert not await place.opens(events[0]), "persons' keys are gone at once"
    place.time.now += CacheLimits().max_age_seconds + 1
    assert [await place.opens(event) for event in events] == [False, False]
    assert await place.root() == before
    with pytest.raises(Refusal) as refused:
        await place.record("bob")
    assert refused.value.kind is Kind.FORBIDDEN
    erased = await place.newest(EventKind.ERASED, "system")
    assert without_mac(erased) == {"roles": ["operator"], "about_tenant": place.tenant}
    assert erased.key_id == NO_KEY
    assert await place.records.unseal(erased) == {}


@pytest.mark.parametrize("person", ["alice", None])
async def test_no_tenant_is_erased_while_anybody_is_held(
    place: Place, operator_session: ServiceSession, person: str | None
) -> None:
    event = await place.record("bob")
    hold = await place.custodian.hold(place.officer(), person, "x")
    for officer in ("one", "two"):
        with pytest.raises(Refusal) as refused:
            await shred(place, operator_session)
        assert refused.value.kind is Kind.LEGAL_HOLD
        assert await place.opens(event)
        await place.custodian.release(place.officer(officer), hold.id)
    assert await shred(place, operator_session)
    assert not await place.opens(event)


async def test_an_erasure_of_a_tenant_that_was_stopped_goes_on_and_is_recorded_once(
    place: Place, operator_session: ServiceSession
) -> None:
    def stopped(_client: object) -> None:
        raise Refusal(Kind.VAULT_UNAVAILABLE, "the vault is away")

    class Stopping:
        """A session that is lost when the key is to be deleted."""

        generation = operator_session.generation
        next_generation = operator_session.next_generation

        async def call(self, fn: object) -> object:
            return await operator_session.call(stopped if "_delete_key" in str(fn.__code__.co_names) else fn)

    with pytest.raises(Refusal) as refused:
        await shred(place, Stopping())
    assert refused.value.kind is Kind.VAULT_UNAVAILABLE
    with pytest.raises(Refusal) as refused:
        await place.custodian.hold(place.officer(), None, "too late")
    assert refused.value.kind is Kind.FORBIDDEN
    assert not await shred(place, operator_session), "it was recorded before"
    rows = await place.records.search(tenant="system", limit=1000)
    assert len([row for row in rows if row.fields.get("about_tenant") == place.tenant]) == 1
    with pytest.raises(Refusal) as refused:
        await shred(place, operator_session)
    assert refused.value.kind is Kind.NOT_FOUND


@pytest.mark.parametrize("name", ["system", "A b", "../tenant-acme", ""])
async def test_assays_own_tenant_and_names_of_none_are_not_erased(operator_session: ServiceSession, name: str) -> None:
    with pytest.raises(Refusal) as refused:
        await shred_tenant(operator_session, None, name, datetime.now(UTC), "tag")
    assert (refused.value.kind, refused.value.field) == (Kind.INVALID_REQUEST, "tenant")


async def test_only_what_has_nothing_to_seal_is_left_unsealed(place: Place) -> None:
    record = tenant_erasure_record(place.tenant, datetime.now(UTC), "tag")
    with pytest.raises(ValueError, match="must be encrypted"):
        without_encrypted_part(replace(record, sealed=EncryptedFields(actor="someone")), bytes(32))
    stored = await place.find(await place.record("alice"))
    for change in ({"ciphertext": b""}, {"key_id": NO_KEY, "ciphertext": b""}):
        with pytest.raises(Refusal):
            await place.records.unseal(replace(stored, **change))
