"""One session: start the subjects, measure them in turn, inspect their traces, stop everything."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gateway.figures.report import results
from benchmarks.gateway.measure import Plan, Progress, Windows, measure
from benchmarks.gateway.memory import memory, resident_mib
from benchmarks.gateway.stages import stages
from benchmarks.gateway.storage import storage
from benchmarks.gateway.subjects.assay import Assay
from benchmarks.gateway.subjects.base import Bench, NotMeasuredError, Subject
from benchmarks.gateway.subjects.line_up import NAMES, line_up
from benchmarks.gateway.subjects.peers import peer_versions
from benchmarks.tools.cpu import cpu_times
from benchmarks.tools.helper import Helper
from benchmarks.tools.machine import machine, now, versions
from benchmarks.tools.stack import AssayStack

_IDLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Scope of a session.

    Attributes:
        only: subjects by name; all of them if empty.
        aside: also measure stages and storage of Assay, if it is a subject.
        memory_requests: instead of all else, measure Assay's memory over so many requests.
    """

    plan: Plan
    only: Sequence[str] = ()
    aside: bool = True
    memory_requests: int = 0


async def session(wanted: Wanted, directory: Path, cache: Path, say: Progress) -> dict[str, Any]:
    """Run a session; return the results' JSON."""
    where = machine(wanted.plan.processors)
    async with AsyncExitStack() as stack:
        generator = await stack.enter_async_context(
            Helper("benchmarks.gateway.load.generator", log=directory / "generator.log")
        )
        model = await stack.enter_async_context(Helper("benchmarks.gateway.load.model", log=directory / "model.log"))
        bench = Bench(directory, cache, stack, generator, model)
        assay = AssayStack(directory / "assay", bench.model_url, stack)
        if wanted.memory_requests:
            found = await _memory(bench, assay, wanted.memory_requests, say)
        else:
            found = await _compared(bench, assay, wanted, say)
    plan = {"requests": wanted.plan.requests, "rounds": wanted.plan.rounds}
    return {**found, "plan": plan, "machine": where, "versions": {**versions(), **peer_versions()}}


async def _memory(bench: Bench, stack: AssayStack, requests: int, say: Progress) -> dict[str, Any]:
    subject = Assay(bench, stack)
    await subject.start()
    return {"memory": {"at": now(), **await memory(bench, subject, requests, say)}}


async def _compared(bench: Bench, stack: AssayStack, wanted: Wanted, say: Progress) -> dict[str, Any]:
    subjects = line_up(bench, stack)
    started: list[Subject] = []
    missing: dict[str, Windows] = {}
    for name in wanted.only or NAMES:
        say(f"starting {name}")
        try:
            await subjects[name].start()
        except NotMeasuredError as error:
            missing[name] = Windows(failure=str(error))
            say(f"{name} is not measured: {error}")
        else:
            started.append(subjects[name])
    idle = await _idle(started, wanted.plan)
    measured = await measure(bench, started, wanted.plan, say)
    for subject in started:
        if measured[subject.name].failure is None:
            measured[subject.name].facts = await _facts(subject)
    found = {**results({**measured, **missing}), "idle_cpu": idle}
    own = next((subject for subject in started if isinstance(subject, Assay) and subject.name == "assay"), None)
    if own is not None and wanted.aside and measured[own.name].failure is None:
        say("storage of Assay's runs")
        found["storage"] = await storage(own, stack.servers, wanted.plan.requests * 2)
        say("stages of Assay's runs")
        found["stages"] = await stages(bench, stack, wanted.plan.requests)
    return found


async def _idle(subjects: Sequence[Subject], plan: Plan) -> float:
    """Return the share of the processors used by all idle subjects together."""
    groups = {f"{s.name} {group}": pids for s in subjects for group, pids in s.processes().items()}
    before, began = cpu_times(groups, plan.processors), time.perf_counter()
    await asyncio.sleep(_IDLE_SECONDS)
    spent = sum(cpu_times(groups, plan.processors).since(before).groups.values())
    return round(spent / (time.perf_counter() - began) / max(1, len(plan.processors)), 4)


async def _facts(subject: Subject) -> Mapping[str, Any]:
    groups = subject.processes()
    return {"rss_mib": {group: resident_mib(pids) for group, pids in groups.items()}, **await subject.facts()}
