"""The benchmark's arithmetic: percentiles, medians over rounds, spreads."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class NoFiguresError(ValueError):
    """There are no values for a figure."""


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: the smallest value that at least ``percent`` of all values don't exceed.

    Raises:
        NoFiguresError: for no values.
    """
    if not values:
        raise NoFiguresError("a percentile of nothing")
    rank = max(1, math.ceil(len(values) * percent / 100))
    return sorted(values)[rank - 1]


@dataclass(frozen=True, slots=True)
class Window:
    """A measured window: so many requests by so many callers, one after another each.

    ``cpu_ms`` is CPU time per request by group of processes; ``foreign_cpu`` the share of the pinned processors used by
    processes that the benchmark did not start.
    """

    callers: int
    seconds: float
    latencies_ms: Sequence[float] = field(repr=False)
    cpu_ms: Mapping[str, float]
    foreign_cpu: float
    model_calls: float | None = None
    """Calls that the fake model answered, per request."""

    @property
    def rps(self) -> float:
        """Return requests per second."""
        return len(self.latencies_ms) / self.seconds

    def figures(self) -> dict[str, float]:
        """Return the figures of the latencies, in milliseconds, and the rate."""
        return {
            "p50_ms": percentile(self.latencies_ms, 50),
            "p99_ms": percentile(self.latencies_ms, 99),
            "mean_ms": statistics.fmean(self.latencies_ms),
            "max_ms": max(self.latencies_ms),
            "rps": self.rps,
            "foreign_cpu": self.foreign_cpu,
        }


def summary(windows: Sequence[Window]) -> dict[str, Any]:
    """Summarise windows of one subject at one number of callers, with their spread by round.

    Medians over the rounds, except p99: it is of all rounds' requests together, since one round has too few slow ones.

    Raises:
        NoFiguresError: for no windows.
    """
    if not windows:
        raise NoFiguresError("a summary of no rounds")
    rounds = [window.figures() for window in windows]
    result: dict[str, Any] = {name: _round(median_of(rounds, name)) for name in rounds[0]}
    taken = [latency for window in windows for latency in window.latencies_ms]
    result["p99_ms"] = _round(percentile(taken, 99))
    result["cpu_ms"] = medians([window.cpu_ms for window in windows])
    calls = [window.model_calls for window in windows if window.model_calls is not None]
    result["model_calls_per_request"] = _round(statistics.median(calls)) if calls else None
    result["requests"] = len(windows[0].latencies_ms)
    result["rounds"] = len(windows)
    result["spread"] = {name: [_round(least), _round(most)] for name, (least, most) in spreads(rounds).items()}
    return result


def medians(groups: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each name over the rounds."""
    return {name: _round(median_of(groups, name)) for name in groups[0]}


def median_of(rounds: Sequence[Mapping[str, float]], name: str) -> float:
    """Return the median of one figure over the rounds."""
    return statistics.median(figures[name] for figures in rounds)


def spreads(rounds: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Return minimum and maximum of each figure over the rounds."""
    return {
        name: (min(figures[name] for figures in rounds), max(figures[name] for figures in rounds)) for name in rounds[0]
    }


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Return the slope of the least-squares line through the points.

    Raises:
        NoFiguresError: for fewer than two points.
    """
    if len(xs) < 2:  # noqa: PLR2004 - a line has two points
        raise NoFiguresError("a line through fewer than two points")
    return statistics.linear_regression(xs, ys).slope


def _round(value: float) -> float:
    """Round to three decimals: a microsecond is far below the noise."""
    return round(value, 3)
