"""``python -m benchmarks.gateway``: everything in one go."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.gateway.assay import Assay, AssayStack
from benchmarks.gateway.helper import ROOT, Helper
from benchmarks.gateway.machine import machine, versions
from benchmarks.gateway.measure import Plan, Windows, measure
from benchmarks.gateway.peers import LiteLLM, Portkey
from benchmarks.gateway.report import results, show, write
from benchmarks.gateway.subjects import Bench, NotMeasuredError, Subject
from benchmarks.gateway.temporal import BareTemporal, DefaultServer, Textbook, TunedServer

CACHE = ROOT / ".bench"
RESULTS = ROOT / "benchmarks/results/gateway.json"
Build = Callable[[Bench], Subject]


def pinned() -> Sequence[int]:
    """Keep this process, and all that it starts, on two processors, where the system allows that."""
    if sys.platform != "linux":
        return range(os.cpu_count() or 1)
    two = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, two)
    return two


def subjects(bench: Bench) -> Mapping[str, Subject]:
    """Every subject by its name, none started."""
    tuned, stack = TunedServer(bench), AssayStack(bench)
    every: list[Subject] = [
        BareTemporal(bench, tuned),
        Assay(bench, stack),
        Assay(bench, stack, "assay_split", ("api", "worker")),
        Textbook(bench, tuned, "textbook_tuned", share=0.5),
        Textbook(bench, DefaultServer(bench), "textbook", share=0.1),
        LiteLLM(bench),
        Portkey(bench),
    ]
    return {subject.name: subject for subject in every}


async def run(only: Sequence[str], plan: Plan, directory: Path) -> dict[str, Windows]:
    """Start the subjects, measure them, stop everything."""
    async with AsyncExitStack() as stack:
        generator = await stack.enter_async_context(Helper("benchmarks.gateway.load", log=directory / "generator.log"))
        model = await stack.enter_async_context(Helper("benchmarks.gateway.model", log=directory / "model.log"))
        bench = Bench(directory, CACHE, stack, generator, model)
        found = subjects(bench)
        started, missing = [], {}
        for name in only or found:
            try:
                print(f"starting {name}")
                await found[name].start()
            except NotMeasuredError as error:
                missing[name] = Windows(failure=str(error))
            else:
                started.append(found[name])
        return {**await measure(bench, started, plan, print), **missing}


def main(
    only: Annotated[str, typer.Option(help="Subjects, by comma; all of them otherwise.")] = "",
    requests: Annotated[int, typer.Option(min=1, help="Requests a window at one caller.")] = 300,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    output: Annotated[Path, typer.Option(help="The results, as JSON.")] = RESULTS,
    keep: Annotated[bool, typer.Option(help="Keep the run's directory, logs and stores included.")] = False,
) -> None:
    """Measure Assay beside others on two processors."""
    plan = Plan(requests, rounds, pinned())
    CACHE.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="run-", dir=CACHE))
    try:
        where = machine(plan.processors)
        measured = asyncio.run(run([name for name in only.split(",") if name], plan, directory))
        found = {**results(measured), "machine": where, "versions": versions()}
        write(output, found)
        show(found, Console(width=200))
    finally:
        if keep:
            print(f"kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
