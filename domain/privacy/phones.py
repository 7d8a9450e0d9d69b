"""Telephone numbers of a request, each text searched by itself: what was found in one depends on no other."""

from collections.abc import Callable, Sequence
from functools import partial

from domain.ports import NO_TEXT_CACHE, TextCache
from domain.privacy.policy import Found
from domain.privacy.ports import MOST_OF_A_REQUEST, PhoneNumbers, PhoneSearches, TooMuchToScan

Search = Callable[[PhoneNumbers], Sequence[Found]]
"""A search of one text, by the numbers that it is given."""


class PhonesOfRequest:
    """``PhoneNumbers`` of one request. Texts in the cache count as much as searched ones."""

    def __init__(self, searches: PhoneSearches, cache: TextCache = NO_TEXT_CACHE) -> None:
        """Take the searches, and the results of earlier requests."""
        self._searches = searches
        self._cache = cache
        self._weight = 0

    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        """See ``PhoneNumbers``."""
        search = self._searches.begin()
        found = search.find(text, regions)
        self._count(search.weight)
        return found

    def searched(self, text: str, search: Search) -> Sequence[Found]:
        """Return what a search finds in a text, or has found before.

        Raises:
            TooMuchToScan: the request's texts up to this one have too many candidates.
        """
        found, weight = self._cache.recall("phones", (text,), partial(self._counted, search))
        self._count(weight)
        return found

    def _counted(self, search: Search) -> tuple[tuple[Found, ...], int]:
        own = PhonesOfRequest(self._searches)
        found = tuple(search(own))
        return found, own._weight

    def _count(self, weight: int) -> None:
        self._weight += weight
        if self._weight > MOST_OF_A_REQUEST:
            raise TooMuchToScan
