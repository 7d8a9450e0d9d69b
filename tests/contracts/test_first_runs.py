"""The ledger's contract for workflow IDs: one run of each is admitted, and others adopt its outcome or are refused."""

import asyncio
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.budgets.ports import Ledger
from domain.budgets.values import (
    Admitted,
    AlreadyAdmitted,
    AlreadyRecorded,
    BegunCalls,
    OutcomeOfAnotherRun,
    QuotaSpent,
    Reservation,
)
from domain.identity import attempt_id, epoch_ms, event_id
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Refusal
from services.runs.attempts import MOST_ATTEMPTS, RunAttempts
from tests.doubles.events import fields_for

LIMIT = 1000
_STARTED_MS = epoch_ms(datetime.now(UTC))


@dataclass(frozen=True)
class ARun:
    """One run of a workflow ID, with its events."""

    caller: str
    workflow_id: str = field(default_factory=lambda: f"inf.acme.{secrets.token_hex(16)}")
    run_id: str = field(default_factory=lambda: secrets.token_hex(8))
    tenant: str = "acme"
    refusal: str = "prompt-blocked"
    started_ms: int = _STARTED_MS

    def again(self, tenant: str = "acme") -> "ARun":
        """Another run of the same workflow ID."""
        return ARun(self.caller, self.workflow_id, tenant=tenant)

    def event(self, slot: str) -> UUID:
        return event_id(self.started_ms, self.tenant, self.workflow_id, self.run_id, slot)

    def record(self, kind: EventKind, slot: str, **fields: object) -> Record:
        made = fields_for(kind, **fields)
        sealed = EncryptedFields(subject="someone")
        at = datetime.now(UTC)
        return Record(self.event(slot), self.tenant, kind, at, made, sealed, self.workflow_id, self.run_id)

    async def admit(self, ledger: Ledger, tokens: int = 100) -> object:
        reservation = Reservation(self.event("reservation"), self.tenant, self.caller, tokens, LIMIT)
        return await ledger.admit(reservation, self.record(EventKind.ADMITTED, "admission"))

    async def close(
        self, ledger: Ledger, kind: EventKind = EventKind.COMPLETED, spent: int = 40, *, admitted: bool = True
    ) -> None:
        reservation = self.event("reservation") if admitted else None
        refusal = {} if kind is EventKind.COMPLETED else {"refusal": self.refusal}
        await ledger.close(reservation, spent if admitted else 0, self.record(kind, "outcome", **refusal))

    def recorded(self, kind: str = "completed", refusal: str | None = None) -> AlreadyRecorded:
        return AlreadyRecorded(self.run_id, self.event("outcome"), kind, refusal)


@pytest.fixture
def run(caller: str) -> ARun:
    return ARun(caller)


async def reserved(ledger: Ledger, caller: str) -> tuple[int, int]:
    quota = await ledger.quota("acme", caller, LIMIT)
    return quota.used, quota.reserved


async def test_another_run_adopts_the_outcome_and_reserves_nothing(ledger: Ledger, run: ARun):
    assert await ledger.outcome("acme", run.workflow_id) is None
    await run.admit(ledger)
    assert await ledger.outcome("acme", run.workflow_id) == AlreadyAdmitted(run.run_id)
    await run.close(ledger)
    assert await ledger.outcome("acme", run.workflow_id) == run.recorded()
    other = run.again()
    for _ in range(2):
        assert await other.admit(ledger) == run.recorded()
    assert await reserved(ledger, run.caller) == (40, 0)
    assert await ledger.outcome("globex", run.workflow_id) is None
    assert not (await ledger.append(other.record(EventKind.ADMITTED, "admission"))).repeated


async def test_a_run_that_was_reset_after_its_outcome_adopts_it(ledger: Ledger, run: ARun):
    await run.admit(ledger)
    await run.close(ledger)
    assert await run.admit(ledger) == run.recorded()
    assert await reserved(ledger, run.caller) == (40, 0)


async def test_another_run_is_refused_while_the_first_has_no_outcome(ledger: Ledger, run: ARun):
    await run.admit(ledger)
    other = run.again()
    assert await other.admit(ledger) == AlreadyAdmitted(run.run_id)
    await other.close(ledger, EventKind.REFUSED, admitted=False)
    assert await reserved(ledger, run.caller) == (0, 100)
    assert await ledger.outcome("acme", run.workflow_id) == AlreadyAdmitted(run.run_id), "its end is not the ID's"
    assert isinstance(await run.admit(ledger), Admitted), "the first continues"
    await run.close(ledger)
    assert await ledger.outcome("acme", run.workflow_id) == run.recorded()
    await other.close(ledger, EventKind.REFUSED, admitted=False)  # a repeat, of what is recorded


@pytest.mark.parametrize("kind", [EventKind.BLOCKED, EventKind.REFUSED, EventKind.CANCELLED])
async def test_a_denial_without_an_admission_is_the_ids_outcome(ledger: Ledger, run: ARun, kind: EventKind):
    await run.close(ledger, kind, admitted=False)
    assert await run.again().admit(ledger) == run.recorded(kind.value, "prompt-blocked")


async def test_another_run_that_is_denied_as_well_records_nothing(ledger: Ledger, run: ARun):
    await run.close(ledger, EventKind.BLOCKED, admitted=False)
    other = run.again()
    for admitted in (False, True):
        with pytest.raises(OutcomeOfAnotherRun) as found:
            await other.close(ledger, EventKind.REFUSED, spent=0, admitted=admitted)
        assert found.value.recorded == run.recorded("blocked", "prompt-blocked")
    await run.close(ledger, EventKind.BLOCKED, admitted=False)  # a repeat of its own
    assert not (await ledger.append(other.record(EventKind.REFUSED, "outcome"))).repeated


async def test_an_unverified_run_takes_no_id(ledger: Ledger, run: ARun):
    stranger = run.again(tenant="system")
    await stranger.close(ledger, EventKind.REFUSED, admitted=False)
    assert isinstance(await run.admit(ledger), Admitted)
    await run.close(ledger)
    await run.again(tenant="system").close(ledger, EventKind.REFUSED, admitted=False)
    assert await ledger.outcome("acme", run.workflow_id) == run.recorded()


async def test_a_spent_budget_takes_no_id(ledger: Ledger, run: ARun):
    await ARun(run.caller).admit(ledger, 950)
    assert isinstance(await run.admit(ledger), QuotaSpent)
    assert await ledger.outcome("acme", run.workflow_id) is None
    assert isinstance(await run.again().admit(ledger, 50), Admitted)


async def test_a_close_that_overtakes_the_admission_ends_the_id(ledger: Ledger, run: ARun):
    await run.close(ledger, EventKind.FAILED, spent=0)
    for late in (run, run.again()):
        assert await late.admit(ledger) == run.recorded("failed", "prompt-blocked")
    assert await reserved(ledger, run.caller) == (0, 0)


async def test_of_runs_that_race_one_is_admitted(ledger: Ledger, run: ARun):
    for _ in range(5):
        first = ARun(run.caller)
        racing = [first.again() for _ in range(8)]
        answers = await asyncio.gather(*(one.admit(ledger, 10) for one in racing))
        [won] = [one for one, answer in zip(racing, answers, strict=True) if isinstance(answer, Admitted)]
        assert sorted(map(repr, answers))[1:] == [repr(AlreadyAdmitted(won.run_id))] * 7
        await won.close(ledger, spent=1)
    assert await reserved(ledger, run.caller) == (5, 0)


async def test_admissions_and_ends_that_race_leave_one_outcome_and_nothing_held(ledger: Ledger, run: ARun):
    async def to_the_end(one: ARun) -> object:
        async def close(kind: EventKind) -> object:
            try:
                return await one.close(ledger, kind, spent=0)
            except (OutcomeOfAnotherRun, Refusal) as found:
                return found

        async def admit() -> object:
            try:
                return await one.admit(ledger, 10)
            except Refusal as late:
                return late

        return await asyncio.gather(admit(), close(EventKind.CANCELLED))

    for _ in range(8):
        first = ARun(run.caller)
        await asyncio.gather(*(to_the_end(first.again()) for _ in range(4)))
        assert isinstance(await ledger.outcome("acme", first.workflow_id), AlreadyRecorded)
    assert await reserved(ledger, run.caller) == (0, 0)


async def test_a_run_that_states_another_start_has_no_second_admission_and_outcome(ledger: Ledger, run: ARun):
    """An event's ID has the start that the stages were told."""
    await run.admit(ledger)
    later = replace(run, started_ms=run.started_ms + 1000)
    assert await later.admit(ledger) == AlreadyAdmitted(run.run_id)
    assert isinstance(await run.admit(ledger), Admitted)
    await run.close(ledger)
    with pytest.raises(OutcomeOfAnotherRun) as adopted:
        await later.close(ledger, EventKind.FAILED, 0, admitted=False)
    assert adopted.value.recorded.event_id == run.event("outcome")
    await run.close(ledger)
    assert await reserved(ledger, run.caller) == (40, 0)


async def test_begun_calls_are_told_with_the_reservation(ledger: Ledger, run: ARun):
    reservation = run.event("reservation")
    assert await ledger.begun_calls(reservation, run.tenant) == BegunCalls(0, 0)
    await run.admit(ledger)
    await ledger.begin_call(reservation, run.tenant, 8)
    await ledger.begin_call(reservation, run.tenant, 8)
    assert await ledger.begun_calls(reservation, run.tenant) == BegunCalls(2, 100)
    assert await ledger.begun_calls(reservation, "globex") == BegunCalls(0, 0)
    await run.close(ledger)
    assert await ledger.begun_calls(reservation, run.tenant) == BegunCalls(2, 100)


async def test_a_call_needs_a_reservation_that_is_held(ledger: Ledger, run: ARun):
    reservation = run.event("reservation")
    assert await ledger.begin_call(reservation, "acme", 3) is None
    await run.admit(ledger)
    assert await ledger.begin_call(reservation, "globex", 3) is None
    assert [await ledger.begin_call(reservation, "acme", 3) for _ in range(4)] == [1, 2, 3, None]
    other = ARun(run.caller)
    await other.admit(ledger)
    await other.close(ledger)
    assert await ledger.begin_call(other.event("reservation"), "acme", 3) is None


async def test_calls_that_race_are_counted_one_by_one(ledger: Ledger, run: ARun):
    await run.admit(ledger)
    counted = await asyncio.gather(*(ledger.begin_call(run.event("reservation"), "acme", 5) for _ in range(9)))
    assert sorted(found or 0 for found in counted) == [0, 0, 0, 0, 1, 2, 3, 4, 5]


async def test_a_further_attempt_needs_the_record_of_a_passing_fault(ledger: Ledger, caller: str) -> None:
    attempts = RunAttempts(ledger)
    first = ARun(caller, refusal="provider-unavailable")
    assert await attempts.latest("acme", first.workflow_id) == first.workflow_id
    await first.admit(ledger)
    assert await attempts.latest("acme", first.workflow_id) == first.workflow_id
    await first.close(ledger, EventKind.FAILED)
    second = replace(first, workflow_id=f"{first.workflow_id}.2", run_id="second", refusal="quota-spent")
    assert await attempts.latest("acme", first.workflow_id) == second.workflow_id
    assert await attempts.latest("globex", first.workflow_id) == first.workflow_id
    await second.close(ledger, EventKind.REFUSED, admitted=False)
    third = replace(first, workflow_id=f"{first.workflow_id}.3", run_id="third", refusal="provider-rejected")
    assert await attempts.latest("acme", first.workflow_id) == third.workflow_id
    await third.admit(ledger)
    await third.close(ledger, EventKind.FAILED)
    assert await attempts.latest("acme", first.workflow_id) == third.workflow_id


async def test_attempts_are_bounded(ledger: Ledger, caller: str) -> None:
    first = ARun(caller, refusal="provider-timeout")
    for number in range(1, MOST_ATTEMPTS + 1):
        one = replace(first, workflow_id=attempt_id(first.workflow_id, number), run_id=f"run-{number}")
        await one.close(ledger, EventKind.FAILED, admitted=False)
    last = attempt_id(first.workflow_id, MOST_ATTEMPTS)
    assert await RunAttempts(ledger).latest("acme", first.workflow_id) == last
