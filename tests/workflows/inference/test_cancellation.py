"""A run that is cancelled or withdrawn, whatever it was doing, ends: recorded once, with nothing left reserved."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError, WorkflowUpdateStage
from temporalio.exceptions import CancelledError

from activities.contracts import names
from activities.failure_interceptor import _FailingByKind
from activities.failures import failure_for
from assay_temporal import start_context
from assay_temporal.contracts import WORKFLOW, InferenceResult, SignedRequest, Withdrawal
from config.settings import Settings, TemporalSettings
from domain.identity import caller_hash
from domain.records.records import EventKind
from domain.refusals import Kind
from tests.workflows.conftest import Bench
from worker.build import build_worker

BODY = {"model": "fake", "prompt": "Hello"}
GUARDS = [names.VALIDATE_REQUEST, names.SANITISE_PROMPT, names.SCREEN_PROMPT, names.ADMIT_REQUEST, names.SCREEN_OUTPUT]
Interrupt = Callable[[WorkflowHandle], Awaitable[Any]]


class Gate:
    """Stops a stage. A short one is away at first, which makes it a regular activity, and waits at the second call."""

    def __init__(self, stage: str, waits_at: int = 2) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        self._stage = stage
        self._waits_at = waits_at
        self._calls = 0

    async def __call__(self) -> None:
        if activity.info().activity_type != self._stage:
            return
        self._calls += 1
        if self._calls < self._waits_at:
            raise failure_for(Kind.STORE_UNAVAILABLE)
        if self._calls == self._waits_at:
            self.reached.set()
            await self.opened.wait()


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> Callable[[Gate], Gate]:
    def install(gate: Gate) -> Gate:
        real = _FailingByKind.execute_activity

        async def execute(self: _FailingByKind, given: Any) -> Any:
            await gate()
            return await real(self, given)

        monkeypatch.setattr(_FailingByKind, "execute_activity", execute)
        return gate

    return install


def cancel(handle: WorkflowHandle) -> Awaitable[None]:
    return handle.cancel()


def withdraw(handle: WorkflowHandle) -> Awaitable[Any]:
    return handle.start_update(
        "withdraw", Withdrawal("operator"), wait_for_stage=WorkflowUpdateStage.ACCEPTED, result_type=str
    )


async def until(handle: WorkflowHandle, event: "EventType.ValueType") -> None:
    async with asyncio.timeout(20):
        while event not in {found.event_type for found in (await handle.fetch_history()).events}:
            await asyncio.sleep(0.02)


async def end_of(handle: WorkflowHandle) -> str:
    """Return the outcome of the run."""
    try:
        return str((await handle.result()).status)
    except WorkflowFailureError as error:
        return "cancelled" if isinstance(error.cause, CancelledError) else repr(error.cause)


async def budget(bench: Bench) -> tuple[int, int]:
    caller = caller_hash(await bench.identity.tenant_key("acme"), "acme", "app", "alice", issuer=None)
    quota = await bench.ledger.quota("acme", caller, 1000)
    return quota.used, quota.reserved


def kinds(bench: Bench, handle: WorkflowHandle) -> list[EventKind]:
    return [record.kind for record in bench.records(handle.id)]


@pytest.mark.parametrize("interrupt", [cancel, withdraw])
@pytest.mark.parametrize("stage", GUARDS, ids=lambda stage: stage.name)
async def test_a_run_that_is_interrupted_in_a_guard_ends_there(
    bench: Bench, gated: Callable[[Gate], Gate], stage: names.Stage, interrupt: Interrupt
):
    """It ignores the cancellation, and succeeds. One that fails is a recorded run: see tests/replay/branches.py."""
    gate = gated(Gate(stage.name))
    with bench.env.auto_time_skipping_disabled():
        handle = await bench.start(BODY)
        await gate.reached.wait()
        await interrupt(handle)
        await until(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED)
        gate.opened.set()
        assert await end_of(handle) == "cancelled"
    asked = stage is names.SCREEN_OUTPUT
    admitted = asked or stage is names.ADMIT_REQUEST
    assert kinds(bench, handle) == [EventKind.ADMITTED] * admitted + [EventKind.CANCELLED]
    assert await budget(bench) == (12 if asked else 0, 0), "an answer that came is paid for"
    assert len(bench.model.calls) == asked


@pytest.mark.parametrize("interrupt", [cancel, withdraw])
async def test_a_run_that_is_interrupted_while_the_model_is_asked_pays_for_its_prompt(
    bench: Bench, gated: Callable[[Gate], Gate], interrupt: Interrupt
):
    gate = gated(Gate(names.INVOKE_MODEL.name, waits_at=1))
    with bench.env.auto_time_skipping_disabled():
        handle = await bench.start(BODY)
        await gate.reached.wait()
        await interrupt(handle)
        await until(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED)
        gate.opened.set()  # the call goes on, and its next heartbeat hears of the cancellation, or it answers first
        assert await end_of(handle) == "cancelled"
    assert kinds(bench, handle) == [EventKind.ADMITTED, EventKind.CANCELLED]
    used, reserved = await budget(bench)
    assert used > 0
    assert reserved == 0


async def test_a_run_that_is_cancelled_while_it_closes_keeps_its_outcome(bench: Bench, gated: Callable[[Gate], Gate]):
    gate = gated(Gate(names.CLOSE_REQUEST.name))
    with bench.env.auto_time_skipping_disabled():
        handle = await bench.start(BODY)
        await gate.reached.wait()
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("withdraw", Withdrawal("operator"))
        await handle.cancel()
        gate.opened.set()
        assert await end_of(handle) == "completed"
    assert kinds(bench, handle) == [EventKind.ADMITTED, EventKind.COMPLETED]
    assert await budget(bench) == (12, 0)


@pytest.mark.parametrize("interrupt", [cancel, withdraw])
async def test_a_run_that_is_interrupted_again_and_again_ends_once(
    bench: Bench, gated: Callable[[Gate], Gate], interrupt: Interrupt
):
    gate = gated(Gate(names.ADMIT_REQUEST.name))
    with bench.env.auto_time_skipping_disabled():
        handle = await bench.start(BODY)
        await gate.reached.wait()
        for _ in range(3):
            await interrupt(handle)
        await until(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED)
        gate.opened.set()
        assert await end_of(handle) == "cancelled"
    assert kinds(bench, handle) == [EventKind.ADMITTED, EventKind.CANCELLED]
    assert await budget(bench) == (0, 0)


async def test_a_run_that_is_cancelled_before_its_first_task_is_recorded_and_reserves_nothing(bench: Bench):
    context = await bench.context(BODY)
    elsewhere = "no-worker-yet"
    handle = await bench.env.client.start_workflow(
        WORKFLOW,
        SignedRequest(BODY, await start_context.sign(context, bench.keyring)),
        id=context.workflow_id,
        task_queue=elsewhere,
        result_type=InferenceResult,
    )
    await handle.cancel()
    settings = Settings(temporal=TemporalSettings(task_queue=elsewhere))
    async with build_worker(bench.env.client, settings, bench.ports):
        assert await end_of(handle) == "cancelled"
    assert kinds(bench, handle) == [EventKind.CANCELLED]
    assert bench.model.calls == []
