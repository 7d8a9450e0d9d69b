"""What was measured, as JSON and as tables."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.gateway.demands import judged
from benchmarks.gateway.figures import summary
from benchmarks.gateway.measure import CALLERS, Windows

ORDER = ("bare_temporal", "assay", "assay_split", "textbook_tuned", "textbook", "litellm", "portkey")
_OTHERS = ("generator", "model")


def results(measured: Mapping[str, Windows]) -> dict[str, Any]:
    """By subject and number of callers, then the ratios. A subject that failed has its reason and nothing else."""
    found: dict[str, Any] = {}
    for name, windows in measured.items():
        if windows.failure is not None:
            found[name] = {"not_measured": windows.failure}
        else:
            found[name] = {f"c{callers}": summary(windows.by_callers[callers]) for callers in CALLERS} | windows.facts
    sound = {name: windows.by_callers for name, windows in measured.items() if windows.failure is None}
    found["ratios"] = judged(sound)
    return found


def write(path: Path, found: Mapping[str, Any]) -> None:
    """Write the JSON as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def show(found: Mapping[str, Any], console: Console) -> None:
    """The tables."""
    for callers in CALLERS:
        console.print(_subjects_table(found, callers))
    console.print(_ratios_table(found.get("ratios", {})))


def _subjects_table(found: Mapping[str, Any], callers: int) -> Table:
    title = f"{callers} caller{'s' if callers > 1 else ''} at a time: medians over the rounds (least to most)"
    table = Table(title=title, title_justify="left")
    table.add_column("subject")
    headings = ("p50 ms", "p99 ms", "requests/s", "CPU ms/request", "of it: ours", "Temporal", "PostgreSQL", "other")
    for heading in (*headings, "generator", "model"):
        table.add_column(heading, justify="right")
    for name in ORDER:
        entry = found.get(name)
        if entry is None:
            continue
        if reason := entry.get("not_measured"):
            table.add_row(name, f"not measured: {reason}")
            continue
        table.add_row(name, *_cells(entry[f"c{callers}"]))
    return table


def _cells(figures: Mapping[str, Any]) -> Sequence[str]:
    spread = figures["spread"]
    cpu = dict(figures["cpu_ms"])
    others = [cpu.pop(name, 0.0) for name in _OTHERS]
    named = [cpu.pop(name, 0.0) for name in ("ours", "temporal", "postgresql")]
    rest = sum(cpu.values())
    return (
        *(_spread(figures[name], spread[name]) for name in ("p50_ms", "p99_ms", "rps")),
        *(f"{value:.1f}" for value in (sum(named) + rest, *named, rest)),
        *(f"{value:.2f}" for value in others),
    )


def _spread(value: float, ends: Sequence[float]) -> str:
    return f"{value:.1f} ({ends[0]:.1f} to {ends[1]:.1f})"


def _ratios_table(ratios: Mapping[str, Any]) -> Table:
    table = Table(title="ratios of medians", title_justify="left")
    for heading in ("what", "ratio", "by round", "demanded", ""):
        table.add_column(heading)
    for value in ratios.values():
        low, high = value["by_round"]
        table.add_row(value["text"], f"{value['ratio']:.2f}", f"{low:.2f} to {high:.2f}", demanded(value), said(value))
    return table


def demanded(value: Mapping[str, Any]) -> str:
    """The demand, in words."""
    if value["at_most"] is not None:
        return f"at most {value['at_most']:g}"
    return "" if value["at_least"] is None else f"at least {value['at_least']:g}"


def said(value: Mapping[str, Any]) -> str:
    """Whether it holds."""
    return {True: "PASS", False: "FAIL", None: ""}[value["holds"]]
