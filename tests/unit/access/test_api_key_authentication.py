"""Verification of API keys: from memory, confirmed in time, closed without it, and counted by queries."""

import asyncio
import os
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.postgres.encryption.api_key_grants import GrantEncrypter
from domain.access.api_keys import NO_KEYS, KeyLimits, KeyState, checksum, new_key
from domain.access.clients import ClientEntry
from domain.access.principals import AuthenticationMethod, Principal, Role
from domain.refusals import Kind, Refusal
from services.api_keys.authentication import ApiKeyAuthentication
from services.api_keys.last_use import LastUses
from services.api_keys.management import ApiKeys, KeyWish, MadeKey
from services.token_attempts import WRONG_ATTEMPTS
from tests.doubles.api_keys import MemoryApiKeys
from tests.doubles.clock import FixedClock
from tests.doubles.keys import FixedIdentity, FixedKeyRing
from tests.doubles.principals import principal

LIMITS = KeyLimits(timedelta(days=365), 20, timedelta(days=7))
HERE, ELSEWHERE = "192.0.2.1", "203.0.113.66"
DAY = timedelta(days=1)


class Directory:
    """Clients, counted readings, and an outage."""

    def __init__(self) -> None:
        self.entries = {"app": ClientEntry("app", "acme", "alice", ("ai_operator",), "", "")}
        self.reads = 0
        self.outage: Refusal | None = None

    async def get(self, client_id: str) -> ClientEntry | None:
        self.reads += 1
        if self.outage is not None:
            raise self.outage
        return self.entries.get(client_id)

    async def put(self, entry: ClientEntry) -> None:
        self.entries[entry.client_id] = entry

    async def list(self) -> list[ClientEntry]:
        return list(self.entries.values())


@dataclass
class Process:
    """One process's view of the store that several share."""

    clock: FixedClock = field(default_factory=FixedClock)
    directory: Directory = field(default_factory=Directory)
    limits: KeyLimits = LIMITS
    store: Any = None
    seconds: float = 1000.0

    def __post_init__(self) -> None:
        self.identity, self.keyring = FixedIdentity(), FixedKeyRing("acme", "globex")
        self.store = self.store or MemoryApiKeys(self.clock, GrantEncrypter(self.keyring, self.identity))
        self.uses = LastUses(self.store)
        self.keys = ApiKeyAuthentication(
            self.store,
            self.directory,
            self.identity,
            lambda _: self.limits,
            self.uses,
            self.clock,
            bytes(32),
            monotonic=lambda: self.seconds,
        )
        self.management = ApiKeys(
            self.store, self.directory, self.identity, self.clock, lambda: os.urandom(8).hex(), os.urandom
        )
        self.maker = principal(roles=frozenset({Role.AI_OPERATOR}))

    async def made(self, **wish: Any) -> MadeKey:
        return await self.management.create(self.maker, KeyWish("ci", **wish), self.limits)

    async def ask(self, text: str, address: str = HERE) -> Principal | Kind:
        """Return the principal, or the kind of the refusal. What runs beside the request ends before that."""
        try:
            return await self.keys.principal(text, address)
        except Refusal as refusal:
            return refusal.kind
        finally:
            for _ in range(5):
                await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        self.clock.advance(seconds)


@pytest.fixture
def process() -> Process:
    return Process()


async def test_a_key_is_its_makers_caller_narrowed(process: Process):
    made = await process.made(models=("fake",), requests_per_minute=7)
    found = await process.ask(made.text)
    assert isinstance(found, Principal)
    assert replace(found, key=None, method=process.maker.method) == process.maker
    assert found.method is AuthenticationMethod.API_KEY
    assert found.key is not None
    assert (found.key.id, found.key.models, found.key.requests_per_minute) == (made.key.id, {"fake"}, 7)


async def test_a_warm_key_costs_no_query_and_no_call_of_vault(process: Process):
    made = await process.made()
    await process.ask(made.text)
    process.directory.reads = process.store.finds = process.store.opens = 0
    for _ in range(1000):
        assert isinstance(await process.ask(made.text), Principal)
    assert (process.store.finds, process.store.opens, process.directory.reads) == (0, 0, 0)


async def test_a_key_in_use_is_read_again_every_two_seconds_beside_its_requests_and_opened_once(process: Process):
    made = await process.made()
    for _ in range(60):
        process.advance(0.5)
        assert isinstance(await process.ask(made.text), Principal)
    assert 14 <= process.store.finds <= 16
    assert process.store.opens == 1
    assert process.directory.reads == 2  # the other when the key was made


@pytest.mark.parametrize("gap", [0.1, 1.0, 2.5, 4.4])
async def test_a_revocation_elsewhere_takes_effect_within_five_seconds(process: Process, gap: float):
    other = Process(process.clock, process.directory, store=process.store)
    made = await process.made()
    assert isinstance(await other.ask(made.text), Principal)
    await process.management.revoke(process.maker, made.key.id, any_key=False)
    served = 0.0
    for step in range(round(6 / gap)):
        other.advance(gap)
        if isinstance(await other.ask(made.text), Principal):
            served = gap * (step + 1)
    assert served < 5.0
    assert await other.ask(made.text) is Kind.INVALID_TOKEN


async def test_an_idle_key_is_confirmed_before_it_is_served(process: Process):
    made = await process.made()
    await process.ask(made.text)
    await process.management.revoke(process.maker, made.key.id, any_key=False)
    process.advance(3600)
    assert await process.ask(made.text) is Kind.INVALID_TOKEN


async def test_without_the_database_a_key_works_for_four_and_a_half_seconds_and_is_then_refused(process: Process):
    made = await process.made()
    await process.ask(made.text)
    process.store.outage = Refusal(Kind.STORE_UNAVAILABLE, "down")
    process.store.finds = 0
    answers = []
    for _ in range(80):
        process.advance(0.1)
        answers.append(await process.ask(made.text))
    served = sum(isinstance(answer, Principal) for answer in answers)
    assert 43 <= served <= 45
    assert set(answers[45:]) == {Kind.STORE_UNAVAILABLE}
    assert process.store.finds <= 8  # one a second, however many requests wait
    process.store.outage = None
    process.advance(1.1)
    assert isinstance(await process.ask(made.text), Principal)


async def test_without_vault_a_warm_key_works_for_fifteen_minutes_and_is_then_refused(process: Process):
    made = await process.made()
    await process.ask(made.text)
    process.keyring.away = True
    process.directory.outage = Refusal(Kind.VAULT_UNAVAILABLE, "down")
    served = 0
    for _ in range(1000):
        process.advance(1)
        served += isinstance(await process.ask(made.text), Principal)
    assert 898 <= served <= 900
    assert await process.ask(made.text) is Kind.VAULT_UNAVAILABLE


async def test_without_vault_a_cold_key_is_refused_as_unavailable_never_as_invalid(process: Process):
    made = await process.made()
    process.keyring.away = True
    assert await process.ask(made.text) is Kind.VAULT_UNAVAILABLE


async def test_a_revoked_client_takes_its_keys_with_it_within_a_minute(process: Process):
    made = await process.made()
    await process.ask(made.text)
    process.directory.entries["app"] = replace(process.directory.entries["app"], revoked=True)
    served = 0
    for _ in range(120):
        process.advance(1)
        served += isinstance(await process.ask(made.text), Principal)
    assert served <= 60
    assert await process.ask(made.text) is Kind.INVALID_TOKEN


@pytest.mark.parametrize(
    "change", [{"tenant": "globex"}, {"subject": "mallory"}, {"revoked": True}], ids=["tenant", "subject", "revoked"]
)
async def test_a_key_dies_with_what_its_client_was(process: Process, change: dict[str, Any]):
    made = await process.made()
    process.directory.entries["app"] = replace(process.directory.entries["app"], **change)
    assert await process.ask(made.text) is Kind.INVALID_TOKEN


async def test_a_role_that_the_client_lost_is_lost_to_its_keys(process: Process):
    made = await process.made()
    process.directory.entries["app"] = replace(process.directory.entries["app"], roles=("admin",))
    found = await process.ask(made.text)
    assert isinstance(found, Principal)
    assert found.roles == frozenset()


async def test_garbage_is_refused_before_any_query(process: Process):
    text = (await process.made()).text
    for garbage in ("assay_", text[:-1], text + "0", text[:-1] + ("0" if text[-1] != "0" else "1"), "assay_é"):
        assert await process.ask(garbage) is Kind.INVALID_TOKEN
    assert process.store.finds == 0


async def test_wrong_keys_are_counted_by_source_and_right_ones_never_locked_out(process: Process):
    made = await process.made()
    answers = [await process.ask(new_key(os.urandom).text, ELSEWHERE) for _ in range(WRONG_ATTEMPTS.limit + 5)]
    assert answers == [Kind.INVALID_TOKEN] * WRONG_ATTEMPTS.limit + [Kind.RATE_LIMITED] * 5
    assert isinstance(await process.ask(made.text, ELSEWHERE), Principal)
    assert await process.ask(new_key(os.urandom).text, HERE) is Kind.INVALID_TOKEN


async def test_a_wrong_key_that_is_repeated_costs_one_query_a_minute(process: Process):
    wrong = new_key(os.urandom).text
    for _ in range(50):
        await process.ask(wrong)
    assert process.store.finds == 1
    process.advance(61)
    await process.ask(wrong)
    assert process.store.finds == 2


async def test_wrong_keys_take_bounded_memory_and_displace_no_key_in_use(process: Process):
    made = await process.made()
    await process.ask(made.text)
    for _ in range(4200):
        await process.ask(new_key(os.urandom).text, ELSEWHERE)
    assert len(process.keys._wrong) == 4096
    assert len(process.keys._keys._entries) == 1
    finds = process.store.finds
    assert isinstance(await process.ask(made.text), Principal)
    assert process.store.finds == finds
    assert len(process.keys._turns) == 0


async def test_another_secret_with_a_known_id_is_wrong_and_does_not_displace_the_key(process: Process):
    made = await process.made()
    await process.ask(made.text)
    finds = process.store.finds
    other = new_key(os.urandom).text
    body = made.text[:17] + other[17:-6]
    assert await process.ask(body + checksum(body)) is Kind.INVALID_TOKEN
    assert isinstance(await process.ask(made.text), Principal)
    assert process.store.finds == finds


async def test_one_source_queries_twice_at_a_time_at_most(process: Process):
    now = most = 0
    find = process.store.find

    async def watched(key_id: str) -> Any:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return await find(key_id)

    process.store.find = watched
    await asyncio.gather(*(process.ask(new_key(os.urandom).text, ELSEWHERE) for _ in range(40)))
    assert most == 2


async def test_requests_of_a_cold_key_share_one_query(process: Process):
    made = await process.made()
    found = await asyncio.gather(*(process.ask(made.text, f"10.0.0.{number}") for number in range(50)))
    assert all(isinstance(one, Principal) for one in found)
    assert process.store.finds == 1


async def test_a_row_that_another_wrote_is_refused_and_logged(process: Process):
    made = await process.made()
    row = process.store.rows[made.key.id]
    longer = replace(row.times, expires_at=row.times.expires_at + 365 * DAY)
    process.store.rows[made.key.id] = replace(row, times=longer)
    with capture_logs() as logs:
        assert await process.ask(made.text) is Kind.INVALID_TOKEN
    assert [entry["event"] for entry in logs] == ["api_key.unproven"]
    assert made.text not in str(logs)


CHANGES: dict[str, Any] = {
    "tenant": "globex",
    "caller": "d" * 32,
    "subject": "6" * 64,
    "family": "0" * 11,
    "secret_hash": bytes(32),
    "data_key": "0" * 32,
    "sealed": b"x" * 40,
    "mac": bytes(32),
}


@pytest.mark.parametrize("name", [*CHANGES, "expires_at", "created_at"])
async def test_a_change_of_a_row_is_noticed_also_while_its_key_is_in_use(process: Process, name: str):
    made = await process.made()
    await process.ask(made.text)
    row = process.store.rows[made.key.id]
    if name in CHANGES:
        changed = replace(row, **{name: CHANGES[name]})
    else:
        later = getattr(row.times, name) + 365 * DAY
        changed = replace(row, times=replace(row.times, **{name: later}))
    process.store.rows[made.key.id] = changed
    process.advance(4.5)
    assert await process.ask(made.text) is Kind.INVALID_TOKEN
    listed = [key.state for key in await process.management.listed(process.maker, LIMITS, any_key=True)]
    assert listed in ([KeyState.INVALID], [])


async def test_a_row_that_another_writes_later_is_refused_as_well(process: Process):
    """A known row is opened again when its MAC or its grant has changed."""
    made, richer = await process.made(models=("fake",)), await process.made()
    await process.ask(made.text)
    row, rich = process.store.rows[made.key.id], process.store.rows[richer.key.id]
    process.store.rows[made.key.id] = replace(row, sealed=rich.sealed)
    process.advance(5)
    assert await process.ask(made.text) is Kind.INVALID_TOKEN


async def test_an_expired_key_is_told_so_only_to_its_holder(process: Process):
    made = await process.made(life=DAY)
    process.advance(86_400)
    assert await process.ask(made.text) is Kind.EXPIRED_TOKEN
    assert await process.ask(new_key(os.urandom).text) is Kind.INVALID_TOKEN


async def test_a_later_policy_ends_keys_that_exist(process: Process):
    made = await process.made()
    process.advance(10 * 86_400)
    assert isinstance(await process.ask(made.text), Principal)
    process.limits = replace(LIMITS, longest_life=7 * DAY)
    assert await process.ask(made.text) is Kind.EXPIRED_TOKEN
    process.limits = NO_KEYS
    assert await process.ask(made.text) is Kind.EXPIRED_TOKEN


async def test_both_keys_of_a_rotation_work_until_the_overlap_ends_and_have_one_caller(process: Process):
    old = await process.made()
    new = await process.management.rotate(process.maker, old.key.id, timedelta(hours=1), LIMITS)
    one, other = await process.ask(old.text), await process.ask(new.text)
    assert isinstance(one, Principal)
    assert isinstance(other, Principal)
    assert (one.caller, one.key and one.key.family) == (other.caller, other.key and other.key.family)
    process.advance(3600)
    assert await process.ask(old.text) is Kind.EXPIRED_TOKEN
    assert isinstance(await process.ask(new.text), Principal)


async def test_a_last_use_is_written_once_a_minute_however_often_a_key_is_used(process: Process):
    made = await process.made()
    for _ in range(500):
        await process.ask(made.text)
    assert process.store.writes == 0
    await process.uses.write()
    await process.uses.write()
    assert process.store.writes == 1
    assert process.store.rows[made.key.id].times.last_used_at == process.clock.now()


async def test_last_uses_wait_for_the_store(process: Process):
    made = await process.made()
    await process.ask(made.text)
    process.store.outage = Refusal(Kind.STORE_UNAVAILABLE, "down")
    await process.uses.write()
    process.store.outage = None
    await process.uses.write()
    assert process.store.rows[made.key.id].times.last_used_at == process.clock.now()


@pytest.mark.parametrize("roles", [{Role.ADMIN}, {Role.AUDITOR}, {Role.REVIEWER}, set()])
async def test_whoever_may_not_submit_makes_no_key(process: Process, roles: set[Role]):
    process.maker = replace(process.maker, roles=frozenset(roles))
    with pytest.raises(Refusal) as refused:
        await process.made()
    assert refused.value.kind is Kind.FORBIDDEN
    assert process.store.rows == {}


async def test_a_key_has_none_of_its_makers_other_roles(process: Process):
    everything = frozenset(Role)
    process.maker = replace(process.maker, roles=everything)
    process.directory.entries["app"] = replace(process.directory.entries["app"], roles=tuple(everything))
    found = await process.ask((await process.made()).text)
    assert isinstance(found, Principal)
    assert found.roles == {Role.AI_OPERATOR}


@pytest.mark.parametrize("life", [timedelta(0), -DAY, 366 * DAY])
async def test_no_key_lives_longer_than_the_policy_permits(process: Process, life: timedelta):
    with pytest.raises(Refusal) as refused:
        await process.made(life=life)
    assert refused.value.kind is Kind.INVALID_REQUEST


async def test_a_rotated_key_lives_as_long_as_the_first_was_made_for(process: Process):
    old = await process.made(life=30 * DAY)
    process.advance(20 * 86_400)
    new = await process.management.rotate(process.maker, old.key.id, timedelta(0), LIMITS)
    assert new.key.times.expires_at - new.key.times.created_at == 30 * DAY
    assert await process.ask(old.text) is Kind.EXPIRED_TOKEN


async def test_anothers_key_is_unknown_to_whoever_rotates_or_revokes(process: Process):
    made = await process.made()
    other = replace(process.maker, caller="d" * 32)
    for act in (
        process.management.rotate(other, made.key.id, timedelta(0), LIMITS),
        process.management.revoke(other, made.key.id, any_key=False),
        process.management.revoke(replace(other, tenant="globex"), made.key.id, any_key=True),
    ):
        with pytest.raises(Refusal) as refused:
            await act
        assert refused.value.kind is Kind.NOT_FOUND
    assert isinstance(await process.ask(made.text), Principal)
