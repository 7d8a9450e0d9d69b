"""A text for detectors, with a map from every stretch to the original.

A view is made in steps, each of which replaces some stretches of the text before it. Unchanged text is mapped by
distance, a replacement to the whole replaced stretch: so a plain text needs no map, and positions are computed only for
findings.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

WORD = re.compile(r"\w+")

Replacement = tuple[int, int, str]
"""Start and end in a text, and the replacement."""

_Mapped = tuple[int, int, int, int]  # start and end after the step, start and end before it
_START = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Step:
    """Replacements of one step, in order."""

    replaced: tuple[_Mapped, ...]

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return the position before the step of a non-empty stretch after it."""
        first, last = self._source(start), self._source(end - 1)
        return min(first[0], last[0]), max(first[1], last[1])

    def _source(self, at: int) -> tuple[int, int]:
        index = bisect_right(self.replaced, at, key=_START) - 1
        if index < 0:
            return at, at + 1
        _, end_after, start, end = self.replaced[index]
        if at < end_after:
            return start, end
        return at - end_after + end, at - end_after + end + 1


@dataclass(frozen=True, slots=True)
class View:
    """A text derived from another in steps, the first one first."""

    text: str
    steps: tuple[Step, ...] = ()

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the position in the original of a non-empty stretch of the view."""
        for step in reversed(self.steps):
            start, end = step.source(start, end)
        return start, end

    def rewritten(self, replacements: Sequence[Replacement]) -> "View":
        """Return the view with some stretches replaced: in order, without overlaps."""
        parts: list[str] = []
        mapped: list[_Mapped] = []
        done = length = 0
        for start, end, instead in replacements:
            parts += (self.text[done:start], instead)
            length += start - done
            mapped.append((length, length + len(instead), start, end))
            length += len(instead)
            done = end
        parts.append(self.text[done:])
        return View("".join(parts), (*self.steps, Step(tuple(mapped))))

    def respelled(self, text: str) -> "View":
        """Return the view with other characters at the same positions: as many as before."""
        return View(text, self.steps)


def apart(text: str, start: int, end: int, instead: str) -> str:
    """Return the replacement of a stretch with spaces where it touches other words."""
    before = " " if start and not text[start - 1].isspace() else ""
    after = " " if end < len(text) and not text[end].isspace() else ""
    return f"{before}{instead}{after}"
