"""A signed start begins at once or waits for a worker: no delay or schedule carries it past its expiry."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from temporalio.client import Schedule, ScheduleActionStartWorkflow, ScheduleSpec

from activities.contracts.stages import ValidateInput
from activities.failure_interceptor import as_failure
from activities.inference.validate import ValidationActivities
from assay_temporal import start_context
from assay_temporal.contracts import WORKFLOW, InferenceResult
from domain.identity import epoch_ms
from domain.inference.runs import RecordedStart
from domain.refusals import Kind, Refusal
from services.access import role_access
from services.policies.parsed import Policies
from tests.doubles.clock import FixedClock
from tests.replay.bench import BODY, RecordingBench, keyring
from tests.security.starts.attacker import end, scene, until_expired

REFUSED = ("refused", Kind.INVALID_CONTEXT.value)


def credulous() -> AbstractContextManager[Any]:
    """Wrong: the time that a run states is believed."""

    async def never(*_: Any) -> None:
        return None

    return patch.object(ValidationActivities, "_delayed", never)


def expiry(seconds: int) -> int:
    return int(datetime.now(UTC).timestamp()) + seconds


@pytest.mark.parametrize(
    ("variant", "ended"), [(credulous, ("completed", None)), (nullcontext, REFUSED)], ids=["wrong variant", "as it is"]
)
async def test_a_delayed_start_does_not_begin_after_its_expiry(
    bench: RecordingBench, variant: Callable[[], AbstractContextManager[Any]], ended: tuple[str, str | None]
):
    async with scene(bench) as made:
        expires_at = expiry(2)
        start = await made.start(expires_at=expires_at)
        with variant():
            run = await start.use(start_delay=timedelta(seconds=4))
            assert await end(run) == ended
        assert datetime.now(UTC).timestamp() > expires_at
        assert made.calls == int(ended[0] == "completed")


async def test_a_delayed_start_is_refused_within_its_life_as_well(bench: RecordingBench):
    async with scene(bench) as made:
        assert await end(await (await made.start()).use(start_delay=timedelta(seconds=3))) == REFUSED
        assert made.outcomes() == [("system", "refused", Kind.INVALID_CONTEXT.value)]


async def test_each_run_of_a_cron_schedule_is_refused(bench: RecordingBench):
    async with scene(bench) as made:
        start = await made.start()
        await start.use(cron_schedule="@every 1s")
        async with asyncio.timeout(30):
            while len(made.outcomes()) < 2:
                await asyncio.sleep(0.05)
        await bench.client.get_workflow_handle(start.workflow_id).terminate()
        assert set(made.outcomes()) == {("system", *REFUSED)}
        assert made.calls == 0


async def test_a_run_of_a_schedule_is_refused(bench: RecordingBench):
    """Temporal starts it under an ID of its own, which no context is signed for."""
    async with scene(bench) as made:
        start = await made.start()
        action = ScheduleActionStartWorkflow(
            WORKFLOW, start.signed, id=start.workflow_id, task_queue=start.queue, execution_timeout=timedelta(days=1)
        )
        schedule = await bench.client.create_schedule("part-2", Schedule(action=action, spec=ScheduleSpec()))
        await schedule.trigger()
        found = None
        while found is None:
            recent = (await schedule.describe()).info.recent_actions
            found = recent[0].action if recent else None
        handle = bench.client.get_workflow_handle(
            found.workflow_id, run_id=found.first_execution_run_id, result_type=InferenceResult
        )
        assert await end(handle) == REFUSED
        await schedule.delete()
        assert made.calls == 0


async def test_a_run_that_waits_for_a_worker_for_longer_than_its_contexts_life_completes(bench: RecordingBench):
    expires_at = expiry(2)
    async with scene(bench) as made:
        start = await made.start(expires_at=expires_at)
    run = await start.use()
    await until_expired(expires_at)
    async with scene(bench) as made:
        assert await end(run) == ("completed", None)
        assert made.calls == 1


class Engine:
    """A ``RunStarts`` that answers as told."""

    def __init__(self, answer: RecordedStart | Refusal | None) -> None:
        self._answer = answer

    async def start_of(self, workflow_id: str, run_id: str) -> RecordedStart | None:
        if isinstance(self._answer, Refusal):
            raise self._answer
        return self._answer


NOW = FixedClock().now()
AGO = timedelta(minutes=5)


async def validated(bench: RecordingBench, answer: RecordedStart | Refusal | None, ago: timedelta = AGO) -> Any:
    """The result of the first stage for a start so long ago."""
    context = await bench.context(BODY, expires_at=int((NOW - ago).timestamp()) + 60)
    signed = await start_context.sign(context, keyring(), countersigner="system")
    stores = (keyring(), Policies(bench.policies), bench.identity, bench.teams, role_access())
    activities = ValidationActivities(*stores, Engine(answer), FixedClock())
    return await activities.validate_request(
        ValidateInput(BODY, signed, context.workflow_id, "run", epoch_ms(NOW - ago))
    )


@pytest.mark.parametrize(
    "answer",
    [
        None,
        RecordedStart(NOW - AGO + timedelta(milliseconds=1), timedelta(0), cron=False),
        RecordedStart(NOW - timedelta(seconds=1), timedelta(0), cron=False),
        RecordedStart(NOW - AGO, timedelta(milliseconds=1), cron=False),
        RecordedStart(NOW - AGO, timedelta(0), cron=True),
    ],
    ids=["no such run", "a moment later", "just now", "delayed", "cron"],
)
async def test_a_late_start_is_refused_unless_the_engine_recorded_it_so(
    bench: RecordingBench, answer: RecordedStart | None
):
    problem = (await validated(bench, answer)).problem
    assert problem is not None
    assert problem.kind == Kind.INVALID_CONTEXT
    assert (await validated(bench, RecordedStart(NOW - AGO, timedelta(0), cron=False))).problem is None


async def test_a_start_is_not_refused_since_the_engine_does_not_answer(bench: RecordingBench):
    away = Refusal(Kind.ENGINE_UNAVAILABLE, "away")
    with pytest.raises(Refusal) as refused:
        await validated(bench, away)
    assert not as_failure(refused.value).non_retryable


async def test_a_start_at_once_asks_nothing(bench: RecordingBench):
    never = Refusal(Kind.ENGINE_UNAVAILABLE, "not to be asked")
    assert (await validated(bench, never, timedelta(seconds=1))).problem is None
