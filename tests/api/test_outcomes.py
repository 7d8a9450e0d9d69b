"""Whoever waits gets the outcome from whoever knows it first, and everybody the same."""

import asyncio
import gc

import pytest

from api.inference import run_views
from api.inference.outcomes import Outcomes
from assay_temporal.contracts import Answer, InferenceResult
from domain.inference.runs import Status
from domain.refusals import Kind, Refusal

RUN = "inf.acme." + "a" * 32
RESULT = InferenceResult(RUN, "completed", "allow", result=Answer("yes", "fake", "stop"))


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


class Engine:
    """Temporal's word, when the test gives it."""

    def __init__(self) -> None:
        self.word: asyncio.Future = asyncio.get_running_loop().create_future()
        self.asked = 0

    async def ask(self) -> run_views.RunView:
        self.asked += 1
        return await self.word

    async def is_asked(self) -> None:
        async with asyncio.timeout(5):
            while not self.asked:
                await asyncio.sleep(0)


async def begun(outcomes: Outcomes, engine: Engine, name: str = RUN, after: float = 0.0) -> asyncio.Task:
    before = len(outcomes._waiting.get(name, ()))
    task = asyncio.create_task(outcomes.first(name, engine.ask, after))
    while len(outcomes._waiting.get(name, ())) == before:
        await asyncio.sleep(0)
    return task


async def test_a_worker_of_the_process_is_heard_before_the_engine(outcomes):
    engine = Engine()
    waiting = await begun(outcomes, engine)
    await engine.is_asked()
    outcomes.recorded(RESULT)
    assert (await waiting).result == RESULT
    await asyncio.sleep(0)
    assert engine.word.cancelled()
    assert outcomes.told(RUN).status is Status.COMPLETED
    assert outcomes._waiting == {}


async def test_the_engine_is_not_asked_before_its_time(outcomes):
    engine = Engine()
    waiting = await begun(outcomes, engine, after=3600)
    outcomes.recorded(RESULT)
    await waiting
    assert engine.asked == 0


async def test_everybody_who_waits_hears_it_and_so_does_who_comes_before_the_engine_knows(outcomes):
    waiting = [await begun(outcomes, Engine()) for _ in range(2)]
    outcomes.recorded(RESULT)
    assert [(await task).result for task in waiting] == [RESULT, RESULT]
    late = Engine()
    assert (await outcomes.first(RUN, late.ask)).result == RESULT
    assert late.asked == 0


async def test_the_engine_is_heard_where_no_worker_shares_the_process(outcomes):
    engine = Engine()
    waiting = await begun(outcomes, engine)
    engine.word.set_result(run_views.ended(RUN, RESULT))
    assert (await waiting).result == RESULT
    assert outcomes.told(RUN) is None


async def test_an_outcome_that_was_told_stands_until_the_engine_must_have_learned_of_it():
    now = [0.0]
    outcomes = Outcomes(lambda: now[0])
    waiting = await begun(outcomes, Engine())
    outcomes.recorded(RESULT)
    await waiting
    now[0] = 59.0
    assert outcomes.told(RUN).result == RESULT
    now[0] = 61.0
    assert outcomes.told(RUN) is None


async def test_only_so_many_outcomes_are_kept(outcomes):
    for number in range(257):
        name = f"inf.acme.{number:032d}"
        waiting = await begun(outcomes, Engine(), name)
        outcomes.recorded(InferenceResult(name, "completed", "allow", result=Answer("yes", "fake", "stop")))
        await waiting
    assert outcomes.told(f"inf.acme.{0:032d}") is None
    assert outcomes.told(f"inf.acme.{256:032d}").status is Status.COMPLETED


async def test_an_engine_that_is_away_is_an_error_for_who_has_heard_nothing(outcomes):
    engine = Engine()
    waiting = await begun(outcomes, engine)
    engine.word.set_exception(Refusal(Kind.ENGINE_UNAVAILABLE, "away"))
    with pytest.raises(Refusal):
        await waiting


async def test_nobody_is_kept_waiting_by_a_process_that_stops(outcomes):
    engine = Engine()
    waiting = await begun(outcomes, engine)
    await engine.is_asked()
    outcomes.give_up()
    assert (await waiting).running
    await asyncio.sleep(0)
    assert engine.word.cancelled()
    late = Engine()
    assert (await outcomes.first(RUN, late.ask)).running
    assert late.asked == 0


async def test_who_gives_up_leaves_nothing_behind(outcomes):
    engine = Engine()
    waiting = await begun(outcomes, engine)
    await engine.is_asked()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    outcomes.recorded(RESULT)
    await asyncio.sleep(0)
    assert engine.word.cancelled()
    assert (outcomes._waiting, outcomes.told(RUN)) == ({}, None)


async def test_what_the_engine_says_to_nobody_is_no_error(outcomes, caplog):
    engine = Engine()
    waiting = await begun(outcomes, engine)
    await engine.is_asked()
    engine.word.set_exception(Refusal(Kind.ENGINE_UNAVAILABLE, "away"))
    outcomes.recorded(RESULT)
    assert (await waiting).result == RESULT
    gc.collect()
    assert caplog.records == []
