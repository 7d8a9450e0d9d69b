"""Results as tables of text, for the terminal and for the documentation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.gateway.measure import CALLERS
from benchmarks.gateway.probes import ROOT
from benchmarks.gateway.subjects.line_up import NAMES

Row = Sequence[str]
Results = Mapping[str, Any]

_NAMED = ("ours", "temporal", "postgresql")
_AROUND = ("generator", "model")
_SEP = " / "
_OUTSIDE = "around it: HTTP parsing, sockets, load generator"
_REST = "the rest: Temporal's server, its SDK's core, event loops, waiting for a processor"


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. The first column is text; the others are figures."""

    title: str
    headings: Row
    rows: Sequence[Row]


def grids(found: Results) -> Iterator[Grid]:
    """Yield every table for which there are results."""
    if any(name in found for name in NAMES):
        for callers in CALLERS:
            yield _subjects(found, callers)
        yield _runs(found)
    if found.get("ratios"):
        yield _ratios(found["ratios"])
    if "stages" in found:
        yield _stages(found["stages"])
    if "storage" in found:
        yield _storage(found["storage"])
    if "memory" in found:
        yield _memory(found["memory"])


def _subjects(found: Results, callers: int) -> Grid:
    who = "1 caller" if callers == 1 else f"{callers} callers"
    title = f"{who} at a time: medians over the rounds (least to most), p99 of them all"
    headings = ("", "p50 ms", "p99 ms", "requests/s", "CPU ms a request", "ours", "Temporal", "PostgreSQL", "rest")
    rows: list[Row] = []
    for name in (name for name in NAMES if name in found):
        if reason := found[name].get("not_measured"):
            rows.append((name, f"not measured: {reason}"))
        else:
            rows.append((name, *_subject(found[name][f"c{callers}"])))
    return Grid(title, (*headings, "load generator", "fake model"), rows)


def _subject(figures: Results) -> Row:
    cpu = dict(figures["cpu_ms"])
    around = [cpu.pop(name, 0.0) for name in _AROUND]
    named = [cpu.pop(name, 0.0) for name in _NAMED]
    rest = sum(cpu.values())
    return (
        _spread(figures, "p50_ms"),
        _figure(figures["p99_ms"]),
        _spread(figures, "rps"),
        *(f"{value:.1f}" for value in (sum(named) + rest, *named, rest)),
        *(f"{value:.2f}" for value in around),
    )


def _spread(figures: Results, name: str) -> str:
    least, most = figures["spread"][name]
    return f"{_figure(figures[name])} ({_figure(least)} to {_figure(most)})"


def _figure(value: float) -> str:
    """Format with three digits, or all before the point."""
    if value >= 100:  # noqa: PLR2004
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _runs(found: Results) -> Grid:
    rows: list[Row] = []
    for name in NAMES:
        facts = found.get(name, {})
        history, resident = facts.get("history", {}), facts.get("rss_mib")
        if not resident:
            continue
        cells = [str(history.get(key, "")) for key in ("events", "workflow_tasks", "bytes")]
        eager = {True: "yes", False: "no"}.get(history.get("eager_start"), "")
        rows.append((name, *cells, eager, f"{resident['ours']:.0f}", f"{sum(resident.values()):.0f}"))
    headings = ("", "events", "workflow tasks", "history bytes", "eager start", "resident MiB ours", "with its servers")
    return Grid("what a run is in Temporal, and memory after the measurement", headings, rows)


def _ratios(ratios: Results) -> Grid:
    rows = []
    for value in ratios.values():
        low, high = value["by_round"]
        rows.append((value["text"], f"{value['ratio']:.2f}", f"{low:.2f} to {high:.2f}", demanded(value), said(value)))
    return Grid("ratios, medians over the rounds", ("", "ratio", "by round", "demanded", "holds"), rows)


def demanded(value: Results) -> str:
    """Return the demand as text."""
    if value["at_most"] is not None:
        return f"at most {value['at_most']:g}"
    return "" if value["at_least"] is None else f"at least {value['at_least']:g}"


def said(value: Results) -> str:
    """Return the result of a demand."""
    return {True: "PASS", False: "FAIL", None: ""}[value["holds"]]


def _stages(found: Results) -> Grid:
    paths = found["paths"]
    edge = [path for path in paths if path.split(_SEP)[0] == ROOT]
    beside = [path for path in paths if path.split(_SEP)[0] != ROOT]
    rows = [
        (_OUTSIDE, "", "", f"{found['outside_ms']:.2f}", ""),
        *(_path(path, paths[path], 0) for path in edge),
        ("while it waits for the outcome:", "", "", "", ""),
        *(_path(path, paths[path], 1) for path in beside),
        (f"- {_REST}", "", "", f"{found['rest_ms']:.2f}", ""),
    ]
    title = f"where the {found['p50_ms']:.1f} ms of a request go (1 caller, with timers in it; medians)"
    return Grid(title, ("", "times", "payloads", "ms", "without what is below it"), rows)


def _path(path: str, figures: Results, deeper: int) -> Row:
    *outer, last = path.split(_SEP)
    label = "- " * (len(outer) + deeper) + last
    items = f"{figures['items']:g}" if figures["items"] else ""
    return (label, f"{figures['calls']:g}", items, f"{figures['ms']:.2f}", f"{figures['own_ms']:.2f}")


def _storage(found: Results) -> Grid:
    rows = (
        ("Temporal's SQLite file", f"{found['temporal_kb_per_run']:.1f}"),
        ("PostgreSQL's database", f"{found['postgresql_kb_per_run']:.1f}"),
        ("PostgreSQL's write-ahead log, which is recycled", f"{found['postgresql_wal_kb_per_run']:.1f}"),
    )
    return Grid(f"what a run of Assay's leaves, over {found['runs']} runs", ("", "kB a run"), rows)


def _memory(found: Results) -> Grid:
    mark = {True: "PASS", False: "FAIL"}[found["holds"]]
    rows = [
        (
            kind.upper(),
            f"{found[f'{kind}_bytes_per_request']:.0f}",
            *(f"{mib:.1f}" for mib in found[f"{kind}_mib"]),
            f"at most {found['at_most']}, {mark}" if kind == "rss" else "",
        )
        for kind in ("rss", "uss")
    ]
    title = f"memory of Assay's process over {found['requests']} requests, the first {found['left_out']} left out"
    return Grid(title, ("", "bytes a request", "MiB at first", "MiB at last", "demanded"), rows)
