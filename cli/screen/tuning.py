"""Proposed thresholds for the operator's own texts, with their error rates."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.screening.figures import rows_needed, wilson
from domain.screening.verdicts import Decision

LEAST, MOST = 0.01, 1.0
"""Bounds of a threshold in a policy."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A screened text: kind, length, label, score and today's decision."""

    kind: str
    length: int
    attack: bool
    score: float
    today: Decision


@dataclass(frozen=True, slots=True)
class Share:
    """A share of texts, with its 95 % interval (Wilson)."""

    count: int
    of: int

    def told(self) -> dict[str, float | int]:
        """Return the share as JSON; without rates if there are no texts."""
        if not self.of:
            return {"count": 0, "of": 0}
        low, high = wilson(self.count, self.of)
        rates = {"share": self.count / self.of, "low": low, "high": high}
        return {"count": self.count, "of": self.of, **{name: round(rate, 5) for name, rate in rates.items()}}

    def text(self) -> str:
        """Return the share as text."""
        if not self.of:
            return "no texts"
        low, high = wilson(self.count, self.of)
        return f"{100 * self.count / self.of:.2f} % ({100 * low:.2f}-{100 * high:.2f})"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Proposed thresholds for a kind of text up to a length (None: no limit), and their error rates."""

    kind: str
    up_to: int | None
    review: float
    block: float
    costs: Mapping[str, Share]
    today: Mapping[str, Share]
    warnings: tuple[str, ...]


def threshold_for(harmless: Sequence[float], rate: float) -> float:
    """Return the lowest threshold that flags at most this share of the scores. Three digits, with a margin.

    It lies just above a score, so that the next text with that score passes as well.
    """
    ordered = sorted(harmless, reverse=True)
    allowed = math.floor(rate * len(ordered))
    if allowed >= len(ordered):
        return LEAST
    highest = ordered[allowed]
    return min(MOST, max(LEAST, (math.floor(highest * 1000) + 1) / 1000))


def propose(
    rows: Sequence[Labelled], lengths: Sequence[int], review_rate: float, block_rate: float
) -> Iterator[Proposal]:
    """Yield a proposal for each kind of text and length band with harmless texts."""
    for kind in sorted({row.kind for row in rows}):
        low = 0
        for up_to in (*lengths, None):
            within = [
                row for row in rows if row.kind == kind and row.length > low and (up_to is None or row.length <= up_to)
            ]
            if low == 0:
                within += [row for row in rows if row.kind == kind and row.length == 0]
            if any(not row.attack for row in within):
                yield _proposal(kind, up_to, within, review_rate, block_rate)
            low = up_to or low


def _proposal(
    kind: str, up_to: int | None, rows: Sequence[Labelled], review_rate: float, block_rate: float
) -> Proposal:
    harmless = [row.score for row in rows if not row.attack]
    review = threshold_for(harmless, review_rate)
    block = max(review, threshold_for(harmless, block_rate))
    warnings = [
        f"{len(harmless)} harmless texts are too few for a rate of {100 * rate:g} %: {rows_needed(rate)} are needed"
        for rate in sorted({review_rate, block_rate}, reverse=True)
        if len(harmless) < rows_needed(rate)
    ]
    for name, threshold, rate in (("review", review, review_rate), ("block", block, block_rate)):
        above = sum(score >= threshold for score in harmless)
        if above > rate * len(harmless):
            warnings.append(f"no {name} threshold reaches {100 * rate:g} %: {above} harmless texts have the top score")
    if not any(row.attack for row in rows):
        warnings.append("there are no attacks: the detection rate is unknown")
    costs = {
        "harmless reviewed or blocked": _share(rows, attack=False, flagged=[row.score >= review for row in rows]),
        "harmless blocked": _share(rows, attack=False, flagged=[row.score >= block for row in rows]),
        "attacks reviewed or blocked": _share(rows, attack=True, flagged=[row.score >= review for row in rows]),
        "attacks blocked": _share(rows, attack=True, flagged=[row.score >= block for row in rows]),
    }
    stopped = [row.today is not Decision.ALLOW for row in rows]
    blocked = [row.today is Decision.BLOCK for row in rows]
    today = {
        "harmless reviewed or blocked": _share(rows, attack=False, flagged=stopped),
        "harmless blocked": _share(rows, attack=False, flagged=blocked),
        "attacks reviewed or blocked": _share(rows, attack=True, flagged=stopped),
        "attacks blocked": _share(rows, attack=True, flagged=blocked),
    }
    return Proposal(kind, up_to, review, block, costs, today, tuple(warnings))


def _share(rows: Sequence[Labelled], *, attack: bool, flagged: Sequence[bool]) -> Share:
    chosen = [flag for row, flag in zip(rows, flagged, strict=True) if row.attack is attack]
    return Share(sum(chosen), len(chosen))


def fragment(proposals: Sequence[Proposal]) -> str:
    """Return the proposals as YAML for ``screening.yaml``."""
    lines = ["thresholds:"]
    for kind in dict.fromkeys(proposal.kind for proposal in proposals):
        lines.append(f"  {kind}:")
        of_kind = [proposal for proposal in proposals if proposal.kind == kind]
        for index, proposal in enumerate(of_kind):
            last = index == len(of_kind) - 1  # it covers all longer texts: the last entry has no limit
            limit = f"up_to: {proposal.up_to}, " if proposal.up_to is not None and not last else ""
            lines.append(f"    - {{{limit}review: {proposal.review:g}, block: {proposal.block:g}}}")
    return "\n".join(lines) + "\n"
