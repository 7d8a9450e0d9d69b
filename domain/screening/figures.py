"""How well scores tell attacks from what is harmless: rates, curves, confidence intervals. Labels: attacks are True.

A text is flagged at a threshold if its score is that high or higher, as the screening decides. Texts of the same score
are flagged together, so a rate that lies between two thresholds can't be had.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

_Z = 1.959964  # the normal distribution's quantile for 95 %


class NoFiguresError(ValueError):
    """There are no attacks, or nothing harmless, to compute a figure of."""


@dataclass(frozen=True, slots=True)
class Point:
    """What a threshold leads to: shares of harmless texts (``fpr``) and of attacks (``tpr``) that are flagged."""

    threshold: float
    fpr: float
    tpr: float


def curve(scored: Iterable[tuple[float, bool]]) -> tuple[Point, ...]:
    """The ROC curve (Fawcett 2006), from a threshold that flags nothing down to the lowest score.

    Raises:
        NoFiguresError: one of the two kinds is missing.
    """
    ordered = sorted(scored, key=lambda one: -one[0])
    attacks = sum(label for _, label in ordered)
    harmless = len(ordered) - attacks
    if not attacks or not harmless:
        raise NoFiguresError("attacks and harmless texts are required")
    points = [Point(math.inf, 0.0, 0.0)]
    found = wrong = 0
    for score, same in groupby(ordered, key=lambda one: one[0]):
        for _, label in same:
            found += label
            wrong += not label
        points.append(Point(score, wrong / harmless, found / attacks))
    return tuple(points)


def area(points: Sequence[Point]) -> float:
    """The area under a curve, by trapezoids: 1 is perfect, 0.5 a coin."""
    steps = pairwise(points)
    return sum((after.fpr - before.fpr) * (after.tpr + before.tpr) / 2 for before, after in steps)


def best_at(points: Sequence[Point], fpr: float) -> Point:
    """The lowest threshold at which no larger share of harmless texts is flagged than ``fpr``."""
    return [point for point in points if point.fpr <= fpr][-1]


def precision(points: Sequence[Point], harmless: int, attacks: int) -> list[tuple[float, float]]:
    """The precision-recall curve of that many texts: recall and precision at each threshold that flags something."""
    return [
        (point.tpr, point.tpr * attacks / (point.tpr * attacks + point.fpr * harmless))
        for point in points
        if point.tpr or point.fpr
    ]


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927).

    Raises:
        NoFiguresError: a share of nothing.
    """
    if of < 1:
        raise NoFiguresError("a share of zero items")
    share, squared = count / of, _Z * _Z
    middle = (share + squared / (2 * of)) / (1 + squared / of)
    half = _Z / (1 + squared / of) * math.sqrt(share * (1 - share) / of + squared / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def rows_needed(rate: float) -> int:
    """How many texts it takes to see a rate at all: none wrong of so many bounds it with 95 % (Hanley 1983)."""
    return math.ceil(3 / rate)
