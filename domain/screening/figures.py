"""Quality of scores: rates, curves, confidence intervals. Labels: attacks are True.

A text is flagged at a threshold if its score is at least as high, as in the screening. Texts with the same score are
flagged together, so not every rate can be reached.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

_Z = 1.959964  # the normal distribution's quantile for 95 %


class NoFiguresError(ValueError):
    """There are no attacks, or no harmless texts, for a figure."""


@dataclass(frozen=True, slots=True)
class Point:
    """Effect of a threshold: shares of harmless texts (``fpr``) and of attacks (``tpr``) that are flagged."""

    threshold: float
    fpr: float
    tpr: float


def curve(scored: Iterable[tuple[float, bool]]) -> tuple[Point, ...]:
    """Return the ROC curve (Fawcett 2006), from flagging nothing down to the lowest score.

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
    """Return the area under a curve, by trapezoids: 1 is perfect, 0.5 random."""
    steps = pairwise(points)
    return sum((after.fpr - before.fpr) * (after.tpr + before.tpr) / 2 for before, after in steps)


def best_at(points: Sequence[Point], fpr: float) -> Point:
    """Return the lowest threshold that flags at most the share ``fpr`` of harmless texts."""
    return [point for point in points if point.fpr <= fpr][-1]


def precision(points: Sequence[Point], harmless: int, attacks: int) -> list[tuple[float, float]]:
    """Return the precision-recall curve of that many texts: recall and precision at each threshold that flags
    something.
    """
    return [
        (point.tpr, point.tpr * attacks / (point.tpr * attacks + point.fpr * harmless))
        for point in points
        if point.tpr or point.fpr
    ]


def wilson(count: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927).

    Raises:
        NoFiguresError: a share of zero items.
    """
    if of < 1:
        raise NoFiguresError("a share of zero items")
    share, squared = count / of, _Z * _Z
    middle = (share + squared / (2 * of)) / (1 + squared / of)
    half = _Z / (1 + squared / of) * math.sqrt(share * (1 - share) / of + squared / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def rows_needed(rate: float) -> int:
    """Return the number of texts needed to bound a rate: no error in so many bounds it with 95 % (Hanley 1983)."""
    return math.ceil(3 / rate)
