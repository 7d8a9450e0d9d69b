"""Missing outcomes and open reservations, in memory and in PostgreSQL alike."""

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from adapters.postgres.outcome_gaps import PostgresGaps
from adapters.postgres.pool import PostgresPool
from domain.budgets.ports import Ledger
from domain.budgets.values import Reservation
from domain.identity import epoch_ms, event_id
from domain.records.reconciliation import OpenReservation
from domain.records.reconciliation_ports import OutcomeGaps
from domain.records.records import EncryptedFields, EventKind, Record
from tests.adapters.stack import Stack
from tests.doubles.events import fields_for, new_event_id
from tests.doubles.gaps import MemoryGaps
from tests.doubles.ledger import MemoryLedger

NO_TIME = timedelta(0)


@pytest.fixture
def gaps(request: pytest.FixtureRequest, ledger: Ledger) -> OutcomeGaps:
    return (
        MemoryGaps(ledger) if isinstance(ledger, MemoryLedger) else PostgresGaps(request.getfixturevalue("writer_pool"))
    )


class ARun:
    """A run that begins now, and the events that it makes."""

    def __init__(self, caller: str) -> None:
        self.caller = caller
        self.started_ms = epoch_ms(datetime.now(UTC))
        self.workflow_id = f"inf.acme.{secrets.token_hex(16)}"

    def event(self, slot: str) -> UUID:
        return event_id(self.started_ms, "acme", self.workflow_id, "run-é", slot)

    def record(self, kind: EventKind, slot: str) -> Record:
        sealed = EncryptedFields(subject="someone")
        at = datetime.now(UTC)
        return Record(self.event(slot), "acme", kind, at, fields_for(kind), sealed, self.workflow_id, "run-é")

    async def admit(self, ledger: Ledger) -> OpenReservation:
        reservation = Reservation(self.event("reservation"), "acme", self.caller, 10, 1000)
        await ledger.admit(reservation, self.record(EventKind.ADMITTED, "admission"))
        return OpenReservation(reservation.reservation_id, "acme", self.caller, self.workflow_id, "run-é")


async def held_by(gaps: OutcomeGaps, caller: str) -> list[OpenReservation]:
    """All of the caller's, page by page."""
    found, last = [], None
    while page := await gaps.open_reservations(NO_TIME, last, 2):
        found += [held for held in page if held.caller == caller]
        last = page[-1].reservation_id
    return found


async def test_what_is_not_recorded_is_missing(gaps: OutcomeGaps, ledger: Ledger, caller: str):
    run = ARun(caller)
    await run.admit(ledger)
    never = new_event_id()
    assert await gaps.missing([run.event("admission"), never]) == {never}
    assert await gaps.missing([]) == frozenset()


async def test_reservations_are_open_until_they_are_closed_and_name_their_runs(
    gaps: OutcomeGaps, ledger: Ledger, caller: str
):
    runs = [ARun(caller) for _ in range(5)]
    made = [await run.admit(ledger) for run in runs]
    assert sorted(await held_by(gaps, caller), key=lambda held: held.workflow_id or "") == sorted(
        made, key=lambda held: held.workflow_id or ""
    )
    assert {held.started_ms for held in made} == {run.started_ms for run in runs}
    assert [await gaps.open_reservation(held.reservation_id) for held in made] == made
    assert await gaps.open_reservation(new_event_id()) is None
    for run, held in zip(runs, made, strict=True):
        await ledger.close(held.reservation_id, 0, run.record(EventKind.FAILED, "outcome"))
    assert await held_by(gaps, caller) == []
    assert await gaps.open_reservation(made[0].reservation_id) is None


async def test_a_look_never_goes_back(gaps: OutcomeGaps):
    now = datetime.now(UTC).replace(microsecond=0)
    await gaps.record_sweep(now)
    latest = await gaps.last_sweep()
    assert latest is not None
    assert latest >= now
    await gaps.record_sweep(now - timedelta(days=1))
    assert await gaps.last_sweep() == latest


@pytest.mark.parametrize("ledger", ["postgres"], indirect=True)  # in memory there is no clock to be ahead of
async def test_young_reservations_and_a_clock_that_is_ahead_are_left_alone(
    gaps: OutcomeGaps, ledger: Ledger, caller: str
):
    await ARun(caller).admit(ledger)
    found = await gaps.open_reservations(timedelta(hours=1), None, 1000)
    assert [held for held in found if held.caller == caller] == []
    await gaps.record_sweep(datetime.now(UTC) + timedelta(days=1))
    last = await gaps.last_sweep()
    assert last is not None
    assert last <= datetime.now(UTC)


async def test_an_event_of_an_archived_month_is_not_missing(writer_pool: PostgresPool, stack: Stack):
    event = new_event_id()
    connection = await stack.superuser()
    try:
        await connection.execute(
            "INSERT INTO assay.leaf (tenant, seq, event_id, digest) VALUES ($1, 0, $2, sha256(''))",
            f"archived-{secrets.token_hex(4)}",
            event,
        )
    finally:
        await connection.close()
    assert await PostgresGaps(writer_pool).missing([event]) == frozenset()
