"""Stretches of a text in another spelling: the runs of words with the greatest total gain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LONGEST_GAP = 30  # words


@dataclass(frozen=True, slots=True)
class WeighedWord:
    """A word at a position, and its evidence for (above 0) or against another spelling."""

    start: int
    end: int
    weight: float


def best_stretches(words: Sequence[WeighedWord], loss: float) -> Iterator[tuple[float, Sequence[WeighedWord]]]:
    """Yield runs of words with their total gain, each ended by a costly gap.

    Linear in the words (Kadane's algorithm, with bounded gaps).
    """
    at = 0
    while at < len(words):
        if words[at].weight <= 0:
            at += 1
            continue
        total = best = 0.0
        last = end = at
        while end < len(words) and end - last <= _LONGEST_GAP and total >= max(0.0, best - loss):
            total += words[end].weight
            if total > best:
                best, last = total, end
            end += 1
        yield best, words[at : last + 1]
        at = last + 1
