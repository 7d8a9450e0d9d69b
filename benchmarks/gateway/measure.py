"""Measurement of the subjects in turn, round after round, so that other load on the machine affects all alike.

The others are stopped meanwhile: eight idle subjects take some of two processors, which affects most the one that uses
both.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.gateway.subjects.base import Bench, Load, Subject
from benchmarks.tools.cpu import cpu_times
from benchmarks.tools.figures import Window
from benchmarks.tools.rest import at_rest

CALLERS = (1, 16)
_LOOK = 0.25
_MOST_EASE = 3.0
_EASE = 0.1  # of a processor: idle servers poll now and then
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Extent of the measurement: requests per window at one caller, windows of each kind, and processors."""

    requests: int
    rounds: int
    processors: Sequence[int]

    def load(self, callers: int, share: float) -> Load:
        """Return a window's load. Many callers get twice the requests."""
        return Load(callers, max(callers, round(self.requests * share * (1 if callers == 1 else 2))))


@dataclass
class Windows:
    """Results of one subject, by number of callers."""

    by_callers: Mapping[int, list[Window]] = field(default_factory=lambda: {callers: [] for callers in CALLERS})
    failure: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


async def measure(bench: Bench, subjects: Sequence[Subject], plan: Plan, say: Progress) -> dict[str, Windows]:
    """Run all rounds. A failed subject is omitted from then on, with its reason instead of figures."""
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
    """Return the oldest processes of all."""
    return [pid for subject in subjects for pids in subject.processes().values() for pid in pids]


def rotated(subjects: Sequence[Subject], by: int) -> list[Subject]:
    """Rotate the subjects, so that each round begins with another one."""
    turn = by % len(subjects) if subjects else 0
    return [*subjects[turn:], *subjects[:turn]]


async def _window(bench: Bench, subject: Subject, load: Load, plan: Plan) -> Window:
    """Measure a window, after a tenth as many warm-up requests and the last window's remaining work."""
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
    """Wait, for three seconds at most, until a subject is nearly idle: it was stopped in the middle of its work."""
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
