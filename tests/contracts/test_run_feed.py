"""The contract of feeds of runs, within a process and by workflows' results."""

import asyncio
import gc
import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from domain.inference.feed import FeedClosed, OutcomeRecorded, RunHeld, StageBegun
from domain.inference.ports import RunFeed
from domain.refusals import Kind, Refusal
from services.runs.local_feed import KEPT_SECONDS, MOST_EVENTS, MOST_KEPT, LocalRunFeed
from services.runs.result_feed import ResultFeed

RUN, OTHER = "inf.acme." + "a" * 32, "inf.acme." + "b" * 32
LETTERS = str.maketrans("0123456789", "abcdefghij")
SECRET = "an answer that nobody else may read"


@dataclass
class Place:
    """A feed, and how a run of it ends."""

    feed: RunFeed[str]
    end: Callable[[str, str], None]


@dataclass
class Engine:
    """Results of workflows, when the test gives them."""

    results: dict[str, asyncio.Future[str]] = field(default_factory=dict)
    asked: int = 0

    def result(self, run_id: str) -> asyncio.Future[str]:
        return self.results.setdefault(run_id, asyncio.get_running_loop().create_future())

    async def result_of(self, run_id: str) -> str:
        self.asked += 1
        return await asyncio.shield(self.result(run_id))

    def end(self, run_id: str, result: str) -> None:
        self.result(run_id).set_result(result)


@pytest.fixture(params=["local", "results"])
async def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "local":
        local: LocalRunFeed[str] = LocalRunFeed()
        return Place(local, lambda run, result: local.publish(run, OutcomeRecorded(result)))
    engine = Engine()
    return Place(ResultFeed(engine.result_of), engine.end)


@pytest.fixture
def feed() -> LocalRunFeed[str]:
    return LocalRunFeed()


async def test_all_who_wait_get_the_outcome(place: Place) -> None:
    with closing(place.feed.subscribe("acme", RUN)) as one, closing(place.feed.subscribe("acme", RUN)) as two:
        waiting = [asyncio.ensure_future(reader.outcome()) for reader in (one, two)]
        await asyncio.sleep(0)
        place.end(RUN, "yes")
        assert await asyncio.gather(*waiting) == ["yes", "yes"]
        assert await one.outcome() == "yes"


async def test_the_outcome_is_the_last_event(place: Place) -> None:
    with closing(place.feed.subscribe("acme", RUN)) as reader:
        place.end(RUN, "yes")
        assert [event async for event in reader][-1] == OutcomeRecorded("yes")


async def test_the_outcome_of_another_run_is_not_passed_on(place: Place) -> None:
    with closing(place.feed.subscribe("acme", RUN)) as reader:
        waiting = asyncio.ensure_future(reader.outcome())
        place.end(OTHER, "not yours")
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        place.end(RUN, "yes")
        assert await waiting == "yes"


@pytest.mark.parametrize(("tenant", "run"), [("globex", RUN), ("", RUN), ("acme", "inf.acme"), ("acme", "")])
async def test_a_run_is_subscribed_to_by_its_own_tenant_alone(place: Place, tenant: str, run: str) -> None:
    with pytest.raises(Refusal) as refused:
        place.feed.subscribe(tenant, run)
    assert refused.value.kind is Kind.NOT_FOUND


async def test_publishing_to_nobody_is_no_error(place: Place) -> None:
    place.feed.publish(RUN, StageBegun("screen_prompt"))
    place.feed.publish(RUN, RunHeld("a-review"))


async def test_who_closes_waits_no_more(place: Place) -> None:
    reader = place.feed.subscribe("acme", RUN)
    waiting = asyncio.ensure_future(reader.outcome())
    await asyncio.sleep(0)
    reader.close()
    reader.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    unused = place.feed.subscribe("acme", RUN)
    unused.close()
    with pytest.raises(FeedClosed):
        await unused.outcome()


async def test_events_show_nothing_of_an_answer(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with closing(place.feed.subscribe("acme", RUN)) as reader:
        place.end(RUN, SECRET)
        [event] = [event async for event in reader]
    assert isinstance(event, OutcomeRecorded)
    assert event.result == SECRET
    assert SECRET not in f"{event} {event!r} {reader} {reader!r} {place.feed!r}"
    assert SECRET not in caplog.text


async def test_a_failure_of_the_engine_is_the_waiters_and_nobody_elses(caplog: pytest.LogCaptureFixture) -> None:
    engine = Engine()
    results = ResultFeed(engine.result_of)
    waits, leaves = results.subscribe("acme", RUN), results.subscribe("acme", RUN)
    asked, _ = asyncio.ensure_future(waits.outcome()), leaves.outcome()
    await asyncio.sleep(0)
    leaves.close()
    engine.result(RUN).set_exception(Refusal(Kind.ENGINE_UNAVAILABLE, "away"))
    with pytest.raises(Refusal):
        await asked
    gc.collect()
    assert caplog.records == []


async def test_the_engine_is_asked_once_and_only_if_the_outcome_is_wanted() -> None:
    engine = Engine()
    reader = ResultFeed(engine.result_of).subscribe("acme", RUN)
    assert engine.asked == 0
    engine.end(RUN, "yes")
    assert [await reader.outcome(), await reader.outcome(), engine.asked] == ["yes", "yes", 1]


async def test_events_come_in_their_order_up_to_the_outcome(feed: LocalRunFeed[str]) -> None:
    seen: list[object] = []
    sent = [StageBegun("screen_prompt"), RunHeld("a-review"), StageBegun("invoke_model"), OutcomeRecorded("yes")]

    async def read() -> None:
        with closing(feed.subscribe("acme", RUN)) as reader:
            seen.extend([event async for event in reader])

    reading = asyncio.create_task(read())
    for event in sent:
        await asyncio.sleep(0)
        feed.publish(RUN, event)
    feed.publish(RUN, StageBegun("too late"))
    feed.publish(RUN, OutcomeRecorded("another"))
    await reading
    assert seen == sent


async def test_who_waits_for_the_outcome_is_not_woken_by_other_events(feed: LocalRunFeed[str]) -> None:
    with closing(feed.subscribe("acme", RUN)) as reader:
        outcome = reader.outcome()
        for _ in range(3):
            feed.publish(RUN, StageBegun("screen_prompt"))
        assert not outcome.done()
        feed.publish(RUN, OutcomeRecorded("yes"))
        assert outcome.done()


async def test_a_slow_reader_costs_bounded_memory_and_still_gets_the_outcome(feed: LocalRunFeed[str]) -> None:
    with closing(feed.subscribe("acme", RUN)) as reader:
        for number in range(10 * MOST_EVENTS):
            feed.publish(RUN, StageBegun(str(number)))
        assert len(reader._waiting) == MOST_EVENTS
        assert reader.missed == 9 * MOST_EVENTS
        feed.publish(RUN, OutcomeRecorded("yes"))
        found = [event async for event in reader]
    assert found[0] == StageBegun(str(9 * MOST_EVENTS))
    assert (len(found), found[-1]) == (MOST_EVENTS + 1, OutcomeRecorded("yes"))


async def test_a_reader_that_is_gone_leaves_nothing_behind(feed: LocalRunFeed[str]) -> None:
    async def read() -> None:
        with closing(feed.subscribe("acme", RUN)) as reader:
            await reader.outcome()

    readers = [asyncio.create_task(read()) for _ in range(100)]
    await asyncio.sleep(0)
    assert len(feed._subscribed[RUN]) == 100
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    assert feed._subscribed == {}
    for _ in range(1000):
        feed.publish(RUN, OutcomeRecorded("yes"))
    assert (len(feed._kept), feed.recorded("acme", RUN)) == (0, None)


async def test_an_outcome_that_was_given_stays_for_those_who_come_next() -> None:
    now = [0.0]
    feed: LocalRunFeed[str] = LocalRunFeed(lambda: now[0])
    with closing(feed.subscribe("acme", RUN)):
        feed.publish(RUN, OutcomeRecorded("yes"))
    with closing(feed.subscribe("acme", RUN)) as late:
        assert [await late.outcome(), feed.recorded("acme", RUN).result] == ["yes", "yes"]
    with pytest.raises(Refusal):
        feed.recorded("globex", RUN)
    now[0] = KEPT_SECONDS - 1
    assert feed.recorded("acme", RUN).result == "yes"
    now[0] = KEPT_SECONDS + 1
    assert feed.recorded("acme", RUN) is None


async def test_only_so_many_outcomes_are_kept(feed: LocalRunFeed[str]) -> None:
    runs = ["inf.acme." + f"{number:032d}".translate(LETTERS) for number in range(MOST_KEPT + 1)]
    for run in runs:
        with closing(feed.subscribe("acme", run)):
            feed.publish(run, OutcomeRecorded("yes"))
    assert len(feed._kept) == MOST_KEPT
    first, last = (feed.recorded("acme", run) for run in (runs[0], runs[-1]))
    assert (first, last.result) == (None, "yes")


async def test_a_feed_that_closes_ends_all_waiting_now_and_later(feed: LocalRunFeed[str]) -> None:
    waits, reads = feed.subscribe("acme", RUN), feed.subscribe("acme", RUN)
    waiting = asyncio.ensure_future(waits.outcome())
    reading = asyncio.ensure_future(anext(aiter(reads)))
    await asyncio.sleep(0)
    feed.close()
    for ended in (waiting, reading, feed.subscribe("acme", RUN).outcome()):
        with pytest.raises(FeedClosed):
            await ended
