"""Telephone numbers of a request, each text searched by itself: what was found in one depends on no other."""

from collections.abc import Callable, Sequence

from domain.privacy.policy import Found
from domain.privacy.ports import MOST_OF_A_REQUEST, PhoneNumbers, PhoneSearches, TooMuchToScan

Search = Callable[[PhoneNumbers], Sequence[Found]]
"""A search of one text, by the numbers that it is given."""


class PhonesOfRequest:
    """``PhoneNumbers`` of one request. Texts that were searched before count as much as others."""

    def __init__(self, searches: PhoneSearches) -> None:
        """Take the searches."""
        self._searches = searches
        self._weight = 0

    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        """See ``PhoneNumbers``."""
        search = self._searches.begin()
        found = search.find(text, regions)
        self.count(search.weight)
        return found

    def counted(self, search: Search) -> tuple[tuple[Found, ...], int]:
        """Return the findings of a search, and its weight, which does not count yet.

        Raises:
            TooMuchToScan: the text has too many candidates.
        """
        own = PhonesOfRequest(self._searches)
        found = tuple(search(own))
        return found, own._weight

    def count(self, weight: int) -> None:
        """Count a search of this request, or of an earlier one.

        Raises:
            TooMuchToScan: the request's texts up to this one have too many candidates.
        """
        self._weight += weight
        if self._weight > MOST_OF_A_REQUEST:
            raise TooMuchToScan
