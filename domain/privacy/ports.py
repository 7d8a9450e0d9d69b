"""Port of telephone number detection: their formats vary by country."""

from collections.abc import Sequence
from typing import Protocol


class PhoneNumbers(Protocol):
    """Finds telephone numbers in texts."""

    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        """Return positions of numbers, start and end in code points, in order.

        Those in international format, and those in the national format of one of the ``regions`` (ISO 3166-1).

        Raises:
            TooMuchToScan: the text has too many candidates.
        """
        ...


class TooMuchToScan(Exception):
    """A text was not searched completely: its content is unknown."""
