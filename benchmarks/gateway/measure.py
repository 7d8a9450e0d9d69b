"""Runs the subjects in turn, round after round, so that whatever else the machine does hits all of them alike.

While one is measured the others are at rest: eight idle subjects take some of two processors, which costs most the one
that uses both.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.gateway.subjects import Bench, Load, Subject
from benchmarks.tools.cpu import cpu_times
from benchmarks.tools.figures import Window
from benchmarks.tools.rest import at_rest

CALLERS = (1, 16)
_LOOK = 0.25
_MOST_EASE = 3.0
_EASE = 0.1  # of a processor: servers that wait look around now and then
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: requests a window at one caller, windows of each kind, and processors."""

    requests: int
    rounds: int
    processors: Sequence[int]

    def load(self, callers: int, share: float) -> Load:
        """A window's load. Many callers get twice the requests."""
        return Load(callers, max(callers, round(self.requests * share * (1 if callers == 1 else 2))))


@dataclass
class Windows:
    """What was measured of one subject, by number of callers."""

    by_callers: Mapping[int, list[Window]] = field(default_factory=lambda: {callers: [] for callers in CALLERS})
    failure: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


async def measure(bench: Bench, subjects: Sequence[Subject], plan: Plan, say: Progress) -> dict[str, Windows]:
    """All rounds. A subject that fails is left out from then on; its figures are given up, and it says why."""
    found = {subject.name: Windows() for subject in subjects}
    for index in range(plan.rounds):
        for callers in CALLERS:
            for subject in rotated(subjects, index):
                result = found[subject.name]
                if result.failure is not None:
                    continue
                load = plan.load(callers, subject.share)
                try:
                    with at_rest(_all(subjects), but=_all([subject])):
                        window = await _window(bench, subject, load, plan)
                except Exception as error:  # noqa: BLE001 - one that fails must not take the others' figures along
                    result.failure = f"{type(error).__name__}: {error}"
                    say(f"{subject.name}: {result.failure}")
                    continue
                result.by_callers[callers].append(window)
                say(_line(subject.name, index, window))
    return found


def _all(subjects: Sequence[Subject]) -> list[int]:
    """The oldest processes of them all."""
    return [pid for subject in subjects for pids in subject.processes().values() for pid in pids]


def rotated(subjects: Sequence[Subject], by: int) -> list[Subject]:
    """Each round begins with another one."""
    turn = by % len(subjects) if subjects else 0
    return [*subjects[turn:], *subjects[:turn]]


async def _window(bench: Bench, subject: Subject, load: Load, plan: Plan) -> Window:
    """A tenth as many requests go before, uncounted, once what the last window has left behind is done."""
    await _at_ease(subject, plan)
    await subject.run(Load(load.callers, max(load.callers, load.requests // 10)))
    groups = {**subject.processes(), "generator": [bench.generator.pid], "model": [bench.model.pid]}
    served = await _served(bench)
    before, began = cpu_times(groups, plan.processors), time.perf_counter()
    measured = await subject.run(load)
    seconds = time.perf_counter() - began
    spent = cpu_times(groups, plan.processors).since(before)
    subject.processes()  # raises if one was restarted meanwhile
    return Window(
        callers=load.callers,
        seconds=measured["seconds"],
        latencies_ms=measured["latencies_ms"],
        cpu_ms=spent.per_request_ms(load.requests),
        foreign_cpu=spent.foreign_share(seconds),
        model_calls=(await _served(bench) - served) / load.requests,
    )


async def _at_ease(subject: Subject, plan: Plan) -> None:
    """Wait, for three seconds at most, until a subject does next to nothing: it was stopped in the middle of things."""
    for _ in range(round(_MOST_EASE / _LOOK)):
        before = cpu_times(subject.processes(), plan.processors)
        await asyncio.sleep(_LOOK)
        spent = cpu_times(subject.processes(), plan.processors).since(before)
        if sum(spent.groups.values()) < _EASE * _LOOK:
            return


async def _served(bench: Bench) -> int:
    return int((await bench.model.ask())["served"])


def _line(name: str, index: int, window: Window) -> str:
    figures = window.figures()
    times = f"p50 {figures['p50_ms']:7.1f} ms  p99 {figures['p99_ms']:7.1f} ms  {figures['rps']:7.1f}/s"
    cpu = " ".join(f"{group} {ms:.1f}" for group, ms in window.cpu_ms.items())
    heading = f"round {index + 1} c{window.callers:<2} {name:<16}"
    return f"{heading} {times}  CPU ms a request: {cpu}  (others had {window.foreign_cpu:.0%} of the processors)"
