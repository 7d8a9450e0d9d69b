"""What normalising says about a text besides the text."""

from dataclasses import dataclass


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
