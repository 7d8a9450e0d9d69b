"""Whoever waits gets the outcome from whoever knows it first, and everybody the same."""

import asyncio

import pytest

from api import run_views
from api.outcomes import Outcomes
from assay_temporal.contracts import Answer, InferenceResult
from domain.refusals import Kind, Refusal
from domain.runs import Status

RUN = "inf.acme." + "a" * 32
RESULT = InferenceResult(RUN, "completed", "allow", result=Answer("yes", "fake", "stop"))


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


def engine() -> "asyncio.Future":
    return asyncio.get_running_loop().create_future()


async def begun(outcomes: Outcomes, of_engine: asyncio.Future, stop: asyncio.Event | None = None) -> asyncio.Task:
    task = asyncio.create_task(outcomes.first(RUN, of_engine, stop or asyncio.Event()))
    while RUN not in outcomes._waiting:
        await asyncio.sleep(0)
    return task


async def test_a_worker_of_the_process_is_heard_before_the_engine(outcomes):
    of_engine = engine()
    waiting = await begun(outcomes, of_engine)
    outcomes.recorded(RESULT)
    assert (await waiting).result == RESULT
    assert of_engine.cancelled()
    assert outcomes.told(RUN).status is Status.COMPLETED
    assert outcomes._waiting == {}


async def test_everybody_who_waits_hears_it_and_so_does_who_comes_before_the_engine_knows(outcomes):
    first, second = engine(), engine()
    waiting = [await begun(outcomes, first), asyncio.create_task(outcomes.first(RUN, second, asyncio.Event()))]
    while len(outcomes._waiting[RUN]) < 2:
        await asyncio.sleep(0)
    outcomes.recorded(RESULT)
    assert [(await task).result for task in waiting] == [RESULT, RESULT]
    late = engine()
    assert (await outcomes.first(RUN, late, asyncio.Event())).result == RESULT
    assert late.cancelled()


async def test_the_engine_is_heard_where_no_worker_shares_the_process(outcomes):
    of_engine = engine()
    waiting = await begun(outcomes, of_engine)
    of_engine.set_result(run_views.ended(RUN, RESULT))
    assert (await waiting).result == RESULT
    assert outcomes.told(RUN) is None


async def test_an_outcome_that_was_told_stands_until_the_engine_must_have_learned_of_it():
    now = [0.0]
    outcomes = Outcomes(lambda: now[0])
    waiting = await begun(outcomes, engine())
    outcomes.recorded(RESULT)
    await waiting
    now[0] = 59.0
    assert outcomes.told(RUN).result == RESULT
    now[0] = 61.0
    assert outcomes.told(RUN) is None


async def test_only_so_many_outcomes_are_kept(outcomes):
    for number in range(257):
        name = f"inf.acme.{number:032d}"
        waiting = asyncio.create_task(outcomes.first(name, engine(), asyncio.Event()))
        while name not in outcomes._waiting:
            await asyncio.sleep(0)
        outcomes.recorded(InferenceResult(name, "completed", "allow", result=Answer("yes", "fake", "stop")))
        await waiting
    assert outcomes.told(f"inf.acme.{0:032d}") is None
    assert outcomes.told(f"inf.acme.{256:032d}").status is Status.COMPLETED


async def test_an_engine_that_is_away_is_an_error_for_who_has_heard_nothing(outcomes):
    of_engine = engine()
    waiting = await begun(outcomes, of_engine)
    of_engine.set_exception(Refusal(Kind.ENGINE_UNAVAILABLE, "away"))
    with pytest.raises(Refusal):
        await waiting


async def test_nobody_is_kept_waiting_by_a_process_that_stops(outcomes):
    of_engine, stop = engine(), asyncio.Event()
    waiting = await begun(outcomes, of_engine, stop)
    stop.set()
    assert (await waiting).running
    await asyncio.sleep(0)
    assert of_engine.cancelled()


async def test_who_gives_up_leaves_nothing_behind(outcomes):
    of_engine = engine()
    waiting = await begun(outcomes, of_engine)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    outcomes.recorded(RESULT)
    assert of_engine.cancelled()
    assert (outcomes._waiting, outcomes.told(RUN)) == ({}, None)
