"""``python -m benchmarks.gateway``: comparison of Assay with alternatives in one run."""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.gateway.figures.demands import DEMANDS
from benchmarks.gateway.figures.report import read, show, write, write_document
from benchmarks.gateway.measure import Plan
from benchmarks.gateway.session import Wanted, session
from benchmarks.gateway.subjects.line_up import NAMES, PEERS
from benchmarks.tools.helper import ROOT
from config import logs
from embedded.process.signals import EndSignals

CACHE = ROOT / ".bench"
RESULTS = ROOT / "benchmarks/results/gateway.json"
DOCUMENT = ROOT / "docs/performance.md"
_WIDTH = 170


def pinned() -> Sequence[int]:
    """Restrict this process and its children to two processors, if the system permits that."""
    if sys.platform != "linux":
        return range(os.cpu_count() or 1)
    two = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, two)
    return two


def chosen(only: str) -> list[str]:
    """Return the named subjects.

    Raises:
        BadParameter: one of them does not exist.
    """
    names = [name for name in only.split(",") if name]
    if unknown := set(names) - set(NAMES):
        raise typer.BadParameter(f"no such subject: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return names


def misses(found: dict[str, Any]) -> list[str]:
    """Return demands that are missed, or were not measured."""
    if "memory" in found and "ratios" not in found:
        return [] if found["memory"]["holds"] else ["memory"]
    demanded = [demand for demand in DEMANDS if demand.demanded]
    return [demand.name for demand in demanded if not found["ratios"].get(demand.name, {}).get("holds")]


def failures(found: dict[str, Any]) -> list[str]:
    """Return subjects that had to be measured and were not. For other gateways a reason suffices."""
    return [name for name in NAMES if name not in PEERS and "not_measured" in found.get(name, {})]


def main(
    only: Annotated[str, typer.Option(help=f"Subjects, by comma: {', '.join(NAMES)}.")] = "",
    requests: Annotated[int, typer.Option(min=1, help="Requests a window at one caller; twice as many at 16.")] = 100,
    rounds: Annotated[int, typer.Option(min=1, help="Rather many than long: a machine's pace drifts.")] = 15,
    quick: Annotated[bool, typer.Option(help="A smoke run: one round of few requests, and nothing aside.")] = False,
    memory: Annotated[bool, typer.Option(help="Instead: growth of Assay's memory.")] = False,
    memory_requests: Annotated[int, typer.Option(min=100, help="Over so many requests.")] = 20_000,
    demand: Annotated[bool, typer.Option(help="A demand that does not hold is an error.")] = False,
    output: Annotated[Path, typer.Option(help="The results, as JSON.")] = RESULTS,
    write_docs: Annotated[bool, typer.Option(help=f"Put the tables into {DOCUMENT.relative_to(ROOT)}.")] = False,
    keep: Annotated[bool, typer.Option(help="Keep the run's directory, logs and stores included.")] = False,
) -> None:
    """Measure Assay and its alternatives on two processors."""
    logs.configure("warning", "console")
    plan = Plan(10 if quick else requests, 1 if quick else rounds, pinned())
    wanted = Wanted(plan, chosen(only), aside=not quick, memory_requests=memory_requests if memory else 0)
    CACHE.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="run-", dir=CACHE))
    try:
        found = asyncio.run(_unless_told_to_end(session(wanted, directory, CACHE, _say)))
    finally:
        if keep:
            _say(f"kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
            with contextlib.suppress(OSError):  # other subjects' programs may be kept in it
                CACHE.rmdir()
    if found is None:
        raise typer.Exit(130)  # a shell's exit code for an interrupted program
    earlier = read(output)
    whole = {**earlier, "memory": found["memory"]} if memory else {**found, **_part(earlier, "memory")}
    write(output, whole)
    show(found, Console(width=_WIDTH))
    if write_docs:
        write_document(DOCUMENT, whole)
    if failures(found) or (demand and misses(found)):
        raise typer.Exit(1)


async def _unless_told_to_end(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any] | None:
    """Return the work's result; None if a signal came first, when everything has been stopped."""
    with EndSignals() as ending:
        working, told = asyncio.create_task(work), asyncio.create_task(ending.wait())
        await asyncio.wait({working, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if working.done():
            return await working
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        return None


def _part(earlier: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: earlier[name]} if name in earlier else {}


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
