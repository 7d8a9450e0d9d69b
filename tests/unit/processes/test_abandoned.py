"""Handling of a run that may lack its outcome, by the state of engine and log."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from temporalio.testing import ActivityEnvironment

from activities.contracts import reconciliation
from activities.contracts.names import Stage
from activities.contracts.reconciliation import ClosedSuspects, Settled, Suspect, Suspects, SweepStart, SweepState
from activities.contracts.stages import Run
from activities.inference import evidence
from activities.inference.validate import ValidationActivities
from activities.reconciliation.sweep import OVERLAP, AbandonedActivities
from assay_temporal import start_context
from assay_temporal.start_context import StartContext
from domain.budgets.values import Reservation
from domain.identity import caller_hash, epoch_ms, event_id, run_id
from domain.inference.parsing import request_hash
from domain.inference.runs import RecordedStart
from domain.records.fields import AdmittedFields, OutcomeFields, open_fields
from domain.records.reconciliation import Beginning, ClosedRun, ClosedRuns, EngineState, kind_for
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Kind, Refusal
from services.access import role_access
from services.policies.parsed import Policies
from tests.doubles.clock import FixedClock
from tests.doubles.events import fields_for
from tests.doubles.gaps import MemoryGaps
from tests.doubles.keys import FixedIdentity, FixedKeyRing
from tests.doubles.ledger import MemoryLedger
from tests.doubles.stores import MemoryPolicies, MemoryTeams
from workflows.reconciliation import settle_abandoned

STARTED = datetime(2026, 3, 1, 11, 0, 0, 123_456, tzinfo=UTC)
BODY = {"model": "fake", "prompt": "Hello"}


@dataclass
class Engine:
    """A ``RunLists`` of given runs of one workflow, the newest last."""

    runs: dict[str, EngineState] = field(default_factory=dict)
    beginnings: dict[str, Beginning] = field(default_factory=dict)
    asked_since: datetime | None = None
    stuck: frozenset[str] = frozenset()

    async def end_stuck(self, workflow_id: str, run_id: str) -> bool:
        if run_id in self.stuck:
            self.runs[run_id] = EngineState.TERMINATED
        return run_id in self.stuck

    async def closed(self, since: datetime | None, page: bytes, most: int) -> ClosedRuns:
        self.asked_since = since
        ended = [run for run, state in self.runs.items() if state is not EngineState.OPEN]
        first = int(page or b"0")
        listed = tuple(ClosedRun(WORKFLOW_ID, run, STARTED) for run in ended[first : first + 1])
        return ClosedRuns(listed, str(first + 1).encode() if first + 1 < len(ended) else None)

    async def newest(self, workflow_id: str) -> str | None:
        return list(self.runs)[-1] if self.runs else None

    async def state(self, workflow_id: str, run_id: str) -> EngineState:
        return self.runs.get(run_id, EngineState.GONE)

    async def beginning(self, workflow_id: str, run_id: str) -> Beginning | None:
        return self.beginnings.get(run_id)


KEYRING, IDENTITY = FixedKeyRing("acme", "system"), FixedIdentity()
WORKFLOW_ID = run_id(b"0" * 32, "acme", "someone", secrets.token_hex(8))


class NoStarts:
    """A ``RunStarts`` that must not be asked: the start of an ended run is the engine's already."""

    async def start_of(self, workflow_id: str, run_id: str) -> RecordedStart | None:
        raise AssertionError


class Bench:
    """The activities over doubles."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.ledger = MemoryLedger(self.clock)
        self.gaps = MemoryGaps(self.ledger)
        self.engine = Engine()
        validation = ValidationActivities(
            *(KEYRING, Policies(MemoryPolicies()), IDENTITY, MemoryTeams(), role_access()), NoStarts(), self.clock
        )
        self.activities = AbandonedActivities(self.engine, self.gaps, self.ledger, validation, self.clock)

    async def begins(self, run: str, state: EngineState, *identities: str, argument: Any = None) -> None:
        self.engine.runs[run] = state
        signed = await signed_start() if argument is None else argument
        self.engine.beginnings[run] = Beginning(STARTED, identities or (run,), signed)

    async def reserves(self, run: str, calls: int = 0) -> UUID:
        """Admit a run, and begin calls of its model."""
        of = Run("acme", "c" * 32, WORKFLOW_ID, run, epoch_ms(STARTED), "", "")
        reservation = evidence.event_of(of, evidence.RESERVATION)
        await self.ledger.admit(
            Reservation(reservation, "acme", "c" * 32, 100, 1000),
            Record(
                *(evidence.event_of(of, evidence.ADMISSION), "acme", EventKind.ADMITTED, STARTED),
                *(AdmittedFields(caller="c" * 32, reserved_tokens=100), EncryptedFields(), WORKFLOW_ID, run),
            ),
        )
        for _ in range(calls):
            await self.ledger.begin_call(reservation, "acme", 8)
        return reservation

    async def settle(self, run: str, **suspect: Any) -> Settled:
        given = Suspects((Suspect(WORKFLOW_ID, run, **suspect),))
        return await ActivityEnvironment().run(self.activities.settle_runs, given)

    def outcomes(self) -> list[tuple[str, str | None, EventKind, str | None]]:
        return [
            (r.tenant, r.run_id, r.kind, open_fields(r.fields).get("refusal")) for r in self.ledger.records.values()
        ]


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def signed_start() -> dict[str, Any]:
    context = StartContext(
        tenant="acme",
        subject="alice",
        client_id="app",
        roles=("ai_operator",),
        workflow_id=WORKFLOW_ID,
        request_hash=request_hash(BODY),
        policy="0" * 64,
        expires_at=int(STARTED.timestamp()) + 60,
    )
    return {"request": BODY, "context": await start_context.sign(context, KEYRING, countersigner="system")}


def own_record(run: str, kind: EventKind, tenant: str = "acme", slot: str = "outcome") -> Record:
    event = event_id(epoch_ms(STARTED), tenant, WORKFLOW_ID, run, slot)
    return Record(event, tenant, kind, STARTED, fields_for(kind), EncryptedFields(), WORKFLOW_ID, run)


async def test_whose_run_it_was_is_told_by_its_signed_start(bench: Bench):
    await bench.begins("r1", EngineState.TERMINATED)
    assert await bench.settle("r1") == Settled(1, 0)
    [record] = bench.ledger.records.values()
    assert bench.outcomes() == [("acme", "r1", EventKind.FAILED, "run-terminated")]
    key = await IDENTITY.tenant_key("acme")
    assert record.fields.caller == caller_hash(key, "acme", "app", "alice", issuer=None)
    assert (record.sealed.subject, record.sealed.prompt, record.sealed.answer) == ("alice", None, None)


@pytest.mark.parametrize("argument", [{"request": BODY, "context": "forged"}, {}, "anything", []])
async def test_a_start_that_proves_nothing_is_nobodys(bench: Bench, argument: Any):
    await bench.begins("r1", EngineState.TERMINATED, argument=argument)
    await bench.settle("r1")
    assert bench.outcomes() == [("system", "r1", EventKind.FAILED, "run-terminated")]


@pytest.mark.parametrize("tenant", ["acme", "system"])
async def test_an_outcome_of_its_own_stands_whoevers_it_is(bench: Bench, tenant: str):
    await bench.begins("r1", EngineState.COMPLETED)
    await bench.ledger.append(own_record("r1", EventKind.REFUSED, tenant))
    assert await bench.settle("r1") == Settled(0, 0)
    assert len(bench.ledger.records) == 1


async def test_a_repeat_changes_nothing_though_the_clock_goes_on(bench: Bench):
    await bench.begins("r1", EngineState.TIMED_OUT)
    await bench.settle("r1")
    before = dict(bench.ledger.records)
    bench.clock.advance(3600)
    assert await bench.settle("r1") == Settled(0, 0)
    assert bench.ledger.records == before


async def test_a_run_whose_tasks_keep_failing_is_ended_once_its_reservation_is_old(bench: Bench):
    await bench.begins("run", EngineState.OPEN)
    reservation = await bench.reserves("run", calls=2)
    assert await bench.settle("run", reservation_id=str(reservation)) == Settled(0, 0)
    bench.engine.stuck = frozenset({"run"})
    assert await bench.settle("run") == Settled(0, 0)
    assert bench.engine.runs["run"] is EngineState.OPEN
    assert await bench.settle("run", reservation_id=str(reservation)) == Settled(0, 0)
    assert await bench.settle("run", reservation_id=str(reservation)) == Settled(1, 0)
    assert bench.outcomes()[-1] == ("acme", "run", EventKind.FAILED, "run-terminated")
    [outcome] = [record for record in bench.ledger.records.values() if record.kind is EventKind.FAILED]
    assert (outcome.fields.prompt_tokens, outcome.fields.usage_estimated) == (100, True)  # a call had begun


async def test_an_end_without_a_tenant_leaves_the_reservation_to_the_sweep(bench: Bench):
    """Such an end is recorded when no proof is accepted any more."""
    await bench.begins("run", EngineState.FAILED)
    reservation = await bench.reserves("run")
    strange = Run("system", "", WORKFLOW_ID, "run", epoch_ms(STARTED), "", "")
    await bench.ledger.append(
        Record(
            *(evidence.event_of(strange, evidence.OUTCOME), "system", EventKind.FAILED, STARTED),
            *(OutcomeFields(refusal="unproven-stage"), EncryptedFields(), WORKFLOW_ID, "run"),
        )
    )
    assert await bench.settle("run", reservation_id=str(reservation)) == Settled(1, 0)
    assert (await bench.ledger.quota("acme", "c" * 32, 1000)).reserved == 0


async def test_an_open_run_is_left_alone(bench: Bench):
    await bench.begins("r1", EngineState.OPEN)
    assert await bench.settle("r1") == Settled(0, 0)
    assert bench.outcomes() == []


@pytest.mark.parametrize(
    ("identities", "settled"), [(("r1",), []), (("r1", "r2"), ["r1"])], ids=["as the run before", "as its own"]
)
async def test_a_run_that_was_reset_goes_on(bench: Bench, identities: tuple[str, ...], settled: list[str]):
    await bench.begins("r1", EngineState.TERMINATED)
    await bench.begins("r2", EngineState.OPEN, *identities)
    await bench.settle("r1")
    assert [run for _, run, *_ in bench.outcomes()] == settled


async def test_runs_that_were_reset_and_ended_unadmitted_have_the_outcome_of_the_first_identity(bench: Bench):
    await bench.begins("r1", EngineState.TERMINATED)
    await bench.begins("r2", EngineState.TERMINATED, "r1")
    await bench.begins("r3", EngineState.TERMINATED, "r1", "r3")
    assert await bench.settle("r3") == Settled(1, 0)
    assert await bench.settle("r2") == await bench.settle("r1") == Settled(0, 0)
    assert {run for _, run, *_ in bench.outcomes()} == {"r1"}


async def test_what_is_known_by_its_reservation_alone_is_recorded_and_refunded(bench: Bench):
    id_ = event_id(epoch_ms(STARTED), "acme", WORKFLOW_ID, "r1", "reservation")
    await bench.ledger.admit(
        Reservation(id_, "acme", "a-caller", 10, 100), own_record("r1", EventKind.ADMITTED, slot="admission")
    )
    found = await ActivityEnvironment().run(bench.activities.find_held, SweepState(0))
    assert found.suspects == (Suspect(WORKFLOW_ID, "r1", str(id_), "acme", "a-caller"),)
    assert found.after is None
    assert await ActivityEnvironment().run(bench.activities.settle_runs, Suspects(found.suspects)) == Settled(1, 0)
    quota = await bench.ledger.quota("acme", "a-caller", 100)
    assert (quota.used, quota.reserved) == (0, 0)
    assert bench.outcomes()[-1] == ("acme", "r1", EventKind.FAILED, "run-terminated")


async def test_one_that_was_deleted_and_had_reserved_nothing_is_nothing_to_record(bench: Bench):
    assert await bench.settle("r1") == Settled(0, 0)


async def test_one_that_cannot_be_recorded_holds_up_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    await bench.begins("r1", EngineState.TERMINATED)
    await bench.begins("r2", EngineState.TERMINATED)
    real = bench.ledger.close

    async def erased(reservation: UUID | None, tokens: int, record: Record) -> Any:
        if record.run_id == "r1":
            raise Refusal(Kind.FORBIDDEN, "its tenant's key was erased")
        return await real(reservation, tokens, record)

    monkeypatch.setattr(bench.ledger, "close", erased)
    given = Suspects((Suspect(WORKFLOW_ID, "r1"), Suspect(WORKFLOW_ID, "r2")))
    assert await ActivityEnvironment().run(bench.activities.settle_runs, given) == Settled(1, 1)


async def test_a_store_that_is_away_is_waited_for(bench: Bench):
    await bench.begins("r1", EngineState.TERMINATED)
    bench.ledger.outage = Refusal(Kind.STORE_UNAVAILABLE, "away")
    with pytest.raises(Refusal, match="away"):
        await bench.settle("r1")
    bench.ledger.outage = None
    assert await bench.settle("r1") == Settled(1, 0)


async def test_a_list_is_read_page_by_page_and_what_is_recorded_is_no_suspect(bench: Bench):
    for run in ("r1", "r2", "r3"):
        await bench.begins(run, EngineState.TERMINATED)
    await bench.ledger.append(own_record("r2", EventKind.COMPLETED))
    look, found = SweepState(0), []
    while look.page is not None:
        page = await ActivityEnvironment().run(bench.activities.find_closed, look)
        found += [suspect.run_id for suspect in page.suspects]
        look = SweepState(0, page=page.page)
    assert found == ["r1", "r3"]


async def test_a_look_goes_back_a_little_beyond_the_last(bench: Bench):
    assert (await ActivityEnvironment().run(bench.activities.begin_look, SweepStart(5))).since_ms is None
    await ActivityEnvironment().run(bench.activities.end_look, SweepStart(epoch_ms(STARTED)))
    look = await ActivityEnvironment().run(bench.activities.begin_look, SweepStart(6))
    await ActivityEnvironment().run(bench.activities.find_closed, look)
    assert bench.engine.asked_since == STARTED.replace(microsecond=123_000) - OVERLAP
    assert timedelta(minutes=1) < OVERLAP, "lists follow by moments"


async def test_a_look_that_states_a_start_in_the_future_begins_now(bench: Bench):
    """Otherwise a held look would store a mark after runs that it did not see."""
    future = epoch_ms(datetime(2100, 1, 1, tzinfo=UTC))
    look = await ActivityEnvironment().run(bench.activities.begin_look, SweepStart(future))
    assert look.began_ms == epoch_ms(bench.clock.now())
    before = SweepStart(epoch_ms(STARTED))
    assert (await ActivityEnvironment().run(bench.activities.begin_look, before)).began_ms == before.at_ms


@pytest.mark.parametrize("pages", [0, -1])
@pytest.mark.parametrize("page", [None, ""])
async def test_a_look_reads_at_least_a_page_whatever_its_state_says(
    monkeypatch: pytest.MonkeyPatch, pages: int, page: str | None
):
    """With none it would continue as another run without end."""
    done, continued = [], []

    async def step(_: object, stage: Stage[Any, Any], *__: object) -> object:
        done.append(stage)
        return ClosedSuspects((), None)

    monkeypatch.setattr(settle_abandoned, "step", step)
    monkeypatch.setattr(settle_abandoned.workflow, "set_current_details", lambda _: None)
    monkeypatch.setattr(settle_abandoned.workflow, "continue_as_new", continued.append)
    await settle_abandoned.SettleAbandoned().run(SweepState(0, page=page, after=None, pages=pages))
    ended = page is None
    assert done == [*([] if ended else [reconciliation.FIND_CLOSED]), reconciliation.END_LOOK]
    assert [(state.page, state.after) for state in continued] == ([] if ended else [(None, None)])


def test_every_end_has_a_kind_but_an_open_run_has_none():
    kinds = {state: kind_for(state) for state in EngineState if state is not EngineState.OPEN}
    assert kinds[EngineState.CANCELLED] is Kind.RUN_CANCELLED
    assert {kinds[EngineState.TERMINATED], kinds[EngineState.TIMED_OUT], kinds[EngineState.GONE]} == {
        Kind.RUN_TERMINATED
    }
    assert {kinds[EngineState.FAILED], kinds[EngineState.COMPLETED]} == {Kind.INTERNAL}
    with pytest.raises(ValueError, match="open"):
        kind_for(EngineState.OPEN)
