"""Results of normalisation besides the text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.text.view import Replacement


@dataclass(frozen=True, slots=True)
class Technique:
    """A disguise of a stretch of text.

    Attributes:
        name: its name: ``base64``, ``leetspeak``, ``tags``...
        start: its start in the original, in code points.
        end: its end there.
        hides: True if people see nothing, or another text than a model reads.
    """

    name: str
    start: int
    end: int
    hides: bool = False


class Decoding(NamedTuple):
    """Stretches in one encoding or spelling, with their plaintext. ``complete`` is False if a limit left some."""

    name: str
    replacements: Sequence[Replacement] = ()
    complete: bool = True
