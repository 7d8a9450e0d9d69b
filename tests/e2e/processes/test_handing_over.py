"""A worker that stops hands its calls over. That is no failure of theirs, however often it happens."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from config.settings import Settings
from domain.records.records import EventKind
from domain.refusals import Kind
from tests.replay.bench import BODY, RecordingBench, bench_on, dev_server
from tests.workflows.conftest import unavailable


class NeverAnswers:
    """A step of the model's."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()

    async def __call__(self) -> Any:
        self.reached.set()
        await asyncio.Event().wait()


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Settings]:
    async with dev_server(tmp_path_factory.mktemp("temporal")) as settings:
        hasty = settings.worker.model_copy(update={"graceful_shutdown_seconds": 0.05})
        yield settings.model_copy(update={"worker": hasty})


@pytest.fixture
async def bench(server: Settings, tmp_path: Path) -> RecordingBench:
    return await bench_on(server, tmp_path)


async def stop_workers(bench: RecordingBench, hanging: list[NeverAnswers]) -> None:
    """One worker after the other gets the call, and stops."""
    for call in hanging:
        async with bench.working():
            await asyncio.wait_for(call.reached.wait(), 30)


async def test_five_workers_stop_and_the_sixth_has_the_answer(bench: RecordingBench):
    hanging = [NeverAnswers() for _ in range(5)]
    bench.model.script = [*hanging, "at last"]
    handle = await bench.start(BODY)
    await stop_workers(bench, hanging)
    async with bench.working():
        result = await handle.result()
    assert result.result is not None
    assert result.result.content == "at last"
    assert len(bench.model.calls) == 6
    assert len({call.call_id for call in bench.model.calls}) == 1, "to the provider it is one call"
    assert [record.kind for record in bench.ledger.records.values()] == [EventKind.ADMITTED, EventKind.COMPLETED]


async def test_attempts_that_failed_count_whatever_their_workers_did(bench: RecordingBench):
    fails = unavailable(Kind.PROVIDER_UNAVAILABLE)
    hanging = [NeverAnswers(), NeverAnswers()]
    bench.model.script = [fails, hanging[0], fails, hanging[1], fails, fails, "too late"]
    handle = await bench.start(BODY)
    await stop_workers(bench, hanging)
    async with bench.working():
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert caught.value.cause.type == "provider-unavailable"
    assert bench.model.script == ["too late"], "four attempts, as ever"
