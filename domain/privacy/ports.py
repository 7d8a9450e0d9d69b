"""Port of telephone number detection: their formats vary by country."""

from collections.abc import Sequence
from typing import Protocol

MOST_CANDIDATES = 6_000
"""Maximum number of different possible telephone numbers of a text or an answer: more are a table, not a prompt."""
MOST_OF_A_REQUEST = 24_000
"""Maximum number of those of all texts of a request."""


class PhoneNumbers(Protocol):
    """Search for telephone numbers in one request or answer: its texts share a limit."""

    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        """Return positions of numbers, start and end in code points, in order.

        Those in international format, and those in the national format of one of the ``regions`` (ISO 3166-1).

        Raises:
            TooMuchToScan: the texts up to this one have too many candidates.
        """
        ...


class PhoneSearch(PhoneNumbers, Protocol):
    """A search whose work is counted."""

    @property
    def weight(self) -> int:
        """Return the number of candidates that were examined."""
        ...


class PhoneSearches(Protocol):
    """Begins searches for telephone numbers."""

    def begin(self) -> PhoneSearch:
        """Begin the search of one text, request or answer."""
        ...


class TooMuchToScan(Exception):
    """A text was not searched completely: its content is unknown."""
