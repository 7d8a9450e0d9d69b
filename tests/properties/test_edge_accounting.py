"""Outages while refusals arrive: recorded, summarised and dropped ones are together those that were offered."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from domain.records.spool import SpoolUnavailable
from domain.refusals import Kind
from tests.doubles.edge import PERSON, EdgeOverDoubles, eventually

OFFERS = st.tuples(st.just("offer"), st.integers(1, 40), st.integers(0, 12), st.booleans())
SWITCHES = st.tuples(st.sampled_from(["store", "keys", "persons", "spool", "full"]), st.booleans())
TIME = st.tuples(st.just("advance"), st.floats(0, 45))
STEPS = st.lists(st.one_of(OFFERS, OFFERS, SWITCHES, TIME, st.just(("yield",))), max_size=30)


def act(edge: EdgeOverDoubles, step: tuple) -> None:
    match step:
        case ("offer", number, route, of_person):
            for _ in range(number):
                kind, principal = (Kind.FORBIDDEN, PERSON) if of_person else (Kind.MISSING_TOKEN, None)
                edge.offer(kind, principal, f"/v1/{route}")
        case ("store", away):
            edge.log.away = away
        case ("keys", away):
            edge.ring.away = away
        case ("persons", away):
            edge.subjects.away = away
        case ("spool", away):
            edge.spool.outage = SpoolUnavailable("no disk") if away else None
        case ("full", full):
            edge.disk.max_bytes = 3000 if full else 1_000_000
        case ("advance", seconds):
            edge.clock.advance(seconds)
            edge.recorder.tick()


async def play(steps: list[tuple]) -> EdgeOverDoubles:
    edge = EdgeOverDoubles(windows=6)
    async with edge.running():
        for step in steps:
            act(edge, step)
            for _ in range(3):
                await asyncio.sleep(0)
        for healed in ("store", "keys", "persons", "spool", "full"):
            act(edge, (healed, False))
        await edge.recorder.drain(10)
        edge.clock.advance(30)
        edge.recorder.tick()
        await edge.recorder.drain(10)
        await eventually(lambda: not edge.disk.entries)
    edge.recorder.close()
    return edge


@given(STEPS)
def test_no_refusal_is_unaccounted_for(steps: list[tuple]) -> None:
    edge = asyncio.run(play(steps))
    assert edge.recorded() + edge.dropped.total() == edge.offered
    assert edge.told_dropped() == edge.dropped, "the log tells what it lacks"
    assert edge.log.repeats == 0
