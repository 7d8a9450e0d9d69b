"""The contract of erasure and legal hold: two persons release, what is held stays, and each act is recorded once."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest

from adapters.postgres.custody import PostgresCustody
from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from domain.access.principals import Principal, Role
from domain.records.custody import HoldState, erasure_record, hold_record, release_records
from domain.records.ports import Custody
from domain.records.records import EventKind, Record
from domain.refusals import Kind, Refusal
from tests.adapters.stack import Stack, SystemClock
from tests.doubles.custody import MemoryCustody
from tests.doubles.principals import principal

ONE, TWO = "1" * 64, "2" * 64


@dataclass
class Place:
    """A custody of a new tenant, and the content of its store."""

    custody: Custody
    tenant: str
    make_key: Callable[[str], Awaitable[None]]
    recorded: Callable[[UUID], Awaitable[bool]]

    def officer(self) -> Principal:
        return principal(self.tenant, "an officer", "app", frozenset({Role.ADMIN}), "c" * 32)

    def erasure(self, subject: str) -> Record:
        return erasure_record(self.officer(), subject, datetime.now(UTC), secrets.token_hex(8))

    def placing(self, subject: str | None) -> Record:
        return hold_record(self.officer(), subject, "a reason", datetime.now(UTC), secrets.token_hex(8))

    def releases(self, hold: UUID) -> tuple[Record, Record]:
        return release_records(self.officer(), hold, datetime.now(UTC), secrets.token_hex(8))

    async def release(self, hold: UUID) -> None:
        for person in (ONE, TWO):
            await self.custody.release_hold(hold, person, self.releases(hold))


@pytest.fixture(params=["memory", "postgres"])
def place(request: pytest.FixtureRequest) -> Place:
    tenant = f"custody-{secrets.token_hex(4)}"
    if request.param == "memory":
        memory = MemoryCustody(SystemClock())

        async def make(subject: str) -> None:
            memory.keys[tenant, subject] = memory.keys.get((tenant, subject), 0) + 1

        async def in_memory(event: UUID) -> bool:
            return event in memory.records

        return Place(memory, tenant, make, in_memory)
    pool, session = request.getfixturevalue("api_pool"), request.getfixturevalue("api_session")
    stack: Stack = request.getfixturevalue("stack")
    root = stack.root()
    root.write_data(f"transit/keys/tenant-{tenant}", data={"type": "aes256-gcm96"})
    root.adapter.close()
    keyring = ServiceKeyRing(session, stack.vault, SystemClock())
    subjects = PostgresSubjectKeys(pool, keyring)

    async def keep(subject: str) -> None:
        await subjects.current(tenant, subject)

    async def stored(event: UUID) -> bool:
        connection = await stack.superuser()
        found = await connection.fetchval("SELECT count(*) FROM assay.record WHERE event_id = $1", event)
        await connection.close()
        return bool(found)

    return Place(
        PostgresCustody(pool, RecordEncrypter(keyring, VaultIdentity(session), subjects)), tenant, keep, stored
    )


async def refused(call: Awaitable[object], kind: Kind) -> None:
    with pytest.raises(Refusal) as refusal:
        await call
    assert refusal.value.kind is kind


async def test_a_persons_key_is_erased_and_that_is_recorded(place: Place) -> None:
    await place.make_key("alice")
    await place.make_key("bob")
    record = place.erasure("alice")
    assert await place.custody.erase("alice", record) == 1
    assert await place.recorded(record.event_id)
    assert await place.custody.erase("alice", place.erasure("alice")) == 0
    assert await place.custody.erase("bob", place.erasure("bob")) == 1


async def test_a_repeat_of_the_same_erasure_tells_the_same(place: Place) -> None:
    await place.make_key("alice")
    record = place.erasure("alice")
    assert await place.custody.erase("alice", record) == 1
    await place.make_key("alice")
    assert await place.custody.erase("alice", record) == 1, "it erases nothing made since"
    assert await place.custody.erase("alice", place.erasure("alice")) == 1


@pytest.mark.parametrize("held", ["alice", None])
async def test_what_is_held_is_not_erased_nor_recorded_as_erased(place: Place, held: str | None) -> None:
    await place.make_key("alice")
    await place.make_key("bob")
    hold = await place.custody.place_hold(held, ONE, place.placing(held))
    record = place.erasure("alice")
    await refused(place.custody.erase("alice", record), Kind.LEGAL_HOLD)
    assert not await place.recorded(record.event_id)
    if held is None:
        await refused(place.custody.erase("bob", place.erasure("bob")), Kind.LEGAL_HOLD)
    else:
        assert await place.custody.erase("bob", place.erasure("bob")) == 1
    await place.release(hold.id)
    assert await place.custody.erase("alice", place.erasure("alice")) == 1


async def test_a_hold_is_the_event_that_placed_it(place: Place) -> None:
    record = place.placing("alice")
    hold = await place.custody.place_hold("alice", ONE, record)
    assert (hold.id, hold.tenant, hold.subject, hold.placed_by) == (record.event_id, place.tenant, "alice", ONE)
    assert hold.state is HoldState.STANDING
    assert await place.custody.place_hold("alice", ONE, record) == hold
    assert list(await place.custody.holds(place.tenant)) == [hold]


async def test_one_person_does_not_release_a_hold_and_two_do(place: Place) -> None:
    hold = await place.custody.place_hold("alice", ONE, place.placing("alice"))
    first = place.releases(hold.id)
    marked = await place.custody.release_hold(hold.id, ONE, first)
    assert (marked.state, marked.first_release_by, marked.released_by) == (HoldState.RELEASE_MARKED, ONE, None)
    assert [await place.recorded(record.event_id) for record in first] == [True, False]
    await refused(place.custody.release_hold(hold.id, ONE, place.releases(hold.id)), Kind.DUAL_CONTROL_NEEDED)
    await refused(place.custody.erase("alice", place.erasure("alice")), Kind.LEGAL_HOLD)
    second = place.releases(hold.id)
    released = await place.custody.release_hold(hold.id, TWO, second)
    assert (released.state, released.first_release_by, released.released_by) == (HoldState.RELEASED, ONE, TWO)
    assert [await place.recorded(record.event_id) for record in second] == [False, True]
    late = place.releases(hold.id)
    assert await place.custody.release_hold(hold.id, "3" * 64, late) == released
    assert [await place.recorded(record.event_id) for record in late] == [False, False]


async def test_a_repeat_of_the_first_step_is_no_second_step(place: Place) -> None:
    hold = await place.custody.place_hold(None, ONE, place.placing(None))
    records = place.releases(hold.id)
    marked = await place.custody.release_hold(hold.id, ONE, records)
    assert await place.custody.release_hold(hold.id, ONE, records) == marked


async def test_a_hold_is_its_tenants_and_an_unknown_one_is_nobodys(place: Place) -> None:
    hold = await place.custody.place_hold("alice", ONE, place.placing("alice"))
    stranger = principal("globex", "someone", "app", frozenset({Role.ADMIN}), "d" * 32)
    records = release_records(stranger, hold.id, datetime.now(UTC), secrets.token_hex(8))
    await refused(place.custody.release_hold(hold.id, TWO, records), Kind.NOT_FOUND)
    assert hold not in await place.custody.holds("globex")
    unknown = UUID(int=1)
    await refused(place.custody.release_hold(unknown, TWO, place.releases(unknown)), Kind.NOT_FOUND)
    assert (await place.custody.holds(place.tenant))[0].state is HoldState.STANDING


async def test_all_holds_have_to_be_released(place: Place) -> None:
    holds = [await place.custody.place_hold(who, ONE, place.placing(who)) for who in ("alice", None, "alice")]
    await place.make_key("alice")
    for hold in holds:
        await refused(place.custody.erase("alice", place.erasure("alice")), Kind.LEGAL_HOLD)
        await place.release(hold.id)
    assert await place.custody.erase("alice", place.erasure("alice")) == 1


async def test_those_that_stand_come_first_then_the_newest(place: Place) -> None:
    old, released, new = [await place.custody.place_hold("x", ONE, place.placing("x")) for _ in range(3)]
    await place.release(released.id)
    assert [hold.id for hold in await place.custody.holds(place.tenant)] == [new.id, old.id, released.id]


async def test_at_once_two_persons_release_and_one_alone_does_not(place: Place) -> None:
    hold = await place.custody.place_hold("x", ONE, place.placing("x"))
    calls = [place.custody.release_hold(hold.id, ONE, place.releases(hold.id)) for _ in range(5)]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert [found.state for found in done if not isinstance(found, Exception)] == [HoldState.RELEASE_MARKED]
    assert {found.kind for found in done if isinstance(found, Refusal)} == {Kind.DUAL_CONTROL_NEEDED}
    calls = [place.custody.release_hold(hold.id, TWO, place.releases(hold.id)) for _ in range(5)]
    assert {found.state for found in await asyncio.gather(*calls)} == {HoldState.RELEASED}


@pytest.mark.parametrize("round_", range(6))
async def test_erasing_and_holding_at_once_come_one_after_the_other(place: Place, round_: int) -> None:
    await place.make_key("alice")
    record, whom = place.erasure("alice"), "alice" if round_ % 2 else None
    acts = [place.custody.erase("alice", record), place.custody.place_hold(whom, ONE, place.placing(whom))]
    erased, hold = await asyncio.gather(*acts, return_exceptions=True)
    assert not isinstance(hold, Exception)
    if isinstance(erased, Refusal):
        assert erased.kind is Kind.LEGAL_HOLD
        assert not await place.recorded(record.event_id)
    else:
        assert erased == 1
    await place.release(hold.id)
    again = await place.custody.erase("alice", place.erasure("alice"))
    assert again == (1 if isinstance(erased, Refusal) else 0)


async def test_the_record_names_the_hash_and_not_the_person(place: Place) -> None:
    record = place.erasure("alice")
    assert (record.kind, record.fields.about, record.sealed.data_subject) == (EventKind.ERASED, "alice", None)
    assert record.sealed.actor == "an officer"
