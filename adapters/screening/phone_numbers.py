"""Telephone numbers by ``phonenumbers``, the Python port of Google's libphonenumber.

The matcher gets small windows around candidates, since its work on a long text of digits has no useful bound.
"""

import re
from collections.abc import Sequence

from phonenumbers import SUPPORTED_REGIONS, Leniency, PhoneMetadata, PhoneNumberMatcher

from domain.privacy.ports import TooMuchToScan

_INTERNATIONAL = re.compile(r"(?<![\w+])\+[ (]{0,2}\d(?:[ ().\-/]{0,3}\d){5,20}(?!\d)")
_ANY = re.compile(r"(?<!\w)(?:\+[ (]{0,2}|\()?\d(?:[ ().\-/]{0,3}\d){5,20}(?!\d)")
_BEFORE = 3
_AFTER = 12
"""Code points after a candidate in its window: they distinguish dates, prices and extensions."""
_MOST = 500
"""Maximum candidates per text. A text with more is a table rather than a prompt, and is refused."""


class LibPhoneNumbers:
    """``domain.privacy.ports.PhoneNumbers`` by libphonenumber."""

    def __init__(self) -> None:
        """Load every region's data, so that no request waits for it."""
        for region in sorted(SUPPORTED_REGIONS):
            PhoneMetadata.metadata_for_region(region)

    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        """See the port."""
        found: list[tuple[int, int]] = []
        for looked_at, candidate in enumerate((_ANY if regions else _INTERNATIONAL).finditer(text)):
            if looked_at >= _MOST:
                raise TooMuchToScan
            offset = max(0, candidate.start() - _BEFORE)
            window = text[offset : candidate.end() + _AFTER]
            bounds = (candidate.start() - offset, candidate.end() - offset)
            found += [(start + offset, end + offset) for start, end in _numbers(window, bounds, regions)]
        return found


def _numbers(window: str, bounds: tuple[int, int], regions: Sequence[str]) -> list[tuple[int, int]]:
    """Return the numbers that begin within ``bounds``. Without its country code, a number must have the national
    grouping.
    """
    written = window[slice(*bounds)]
    international = "+" in written
    if not international and written.isdigit():
        return []
    leniency = Leniency.VALID if international else Leniency.STRICT_GROUPING
    for region in (None,) if international else regions:
        matches = PhoneNumberMatcher(window, region, leniency=leniency)
        spans = [(match.start, match.end) for match in matches if bounds[0] <= match.start < bounds[1]]
        if spans:
            return spans
    return []
