"""The benchmark's timers, and that they still find their places in the code."""

import asyncio

import pytest

from benchmarks.gateway.probes import PROBES, Probe
from benchmarks.tools.spans import Recorder, Span, medians, rest_ms, seconds_of, uncovered


class Ticks:
    """A clock that the test winds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_time_of_its_own_is_without_what_is_below() -> None:
    clock = Ticks()
    recorder = Recorder("request", clock)
    with recorder.span("request"):
        clock.now += 1
        with recorder.span("store", items=3):
            clock.now += 2
        with recorder.span("store"):
            clock.now += 4
    found = medians(recorder.requests)
    assert found["request"] == {"calls": 1, "items": 0, "ms": 7000, "own_ms": 1000}
    assert found["request / store"] == {"calls": 2, "items": 3, "ms": 6000, "own_ms": 6000}


@pytest.mark.parametrize(
    ("parts", "left"),
    [
        ([], 10),
        ([(10, 20)], 0),
        ([(12, 14), (16, 17)], 7),
        ([(12, 15), (13, 14), (14, 16)], 6),  # side by side
        ([(5, 12), (19, 30)], 7),
        ([(0, 5), (25, 30)], 10),
    ],
)
def test_overlapping_parts_are_taken_off_once(parts: list[tuple[float, float]], left: float) -> None:
    assert uncovered(Span(("x",), 10, 20), [Span(("y",), *part) for part in parts]) == left


def test_requests_are_kept_apart_and_a_path_not_taken_is_zero() -> None:
    clock = Ticks()
    recorder = Recorder("request", clock)
    for extra in (0, 0, 8):
        with recorder.span("request"):
            clock.now += 1
            if extra:
                with recorder.span("vault"):
                    clock.now += extra
    assert len(recorder.requests) == 3
    assert medians(recorder.requests)["request / vault"]["ms"] == 0
    assert seconds_of(recorder.requests, ("request",)) == [1, 1, 9]


async def test_work_beside_a_wait_is_taken_off_it() -> None:
    clock = Ticks()
    recorder = Recorder("request", clock)
    done = asyncio.Event()

    async def worker() -> None:
        with recorder.span("stage"):
            clock.now += 3
        done.set()

    async def wait() -> None:
        await done.wait()
        clock.now += 2

    working = asyncio.create_task(worker())  # made outside of the request, as a worker's tasks are
    with recorder.span("request"):
        await recorder.wrap(wait, "wait")()
    await working
    assert {span.path for span in recorder.requests[0]} == {("request",), ("request", "wait"), ("stage",)}
    assert rest_ms(recorder.requests, "request", ("request", "wait")) == 2000


async def test_work_that_outlasts_its_request_stays_with_it() -> None:
    clock = Ticks()
    recorder = Recorder("request", clock)
    answered = asyncio.Event()

    async def close() -> None:
        with recorder.span("close"):
            with recorder.span("store"):
                clock.now += 2
            await answered.wait()
            clock.now += 1

    closing = asyncio.create_task(close())
    with recorder.span("request"):
        await asyncio.sleep(0)
    answered.set()
    await closing
    with recorder.span("request"):
        clock.now += 1
    assert [len(request) for request in recorder.requests] == [3, 1]
    assert medians(recorder.requests[:1])["close"]["own_ms"] == 1000


async def test_a_wrapped_function_gives_and_raises_what_it_did() -> None:
    recorder = Recorder("request")

    async def fail(_: str) -> None:
        raise LookupError

    def size(_: object, items: list[int]) -> int:
        return len(items)

    assert recorder.wrap(size, "size", count=True)(None, [1, 2]) == 2
    with pytest.raises(LookupError):
        await recorder.wrap(fail, "request")("x")
    assert [(span.path, span.items) for span in recorder.requests[0]] == [(("size",), 2), (("request",), 0)]
    assert recorder.wrap(size, lambda _: "")(None, []) == 0, "without a label it is left alone"
    assert len(recorder.requests) == 1


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_every_probe_finds_its_place(probe: Probe) -> None:
    holder, name = probe.place()
    assert callable(getattr(holder, name))
