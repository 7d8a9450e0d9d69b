"""The port behind which telephone numbers are known: their forms are hundreds of countries' own."""

from collections.abc import Sequence
from typing import Protocol


class PhoneNumbers(Protocol):
    """Finds telephone numbers in texts."""

    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        """The places of numbers, start and end in code points, in order.

        Those in international form, and those that are written as at home in one of the ``regions`` (ISO 3166-1).

        Raises:
            TooMuchToScan: the text holds more that could be a number than can be looked at.
        """
        ...


class TooMuchToScan(Exception):
    """A text was not read to its end: then it is not known what it holds."""
