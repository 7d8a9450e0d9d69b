"""The ledger's contract: budgets hold, and every event is recorded once, whatever is repeated or comes at once."""

import asyncio
import random
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.budgets.ports import Ledger
from domain.budgets.values import Admitted, QuotaSpent, RecordConflict, Reservation
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Kind, Refusal
from tests.doubles.events import fields_for, new_event_id

LIMIT = 1000


def a_record(kind: EventKind = EventKind.ADMITTED, event_id: UUID | None = None, **fields: object) -> Record:
    return Record(
        event_id=event_id or new_event_id(),
        tenant="acme",
        kind=kind,
        recorded_at=datetime.now(UTC),
        fields=fields_for(kind, **fields),
        sealed=EncryptedFields(subject="someone", prompt="a prompt"),
        workflow_id=f"inf.acme.{secrets.token_hex(8)}",
        run_id="run",
    )


def a_reservation(caller: str, tokens: int = 100, limit: int = LIMIT) -> Reservation:
    return Reservation(new_event_id(), "acme", caller, tokens, limit)


async def state(ledger: Ledger, caller: str) -> tuple[int, int]:
    quota = await ledger.quota("acme", caller, LIMIT)
    return quota.used, quota.reserved


async def test_an_admission_reserves_and_records(ledger: Ledger, caller: str) -> None:
    record = a_record()
    admitted = await ledger.admit(a_reservation(caller), record)
    assert isinstance(admitted, Admitted)
    assert admitted.appended.event_id == record.event_id
    assert admitted.appended.recorded_at == record.recorded_at
    assert not admitted.appended.repeated
    assert await state(ledger, caller) == (0, 100)


async def test_a_repeated_admission_reserves_once(ledger: Ledger, caller: str) -> None:
    reservation, record = a_reservation(caller), a_record()
    first = await ledger.admit(reservation, record)
    again = await ledger.admit(reservation, replace(record, recorded_at=datetime.now(UTC)))
    assert isinstance(first, Admitted)
    assert isinstance(again, Admitted)
    assert again.appended == replace(first.appended, repeated=True)
    assert await state(ledger, caller) == (0, 100)


async def test_a_spent_budget_reserves_and_records_nothing(ledger: Ledger, caller: str) -> None:
    await ledger.admit(a_reservation(caller, 950), a_record())
    reservation, record = a_reservation(caller, 51), a_record()
    refused = await ledger.admit(reservation, record)
    assert isinstance(refused, QuotaSpent)
    assert (refused.quota.limit, refused.quota.used, refused.quota.reserved) == (LIMIT, 0, 950)
    assert 0 < refused.quota.resets_in <= 86_400
    assert await state(ledger, caller) == (0, 950)
    assert not (await ledger.append(record)).repeated


async def test_exactly_the_limit_fits(ledger: Ledger, caller: str) -> None:
    assert isinstance(await ledger.admit(a_reservation(caller, LIMIT), a_record()), Admitted)
    assert isinstance(await ledger.admit(a_reservation(caller, 1), a_record()), QuotaSpent)


async def test_a_repeat_is_admitted_though_the_budget_is_spent_by_now(ledger: Ledger, caller: str) -> None:
    reservation, record = a_reservation(caller, LIMIT), a_record()
    await ledger.admit(reservation, record)
    again = await ledger.admit(reservation, record)
    assert isinstance(again, Admitted)
    assert again.appended.repeated


async def test_settling_charges_what_was_used(ledger: Ledger, caller: str) -> None:
    reservation = a_reservation(caller)
    await ledger.admit(reservation, a_record())
    closed = await ledger.close(reservation.reservation_id, 40, a_record(EventKind.COMPLETED))
    assert not closed.repeated
    assert await state(ledger, caller) == (40, 0)


async def test_usage_above_the_reservation_is_charged_in_full(ledger: Ledger, caller: str) -> None:
    reservation = a_reservation(caller, LIMIT)
    await ledger.admit(reservation, a_record())
    await ledger.close(reservation.reservation_id, LIMIT + 500, a_record(EventKind.COMPLETED))
    assert await state(ledger, caller) == (LIMIT + 500, 0)
    assert isinstance(await ledger.admit(a_reservation(caller, 1), a_record()), QuotaSpent)


async def test_a_refund_gives_everything_back(ledger: Ledger, caller: str) -> None:
    reservation = a_reservation(caller)
    await ledger.admit(reservation, a_record())
    await ledger.close(reservation.reservation_id, 0, a_record(EventKind.FAILED))
    assert await state(ledger, caller) == (0, 0)


async def test_usage_that_arrives_after_the_refund_is_charged_once(ledger: Ledger, caller: str) -> None:
    reservation = a_reservation(caller)
    await ledger.admit(reservation, a_record())
    await ledger.close(reservation.reservation_id, 0, a_record(EventKind.CANCELLED))
    late = a_record(EventKind.COMPLETED)
    for _ in range(2):
        await ledger.close(reservation.reservation_id, 70, late)
    assert await state(ledger, caller) == (70, 0)


async def test_a_settled_reservation_is_not_settled_again(ledger: Ledger, caller: str) -> None:
    reservation = a_reservation(caller)
    await ledger.admit(reservation, a_record())
    await ledger.close(reservation.reservation_id, 40, a_record(EventKind.COMPLETED))
    await ledger.close(reservation.reservation_id, 90, a_record(EventKind.COMPLETED))
    await ledger.close(reservation.reservation_id, 0, a_record(EventKind.CANCELLED))
    assert await state(ledger, caller) == (40, 0)


async def test_a_repeated_close_gives_the_stored_row(ledger: Ledger, caller: str) -> None:
    reservation, outcome = a_reservation(caller), a_record(EventKind.COMPLETED)
    await ledger.admit(reservation, a_record())
    first = await ledger.close(reservation.reservation_id, 40, outcome)
    again = await ledger.close(reservation.reservation_id, 40, replace(outcome, recorded_at=datetime.now(UTC)))
    assert again == replace(first, repeated=True)
    assert await state(ledger, caller) == (40, 0)


async def test_of_two_outcomes_the_first_committed_wins(ledger: Ledger, caller: str) -> None:
    reservation, outcome = a_reservation(caller), a_record(EventKind.CANCELLED)
    await ledger.admit(reservation, a_record())
    await ledger.close(reservation.reservation_id, 0, outcome)
    with pytest.raises(RecordConflict) as conflict:
        await ledger.close(reservation.reservation_id, 40, a_record(EventKind.COMPLETED, outcome.event_id))
    assert (conflict.value.event_id, conflict.value.kind) == (outcome.event_id, "cancelled")
    assert await state(ledger, caller) == (0, 0)


async def test_outcomes_that_race_leave_one_outcome_and_one_charge(ledger: Ledger, caller: str) -> None:
    reservation = a_reservation(caller)
    await ledger.admit(reservation, a_record())
    event = new_event_id()
    charges = [11, 12, 13, 14, 15, 16]
    outcomes = await asyncio.gather(
        *(
            ledger.close(reservation.reservation_id, n, a_record(EventKind.COMPLETED, event, prompt_tokens=n))
            for n in charges
        ),
        return_exceptions=True,
    )
    won = [n for n, outcome in zip(charges, outcomes, strict=True) if not isinstance(outcome, BaseException)]
    assert len(won) == 1
    assert all(isinstance(o, RecordConflict) for o in outcomes if isinstance(o, BaseException))
    assert await state(ledger, caller) == (won[0], 0)


async def test_an_admission_with_other_content_conflicts(ledger: Ledger, caller: str) -> None:
    reservation, record = a_reservation(caller), a_record()
    await ledger.admit(reservation, record)
    with pytest.raises(RecordConflict):
        await ledger.admit(reservation, a_record(event_id=record.event_id, score=0.5))
    assert await state(ledger, caller) == (0, 100)


async def test_closing_without_a_reservation_records_only(ledger: Ledger, caller: str) -> None:
    closed = await ledger.close(None, 0, a_record(EventKind.REFUSED))
    assert not closed.repeated
    assert await state(ledger, caller) == (0, 0)


async def test_a_close_that_overtakes_its_admission_leaves_nothing_held(ledger: Ledger, caller: str) -> None:
    reservation = a_reservation(caller)
    await ledger.close(reservation.reservation_id, 0, a_record(EventKind.CANCELLED))
    with pytest.raises(Refusal) as refused:
        await ledger.admit(reservation, a_record())
    assert refused.value.kind is Kind.INTERNAL
    assert await state(ledger, caller) == (0, 0)


async def test_usage_without_a_reservation_is_an_error(ledger: Ledger) -> None:
    with pytest.raises(Refusal) as refused:
        await ledger.close(new_event_id(), 5, a_record(EventKind.COMPLETED))
    assert refused.value.kind is Kind.INTERNAL


async def test_a_reservation_is_the_callers_own(ledger: Ledger, caller: str) -> None:
    reservation = a_reservation(caller)
    await ledger.admit(reservation, a_record())
    for stranger in (replace(reservation, caller="f" * 32), replace(reservation, tenant="globex")):
        with pytest.raises(Refusal) as refused:
            await ledger.admit(stranger, replace(a_record(), tenant=stranger.tenant))
        assert refused.value.kind is Kind.INTERNAL
    with pytest.raises(Refusal):
        await ledger.close(reservation.reservation_id, 7, replace(a_record(EventKind.COMPLETED), tenant="globex"))
    assert await state(ledger, caller) == (0, 100)


async def test_parallel_admissions_never_overspend(ledger: Ledger, caller: str) -> None:
    outcomes = await asyncio.gather(*(ledger.admit(a_reservation(caller, 30), a_record()) for _ in range(50)))
    assert sum(isinstance(outcome, Admitted) for outcome in outcomes) == LIMIT // 30
    assert await state(ledger, caller) == (0, LIMIT // 30 * 30)


async def test_the_books_balance_under_duplicates(ledger: Ledger, caller: str) -> None:
    dice = random.Random(7)  # noqa: S311 - the same every time
    charged = 0

    def twice(call: Callable[[], object]) -> list[object]:
        return [call() for _ in range(2 if dice.random() < 0.2 else 1)]

    async def one_run() -> int:
        reservation, admission = a_reservation(caller, 50), a_record()
        answers = await asyncio.gather(*twice(lambda: ledger.admit(reservation, admission)))
        if all(isinstance(answer, QuotaSpent) for answer in answers):
            return 0
        actual = dice.choice([0, 10, 60])
        outcome = a_record(EventKind.COMPLETED if actual else EventKind.FAILED)
        await asyncio.gather(*twice(lambda: ledger.close(reservation.reservation_id, actual, outcome)))
        return actual

    for _ in range(2):
        charged += sum(await asyncio.gather(*(one_run() for _ in range(30))))
        assert await state(ledger, caller) == (charged, 0)


async def test_appending_is_exactly_once(ledger: Ledger) -> None:
    record = a_record(EventKind.REFUSED, refusal="missing-token")
    answers = await asyncio.gather(*(ledger.append(record) for _ in range(10)))
    assert sorted(answer.repeated for answer in answers) == [False] + [True] * 9
    assert len({answer.digest for answer in answers}) == 1
    with pytest.raises(RecordConflict):
        await ledger.append(a_record(EventKind.REFUSED, record.event_id, refusal="forbidden"))


async def test_callers_and_tenants_have_budgets_of_their_own(ledger: Ledger, caller: str) -> None:
    await ledger.admit(a_reservation(caller, LIMIT), a_record())
    other = replace(a_reservation(caller, LIMIT), tenant="globex")
    assert isinstance(await ledger.admit(other, replace(a_record(), tenant="globex")), Admitted)
    assert isinstance(await ledger.admit(a_reservation("0" * 32 + caller, 1), a_record()), Admitted)


async def test_the_digest_that_is_being_stored_is_told_meanwhile(ledger: Ledger) -> None:
    told = []

    async def meanwhile(digest: bytes) -> None:
        told.append(digest)

    wanted = a_record(EventKind.COMPLETED)
    first = await ledger.close(None, 0, wanted, meanwhile)
    assert told == [first.digest]
    again = await ledger.close(None, 0, wanted, meanwhile)
    assert (again.repeated, again.digest) == (True, first.digest)


async def test_an_outcome_is_stored_once_though_what_went_on_meanwhile_failed(ledger: Ledger) -> None:
    async def fails(_: bytes) -> None:
        raise Refusal(Kind.VAULT_UNAVAILABLE, "away")

    wanted = a_record(EventKind.COMPLETED)
    with pytest.raises(Refusal):
        await ledger.close(None, 0, wanted, fails)
    kept = await ledger.close(None, 0, wanted)
    assert kept.digest
