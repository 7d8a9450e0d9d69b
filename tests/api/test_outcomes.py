"""Everyone who waits gets the outcome from the feed that has it first, and everybody the same."""

import asyncio
import gc

import pytest

from api.inference.outcomes import Outcomes
from assay_temporal.contracts import Answer, InferenceResult
from domain.inference.feed import OutcomeRecorded, StageBegun
from domain.inference.runs import Status
from domain.refusals import Kind, Refusal
from services.runs.local_feed import LocalRunFeed
from services.runs.result_feed import ResultFeed

RUN = "inf.acme." + "a" * 32
RESULT = InferenceResult(RUN, "completed", "allow", result=Answer("yes", "fake", "stop"))
Feed = LocalRunFeed[InferenceResult]


class Engine:
    """Temporal's word, when the test gives it."""

    def __init__(self) -> None:
        self.word: asyncio.Future = asyncio.get_running_loop().create_future()
        self.asked = 0

    async def ask(self, run_id: str) -> InferenceResult:
        assert run_id == RUN
        self.asked += 1
        return await self.word

    async def is_asked(self) -> None:
        async with asyncio.timeout(5):
            while not self.asked:
                await asyncio.sleep(0)


@pytest.fixture
def feed() -> Feed:
    return LocalRunFeed()


async def begun(feed: Feed, engine: Engine, after: float = 0.0) -> asyncio.Task:
    before = len(feed._subscribed.get(RUN, ()))
    task = asyncio.create_task(Outcomes(feed, ResultFeed(engine.ask)).first("acme", RUN, after))
    while len(feed._subscribed.get(RUN, ())) == before:
        await asyncio.sleep(0)
    return task


def recorded(feed: Feed) -> None:
    """A worker of this process has committed the outcome."""
    feed.publish(RUN, OutcomeRecorded(RESULT))


async def test_a_worker_of_the_process_is_heard_before_the_engine(feed):
    engine = Engine()
    waiting = await begun(feed, engine)
    await engine.is_asked()
    feed.publish(RUN, StageBegun("close_request"))
    recorded(feed)
    assert (await waiting).result == RESULT
    await asyncio.sleep(0)
    assert engine.word.cancelled()
    assert Outcomes(feed, ResultFeed(engine.ask)).recorded("acme", RUN).status is Status.COMPLETED
    assert feed._subscribed == {}


async def test_the_caller_is_answered_at_once(feed):
    """Between the commit and the run's own ending lies one turn of the loop: see decision 11."""
    waiting = await begun(feed, Engine(), after=3600)
    recorded(feed)
    await asyncio.sleep(0)
    assert waiting.done()


async def test_the_engine_is_not_asked_before_its_time(feed):
    engine = Engine()
    waiting = await begun(feed, engine, after=3600)
    recorded(feed)
    await waiting
    assert engine.asked == 0


async def test_everybody_who_waits_hears_it_and_so_does_who_comes_before_the_engine_knows(feed):
    waiting = [await begun(feed, Engine()) for _ in range(2)]
    recorded(feed)
    assert [(await task).result for task in waiting] == [RESULT, RESULT]
    late = Engine()
    assert (await Outcomes(feed, ResultFeed(late.ask)).first("acme", RUN)).result == RESULT
    assert late.asked == 0


async def test_the_engine_is_heard_where_no_worker_shares_the_process(feed):
    engine = Engine()
    waiting = await begun(feed, engine)
    engine.word.set_result(RESULT)
    assert (await waiting).result == RESULT
    assert feed.recorded("acme", RUN) is None


async def test_a_run_is_waited_for_by_its_own_tenant_alone(feed):
    engine = Engine()
    outcomes = Outcomes(feed, ResultFeed(engine.ask))
    with pytest.raises(Refusal) as refused:
        await outcomes.first("globex", RUN)
    assert refused.value.kind is Kind.NOT_FOUND
    with pytest.raises(Refusal):
        outcomes.recorded("globex", RUN)
    assert (engine.asked, feed._subscribed) == (0, {})


async def test_an_engine_that_is_away_is_an_error_for_who_has_heard_nothing(feed):
    engine = Engine()
    waiting = await begun(feed, engine)
    engine.word.set_exception(Refusal(Kind.ENGINE_UNAVAILABLE, "away"))
    with pytest.raises(Refusal):
        await waiting


async def test_nobody_is_kept_waiting_by_a_process_that_stops(feed):
    engine = Engine()
    waiting = await begun(feed, engine)
    await engine.is_asked()
    feed.close()
    assert (await waiting).running
    await asyncio.sleep(0)
    assert engine.word.cancelled()
    late = Engine()
    assert (await Outcomes(feed, ResultFeed(late.ask)).first("acme", RUN)).running
    assert late.asked == 0


async def test_who_gives_up_leaves_nothing_behind(feed):
    engine = Engine()
    waiting = await begun(feed, engine)
    await engine.is_asked()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    recorded(feed)
    await asyncio.sleep(0)
    assert engine.word.cancelled()
    assert (feed._subscribed, feed.recorded("acme", RUN)) == ({}, None)


async def test_what_the_engine_says_to_nobody_is_no_error(feed, caplog):
    engine = Engine()
    waiting = await begun(feed, engine)
    await engine.is_asked()
    engine.word.set_exception(Refusal(Kind.ENGINE_UNAVAILABLE, "away"))
    recorded(feed)
    assert (await waiting).result == RESULT
    gc.collect()
    assert caplog.records == []
