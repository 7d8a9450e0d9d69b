"""What normalising says about a text besides the text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.text.view import Replacement


@dataclass(frozen=True, slots=True)
class Technique:
    """A way in which a stretch of a text was disguised.

    Attributes:
        name: what it is called: ``base64``, ``leetspeak``, ``tags``...
        start: where it begins in the original, in code points.
        end: where it ends there.
        hides: whether people don't see it, or see something else than a model reads.
    """

    name: str
    start: int
    end: int
    hides: bool = False


class Decoding(NamedTuple):
    """Stretches in one encoding or spelling, and what they say. ``complete`` is False where a bound left some of it."""

    name: str
    replacements: Sequence[Replacement] = ()
    complete: bool = True
