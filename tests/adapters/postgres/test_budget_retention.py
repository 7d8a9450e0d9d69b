"""Reservations, accounts and rate buckets in PostgreSQL go once nothing can need them, and what is needed stays."""

import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from adapters.postgres.budget_retention import PostgresBudgetRetention
from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.pool import PostgresPool
from adapters.postgres.requests.rates import PostgresRates
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.session import ServiceSession
from domain.budgets.values import Admitted, OutcomeOfAnotherRun, Rate, Reservation
from domain.identity import event_id
from domain.inference.run_lengths import RUN_TOTAL, ids_kept, outlasts
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Kind, Refusal
from tests.adapters.stack import Stack, SystemClock
from tests.doubles.events import fields_for

DAY = timedelta(days=1)
AGE = outlasts(7 * DAY)
IDS = ids_kept(7 * DAY)
LIMIT = 1000


@dataclass
class Shop:
    """The worker's ledger and its retention, an owner's connection to make rows older, and a caller of its own."""

    ledger: PostgresLedger
    retention: PostgresBudgetRetention
    owner: asyncpg.Connection
    caller: str

    def run(self) -> "ARun":
        """A run that begins now."""
        now = time.time_ns() // 1_000_000
        return ARun(self, now, now, secrets.token_hex(8))

    async def reservations(self) -> list[str]:
        rows = await self.owner.fetch("SELECT state FROM assay.reservation WHERE caller = $1 ORDER BY id", self.caller)
        return [row["state"] for row in rows]

    async def accounts(self) -> list[tuple[int, int]]:
        sql = "SELECT used, reserved FROM assay.quota_account WHERE caller = $1 ORDER BY day"
        return [(row["used"], row["reserved"]) for row in await self.owner.fetch(sql, self.caller)]

    async def ids(self, *runs: "ARun") -> set[str]:
        sql = "SELECT workflow_id FROM assay.first_run WHERE workflow_id = ANY ($1)"
        return {row["workflow_id"] for row in await self.owner.fetch(sql, [run.workflow_id for run in runs])}

    async def prune(self) -> None:
        """Everything that is older than ``AGE``."""
        while await self.retention.prune_reservations(AGE):
            pass
        while await self.retention.prune_accounts(AGE):
            pass
        while await self.retention.prune_first_runs(IDS):
            pass


@dataclass
class ARun:
    """A run's reservation, by the time that it began, and its records, which are always of now."""

    shop: Shop
    started_ms: int
    recorded_ms: int
    tag: str

    @property
    def workflow_id(self) -> str:
        return f"inf.acme.{self.tag}"

    @property
    def reservation_id(self) -> UUID:
        return event_id(self.started_ms, "acme", self.workflow_id, "run", "reservation")

    async def age(self, by: timedelta) -> None:
        """Make the run, its reservation, its ID and the caller's accounts so much older."""
        before = self.reservation_id
        self.started_ms -= int(by.total_seconds() * 1000)
        await self.shop.owner.execute(
            "UPDATE assay.reservation SET id = $2, made_at = made_at - $3::interval,"
            " closed_at = closed_at - $3::interval, day = day - $4::integer WHERE id = $1",
            *(before, self.reservation_id, by, by.days),
        )
        await self.shop.owner.execute(
            "UPDATE assay.first_run SET made_at = made_at - $2::interval WHERE workflow_id = $1", self.workflow_id, by
        )
        await self.shop.owner.execute(
            "UPDATE assay.quota_account SET day = day - $2::integer WHERE caller = $1", self.shop.caller, by.days
        )

    def _record(self, kind: EventKind, stage: str) -> Record:
        return Record(
            event_id=event_id(self.recorded_ms, "acme", self.workflow_id, "run", stage),
            tenant="acme",
            kind=kind,
            recorded_at=datetime.now(UTC),
            fields=fields_for(kind),
            sealed=EncryptedFields(subject="someone"),
            workflow_id=self.workflow_id,
            run_id="run",
        )

    async def admit(self, tokens: int = 100) -> bool:
        """Admit; return whether that was done before."""
        reservation = Reservation(self.reservation_id, "acme", self.shop.caller, tokens, LIMIT)
        admitted = await self.shop.ledger.admit(reservation, self._record(EventKind.ADMITTED, "admission"))
        assert isinstance(admitted, Admitted), repr(admitted)
        return admitted.appended.repeated

    async def close(self, spent: int, kind: EventKind = EventKind.COMPLETED, stage: str = "outcome") -> bool:
        """Close; return whether that was done before."""
        return (await self.shop.ledger.close(self.reservation_id, spent, self._record(kind, stage))).repeated


@pytest.fixture
async def shop(stack: Stack, writer_pool: PostgresPool, worker_session: ServiceSession) -> AsyncIterator[Shop]:
    keyring = ServiceKeyRing(worker_session, stack.vault, SystemClock())
    encrypter = RecordEncrypter(keyring, VaultIdentity(worker_session), PostgresSubjectKeys(writer_pool, keyring))
    owner = await stack.superuser()
    yield Shop(
        PostgresLedger(writer_pool, encrypter), PostgresBudgetRetention(writer_pool), owner, secrets.token_hex(16)
    )
    await owner.close()


@pytest.mark.parametrize(("spent", "state"), [(40, "settled"), (0, "refunded")])
async def test_a_closed_reservation_and_its_account_go_once_no_run_can_need_them(
    shop: Shop, spent: int, state: str
) -> None:
    run = shop.run()
    await run.admit()
    await run.close(spent)
    await run.age(AGE - DAY)
    await shop.prune()
    assert await shop.reservations() == [state]
    assert await shop.accounts() == [(spent, 0)]
    await run.age(2 * DAY)
    await shop.prune()
    assert await shop.reservations() == []
    assert await shop.accounts() == []


async def test_what_is_held_stays_with_its_account_however_old(shop: Shop) -> None:
    run = shop.run()
    await run.admit()
    await run.age(AGE + DAY)
    await shop.prune()
    assert await shop.reservations() == ["held"]
    assert await shop.accounts() == [(0, 100)]
    await run.close(30)
    assert await shop.accounts() == [(30, 0)], "settled on the day that it was made"
    await shop.prune()
    assert await shop.reservations() == ["settled"], "closed a moment ago"


async def test_the_account_of_today_stays(shop: Shop) -> None:
    run = shop.run()
    await run.admit()
    await run.close(7)
    await shop.prune()
    assert await shop.reservations() == ["settled"]
    assert await shop.accounts() == [(7, 0)]


async def test_a_repeat_after_pruning_charges_nothing_and_reserves_nothing(shop: Shop) -> None:
    run = shop.run()
    await run.admit()
    await run.close(40)
    await run.age(IDS + DAY)
    await shop.prune()
    assert await run.admit()
    assert await run.close(40)
    with pytest.raises(OutcomeOfAnotherRun):
        await run.close(40, stage="another outcome")
    assert await shop.reservations() == []
    assert await shop.accounts() == []


async def test_a_run_that_was_closed_before_it_was_admitted_is_not_admitted_after_pruning(shop: Shop) -> None:
    run = shop.run()
    await run.close(0, EventKind.FAILED)
    await run.age(IDS + DAY)
    await shop.prune()
    sql = "SELECT EXISTS (SELECT FROM assay.reservation WHERE id = $1)"
    assert not await shop.owner.fetchval(sql, run.reservation_id)
    with pytest.raises(Refusal) as refused:
        await run.admit()
    assert refused.value.kind is Kind.INTERNAL
    assert await shop.reservations() == []
    assert await shop.accounts() == []


async def test_a_first_admission_of_the_longest_run_is_not_hindered_by_pruning(shop: Shop) -> None:
    await shop.prune()
    run = shop.run()
    await run.age(RUN_TOTAL)
    assert not await run.admit()


async def test_a_workflow_id_is_kept_for_longer_than_its_reservation(shop: Shop) -> None:
    run, other = shop.run(), shop.run()
    await run.admit()
    await run.close(40)
    await other.admit()
    for made in (run, other):
        await made.age(IDS - DAY)
    await shop.prune()
    assert await shop.ids(run, other) == {run.workflow_id, other.workflow_id}
    assert await shop.reservations() == ["held"]
    with pytest.raises(AssertionError, match="AlreadyRecorded"):
        await run.admit()
    for made in (run, other):
        await made.age(2 * DAY)
    await shop.prune()
    assert await shop.ids(run, other) == {other.workflow_id}, "one without an outcome stays"


@pytest.mark.parametrize("method", ["prune_reservations", "prune_accounts", "prune_first_runs"])
async def test_budgets_of_runs_that_may_be_open_are_out_of_reach(shop: Shop, method: str) -> None:
    with pytest.raises(Refusal) as refused:
        await getattr(shop.retention, method)(RUN_TOTAL)
    assert refused.value.kind is Kind.INTERNAL


async def test_a_batch_is_bounded(shop: Shop) -> None:
    await shop.prune()
    while await shop.retention.prune_buckets():
        pass
    began = time.time_ns() // 1_000_000 - 30 * 86_400_000
    ids = [event_id(began, "acme", "inf.acme.x", f"{shop.caller}{number}", "reservation") for number in range(1001)]
    await shop.owner.execute(
        "INSERT INTO assay.reservation (id, tenant, caller, day, tokens, state, actual, made_at, closed_at)"
        " SELECT id, 'acme', $1, assay.today() - 30, 1, 'settled', 1, at, at FROM unnest($2::uuid[]) id,"
        " (SELECT clock_timestamp() - interval '30 days') AS moment (at)",
        *(shop.caller, ids),
    )
    await shop.owner.execute(
        "INSERT INTO assay.quota_account (tenant, caller, day)"
        " SELECT 'acme', $1 || n, assay.today() - 30 FROM generate_series(1, 1001) n",
        shop.caller,
    )
    await shop.owner.execute(
        "INSERT INTO assay.rate_bucket (tenant, caller, arrival)"
        " SELECT 'acme', $1 || n, clock_timestamp() - interval '2 hours' FROM generate_series(1, 1001) n",
        shop.caller,
    )
    retention = shop.retention
    assert [await retention.prune_reservations(AGE) for _ in range(3)] == [1000, 1, 0]
    assert [await retention.prune_accounts(AGE) for _ in range(3)] == [1000, 1, 0]
    assert [await retention.prune_buckets() for _ in range(3)] == [1000, 1, 0]


async def test_a_full_rate_bucket_goes_and_counts_as_full_afterwards(shop: Shop, api_pool: PostgresPool) -> None:
    rates, rate = PostgresRates(api_pool), Rate(2, 60)
    for _ in range(2):
        assert (await rates.take("acme", shop.caller, rate)).allowed
    await shop.retention.prune_buckets()
    assert not (await rates.take("acme", shop.caller, rate)).allowed, "a bucket that is not full stays"
    await shop.owner.execute(
        "UPDATE assay.rate_bucket SET arrival = arrival - interval '2 hours' WHERE caller = $1", shop.caller
    )
    while await shop.retention.prune_buckets():
        pass
    assert await shop.owner.fetchval("SELECT count(*) FROM assay.rate_bucket WHERE caller = $1", shop.caller) == 0
    found = await rates.take("acme", shop.caller, rate)
    assert (found.allowed, found.remaining) == (True, 1)
