"""Time-outs of model calls: the model's own, recorded by the run's first stage, and never paid for twice."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from adapters.system.policy_files import load_policy_document
from tests.gateway import write_policies
from tests.workflows.conftest import Bench
from workflows import timing

WITH_FALLBACK = {"model": "fake-with-fallback", "prompt": "Hello"}


async def never() -> None:
    await asyncio.Event().wait()


@pytest.fixture
async def bench_of(bench: Bench, tmp_path: Path) -> Any:
    """A bench whose models have these time-outs, by alias."""

    async def made(**timeouts: dict[str, float]) -> Bench:
        folder = tmp_path / "slow"
        write_policies(folder)
        path = folder / "models.yaml"
        models = yaml.safe_load(path.read_text())
        for model in models["models"]:
            if (own := timeouts.get(model["alias"].replace("-", "_"))) is not None:
                model["timeouts"] = own
        path.write_text(yaml.safe_dump(models))
        bench.policy = await bench.policies.put(load_policy_document(folder, {}))
        return bench

    return made


async def calls_of_models(handle: WorkflowHandle[Any, Any]) -> list[tuple[timedelta, timedelta]]:
    """The time-outs of each call that the history shows: for an attempt, and in all."""
    events = [event async for event in handle.fetch_history_events()]
    scheduled = [event.activity_task_scheduled_event_attributes for event in events]
    return [
        (asked.start_to_close_timeout.ToTimedelta(), asked.schedule_to_close_timeout.ToTimedelta())
        for asked in scheduled
        if asked.activity_type.name == "invoke_model"
    ]


async def test_the_run_takes_its_lengths_from_the_models_time_out(bench_of: Any) -> None:
    bench = await bench_of(fake={"total": 3600})
    handle = await bench.start({"model": "fake", "prompt": "Hello"})
    assert (await handle.result()).status == "completed"
    assert await calls_of_models(handle) == [(timedelta(seconds=3610), timedelta(hours=3))]
    assert [call.model.timeouts.total for call in bench.model.calls] == [3600]


async def test_a_model_without_a_time_out_has_the_lengths_of_before(bench: Bench) -> None:
    handle = await bench.start({"model": "fake", "prompt": "Hello"})
    await handle.result()
    common = timing.model_call(None)
    assert await calls_of_models(handle) == [(common.attempt, common.total)]


async def test_a_call_that_times_out_is_made_once(bench_of: Any) -> None:
    bench = await bench_of(fake={"total": 1})
    bench.model.script = [never, "the answer that would be paid for again"]
    handle = await bench.start({"model": "fake", "prompt": "Hello"})
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "provider-timeout"
    assert len(bench.model.calls) == 1
    _, failed = bench.records(handle.id)
    assert failed.fields.refusal == "provider-timeout"


async def test_the_fallback_is_asked_after_one_time_out_and_has_its_own(bench_of: Any) -> None:
    bench = await bench_of(fake_with_fallback={"total": 1}, fake={"total": 600})
    bench.model.script = [never, "from the second"]
    handle = await bench.start(WITH_FALLBACK)
    result = await handle.result()
    assert (result.result.content, result.result.model) == ("from the second", "fake")
    assert [call.model.alias for call in bench.model.calls] == ["fake-with-fallback", "fake"]
    seconds, minutes = timing.model_call(1), timing.model_call(600)
    assert await calls_of_models(handle) == [(seconds.attempt, seconds.total), (minutes.attempt, minutes.total)]
