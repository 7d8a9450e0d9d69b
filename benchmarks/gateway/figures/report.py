"""Results as JSON, in the terminal, and in the documentation."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.gateway.figures.demands import judged
from benchmarks.gateway.figures.tables import Grid, Results, grids
from benchmarks.gateway.measure import CALLERS, Windows
from benchmarks.tools.figures import Window, summary

BEGIN = "<!-- figures: written by the benchmark, from here -->"
END = "<!-- to here -->"


class NoPlaceForFiguresError(Exception):
    """A document has no marks for figures."""


def results(measured: Mapping[str, Windows]) -> dict[str, Any]:
    """Return results by subject and number of callers, then the ratios. A failed subject has its reason only."""
    found: dict[str, Any] = {}
    for name, windows in measured.items():
        if windows.failure is not None:
            found[name] = {"not_measured": windows.failure}
        else:
            by_callers = {f"c{callers}": summary(windows.by_callers[callers]) for callers in CALLERS}
            found[name] = {**by_callers, **windows.facts}
    sound = {name: windows.by_callers for name, windows in measured.items() if windows.failure is None}
    found["ratios"] = judged(sound)
    found["foreign_cpu"] = _foreign(sound)
    return found


def _foreign(measured: Mapping[str, Mapping[int, Sequence[Window]]]) -> float | None:
    """Return the median share of the processors used by other processes, over all windows."""
    shares = [
        window.foreign_cpu for by_callers in measured.values() for windows in by_callers.values() for window in windows
    ]
    return round(statistics.median(shares), 3) if shares else None


def read(path: Path) -> dict[str, Any]:
    """Return earlier results; nothing if there are none."""
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def write(path: Path, found: Results) -> None:
    """Write the JSON atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def show(found: Results, console: Console) -> None:
    """Print the tables in the terminal."""
    for grid in grids(found):
        table = Table(title=grid.title, title_justify="left")
        for index, heading in enumerate(grid.headings):
            table.add_column(heading, justify="right" if index else "left")
        for row in grid.rows:
            table.add_row(*row)
        console.print(table)
    if found.get("foreign_cpu") is not None:
        console.print(_others(found))


def write_document(document: Path, found: Results) -> None:
    """Write the tables between the marks of a Markdown document.

    Raises:
        NoPlaceForFiguresError: the marks are missing.
    """
    text = document.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise NoPlaceForFiguresError(str(document))
    parts = [_where(found), *(_markdown(grid) for grid in grids(found))]
    document.write_text(f"{head}{begin}\n\n" + "\n\n".join(parts) + f"\n\n{end}{tail}", encoding="utf-8")


def _where(found: Results) -> str:
    machine, plan = found["machine"], found["plan"]
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    place = f"{machine['processor']}, {machine['system']}, on {machine['pinned_to']} processors"
    amount = f"rounds: {plan['rounds']}, of {plan['requests']} requests at one caller"
    return f"Measured {machine['at']} on {place}: {amount}. {_others(found)} With {versions}."


def _others(found: Results) -> str:
    share = found["foreign_cpu"]
    return f"Processes that the benchmark did not start took {share:.0%} of the processors (median over all windows)."


def _markdown(grid: Grid) -> str:
    width = len(grid.headings)
    lines = [grid.headings, ["---", *["--:"] * (width - 1)], *([*row, *[""] * (width - len(row))] for row in grid.rows)]
    return f"**{grid.title[0].upper()}{grid.title[1:]}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)
