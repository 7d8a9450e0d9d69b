"""A text as detectors read it, where every stretch knows the place in the original that it came from.

A view is made in steps, each of which replaces some stretches of the text before it. What a step leaves alone is mapped
by distance, what it replaces to the whole of what stood there: so a plain text costs no map at all, and places are
worked out only for what was found.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

WORD = re.compile(r"\w+")

Replacement = tuple[int, int, str]
"""Start and end in a text, and what stands there instead."""

_Mapped = tuple[int, int, int, int]  # start and end after the step, start and end before it
_START = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step has replaced, in order."""

    replaced: tuple[_Mapped, ...]

    def source(self, start: int, end: int) -> tuple[int, int]:
        """The place before the step of a stretch after it, which must not be empty."""
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
    """A text that was made from another in some steps, the first one first."""

    text: str
    steps: tuple[Step, ...] = ()

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the original of a stretch of the view, which must not be empty."""
        for step in reversed(self.steps):
            start, end = step.source(start, end)
        return start, end

    def rewritten(self, replacements: Sequence[Replacement]) -> "View":
        """The view with some stretches replaced: in order, none over another."""
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
        """The view with other characters in the same places: as many as before."""
        return View(text, self.steps)


def apart(text: str, start: int, end: int, instead: str) -> str:
    """What stands instead of a stretch of a text, with spaces where it touches others: as words of their own."""
    before = " " if start and not text[start - 1].isspace() else ""
    after = " " if end < len(text) and not text[end].isspace() else ""
    return f"{before}{instead}{after}"
