"""Telephone numbers by ``phonenumbers``, the Python port of Google's libphonenumber.

The matcher gets small windows around candidates, since its work on a long text of digits has no useful bound.
"""

import re
from collections.abc import Sequence
from itertools import takewhile

from phonenumbers import SUPPORTED_REGIONS, Leniency, PhoneMetadata, PhoneNumberMatcher

from domain.privacy.ports import MOST_CANDIDATES, TooMuchToScan

_INTERNATIONAL = re.compile(r"(?<![\w+])\+[ (]{0,2}\d(?:[ ().\-/]{0,3}\d){5,20}(?!\d)")
_ANY = re.compile(r"(?<!\w)(?:\+[ (]{0,2}|\()?\d(?:[ ().\-/]{0,3}\d){5,20}(?!\d)")
_BEFORE = 3
_AFTER = 12
"""Code points after a candidate in its window: they distinguish dates, prices and extensions."""
_SEPARATORS = re.compile(r"[ ().\-/]+")
_MANY_GROUPS = 16
"""A candidate of more groups of digits counts twice: the library tries many of them as the start of a number."""


class LibPhoneNumbers:
    """``domain.privacy.ports.PhoneSearches`` by libphonenumber."""

    def __init__(self) -> None:
        """Load every region's data, so that no request waits for it."""
        for region in sorted(SUPPORTED_REGIONS):
            PhoneMetadata.metadata_for_region(region)

    def begin(self) -> "LibPhoneSearch":
        """See the port."""
        return LibPhoneSearch()


class LibPhoneSearch:
    """``domain.privacy.ports.PhoneNumbers`` by libphonenumber.

    Each candidate is examined once: a text is searched several times, and repeats itself.
    """

    def __init__(self) -> None:
        self.weight = 0
        self._known: dict[tuple[str, tuple[int, int]], list[tuple[int, int]]] = {}

    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        """See the port."""
        found: list[tuple[int, int]] = []
        for candidate in (_ANY if regions else _INTERNATIONAL).finditer(text):
            if candidate[0].isdigit():  # without its country code, a number must have the national grouping
                continue
            offset = max(0, candidate.start() - _BEFORE)
            window = text[offset : candidate.end() + _AFTER]
            bounds = (candidate.start() - offset, candidate.end() - offset)
            places = self._known.get((window, bounds))
            if places is None:
                self._count(candidate[0])
                places = self._known[window, bounds] = _numbers(window, bounds, regions)
            found += [(start + offset, end + offset) for start, end in places]
        return found

    def _count(self, candidate: str) -> None:
        self.weight += 1 + (len(_SEPARATORS.findall(candidate)) > _MANY_GROUPS)
        if self.weight > MOST_CANDIDATES:
            raise TooMuchToScan


def _numbers(window: str, bounds: tuple[int, int], regions: Sequence[str]) -> list[tuple[int, int]]:
    """Return the numbers that begin within ``bounds``."""
    international = "+" in window[slice(*bounds)]
    leniency = Leniency.VALID if international else Leniency.STRICT_GROUPING
    for region in (None,) if international else regions:
        matches = PhoneNumberMatcher(window, region, leniency=leniency)
        reached = takewhile(lambda match: match.start < bounds[1], matches)
        spans = [(match.start, match.end) for match in reached if bounds[0] <= match.start]
        if spans:
            return spans
    return []
