"""Demands on Assay, as ratios: absolute times depend more on the machine than on the design."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.tools.figures import Window

Measured = Mapping[str, Mapping[int, Sequence[Window]]]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a ratio: a figure of a subject at a number of callers."""

    subject: str
    callers: int
    figure: str

    def rounds(self, measured: Measured) -> list[float]:
        """Return the figure of each round; nothing if the subject was not measured."""
        return [window.figures()[self.figure] for window in measured.get(self.subject, {}).get(self.callers, ())]


@dataclass(frozen=True, slots=True)
class Demand:
    """``upper / lower`` has to be ``at_most`` or ``at_least``; without either it is only reported."""

    name: str
    text: str
    upper: Side
    lower: Side
    at_most: float | None = None
    at_least: float | None = None

    @property
    def demanded(self) -> bool:
        """Return True if it is required."""
        return self.at_most is not None or self.at_least is not None

    def judge(self, measured: Measured) -> dict[str, Any] | None:
        """Return median, minimum and maximum of the rounds' ratios, and the result.

        Computed per round: a machine's speed varies less within a round than from the first to the last.
        """
        uppers, lowers = self.upper.rounds(measured), self.lower.rounds(measured)
        if not uppers or not lowers:
            return None
        pairs = [upper / lower for upper, lower in zip(uppers, lowers, strict=False)]
        ratio = statistics.median(pairs)
        return {
            "text": self.text,
            "ratio": round(ratio, 3),
            "by_round": [round(min(pairs), 3), round(max(pairs), 3)],
            "at_most": self.at_most,
            "at_least": self.at_least,
            "holds": self._holds(ratio),
        }

    def _holds(self, ratio: float) -> bool | None:
        if self.at_most is not None:
            return ratio <= self.at_most
        if self.at_least is not None:
            return ratio >= self.at_least
        return None


def _p50(upper: str, lower: str, text: str, at_most: float | None = None, at_least: float | None = None) -> Demand:
    sides = Side(upper, 1, "p50_ms"), Side(lower, 1, "p50_ms")
    return Demand(f"{upper}_to_{lower}_c1_p50", text, *sides, at_most, at_least)


def _rps(upper: str, lower: str, text: str, at_least: float | None = None) -> Demand:
    sides = Side(upper, 16, "rps"), Side(lower, 16, "rps")
    return Demand(f"{upper}_to_{lower}_c16_rps", text, *sides, None, at_least)


DEMANDS = (
    _p50("assay", "bare_temporal", "Assay's median time over bare Temporal's, 1 caller", at_most=2.3),
    _rps("assay", "bare_temporal", "Assay's throughput over bare Temporal's, 16 callers", at_least=0.4),
    _p50("textbook", "assay", "the textbook design's median time over Assay's, 1 caller", at_least=6.0),
    _p50("textbook_tuned", "assay", "the textbook design's on a tuned server over Assay's, 1 caller", at_least=1.8),
    _p50("assay", "litellm", "Assay's median time over LiteLLM's, 1 caller"),
    _rps("assay", "litellm", "Assay's throughput over LiteLLM's, 16 callers"),
    _p50("assay", "portkey", "Assay's median time over Portkey's, 1 caller"),
    _rps("assay", "portkey", "Assay's throughput over Portkey's, 16 callers"),
    _p50("assay_split", "assay", "API and worker apart over together, median time, 1 caller"),
    _rps("assay_split", "assay", "API and worker apart over together, throughput, 16 callers"),
)


def judged(measured: Measured) -> dict[str, dict[str, Any]]:
    """Return every ratio with two measured sides, by name."""
    found = {demand.name: demand.judge(measured) for demand in DEMANDS}
    return {name: value for name, value in found.items() if value is not None}
