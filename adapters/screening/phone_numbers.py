"""Telephone numbers by ``phonenumbers``, the Python port of Google's libphonenumber.

The library's own search is for prose: a table of numbers keeps it busy. It is asked about candidates, one by one.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain

from phonenumbers import (
    SUPPORTED_REGIONS,
    Leniency,
    NumberParseException,
    PhoneMetadata,
    PhoneNumberMatcher,
    is_valid_number,
    parse,
)

from adapters.screening.phone_candidates import (
    DIGITS,
    EXTENSION,
    INTERNATIONAL,
    PREFIXED,
    Forms,
    is_operation,
    national_candidates,
    runs,
)
from domain.privacy.ports import MOST_CANDIDATES, TooMuchToScan

_BEFORE = 3
_AFTER = 12
"""Code points beside an international number in its window: they distinguish dates, prices and extensions."""
_DIFFERENCE = re.compile(r"^@@ -\d|^diff --git |^\+\+\+ ", re.MULTILINE)
_MOST_DIGITS = 17
_NORTH_AMERICA = 1


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

    Each candidate is examined once: a text is searched several times, and repeats itself. ``weight`` is the number of
    questions to the library.
    """

    def __init__(self) -> None:
        self.weight = 0
        self._known: dict[tuple[str, int], tuple[int, int] | None] = {}
        self._last_region = ""

    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        """See the port."""
        found = list(self._international(text))
        if regions:
            found += self._national(text, regions)
        return sorted(found)

    def _international(self, text: str) -> Iterator[tuple[int, int]]:
        of_difference: bool | None = None
        for candidate in chain(INTERNATIONAL.finditer(text), PREFIXED.finditer(text) if "00" in text else ()):
            start, end = candidate.span()
            signed = candidate[0][0] == "+"
            if signed and is_operation(text, start, end):
                continue
            if signed and text[start - 1 : start] in ("", "\n"):
                if of_difference is None:
                    of_difference = _DIFFERENCE.search(text) is not None
                if of_difference:  # the sign of an added line
                    continue
            before = text[max(0, start - _BEFORE) : start].rpartition("\n")[2]
            offset = start - len(before)
            number = text[start:end] if signed else f" +{text[start + 2 : end]}"
            window = before + number + text[end : end + _AFTER].partition("\n")[0]
            key = window, start - offset
            if key not in self._known:
                self._count()
                self._known[key] = _number_in(window, start - offset, end - offset)
            if place := self._known[key]:
                yield (place[0] + offset if signed else start), place[1] + offset

    def _national(self, text: str, regions: Sequence[str]) -> Iterator[tuple[int, int]]:
        forms = Forms().union(*(_forms(region) for region in regions))
        international = [candidate.span() for candidate in INTERNATIONAL.finditer(text)]
        free = 0
        for groups in runs(text):
            for first, group in enumerate(groups):
                if group[0] < free or _within(international, group):
                    continue
                for start, end in national_candidates(text, groups, first, forms):
                    if place := self._examined(text, start, end, regions):
                        free = place[1]
                        yield place
                        break

    def _examined(self, text: str, start: int, end: int, regions: Sequence[str]) -> tuple[int, int] | None:
        extension = EXTENSION.match(text, end)
        key = text[start : extension.end() if extension else end], start - end
        if key not in self._known:
            self._known[key] = self._national_number(key[0], text[start:end], regions)
        place = self._known[key]
        return (start + place[0], start + place[1]) if place else None

    def _national_number(self, written: str, number: str, regions: Sequence[str]) -> tuple[int, int] | None:
        """Return the position of a number in a region's grouping, or None."""
        digits = "".join(DIGITS.findall(number))
        # the numbers of a list are mostly of one region
        for region in sorted(regions, key=self._last_region.__ne__):
            if not _fits(region, digits, number[0]):
                continue
            self._count()
            try:
                valid = is_valid_number(parse(written, region))
            except NumberParseException:
                continue
            for match in PhoneNumberMatcher(written, region, leniency=Leniency.STRICT_GROUPING) if valid else ():
                if match.start <= 1 and match.end >= len(number):
                    self._last_region = region
                    return match.start, match.end
        return None

    def _count(self) -> None:
        self.weight += 1
        if self.weight > MOST_CANDIDATES:
            raise TooMuchToScan


def _within(taken: Sequence[tuple[int, int]], place: tuple[int, int]) -> bool:
    """Return True for the part of an international number behind its country code."""
    index = bisect_left(taken, (place[1], 0)) - 1
    return index >= 0 and taken[index][1] > place[0]


@cache
def _forms(region: str) -> Forms:
    """Return the forms of a region's national numbers.

    Where a prefix is dialled for national calls, numbers are written with it, or begin with a bracket.
    """
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None or metadata.general_desc is None:
        return Forms()
    possible = [length for length in metadata.general_desc.possible_length if length < _MOST_DIGITS]
    prefix = metadata.national_prefix or ""
    if len(prefix) == 1 and metadata.country_code != _NORTH_AMERICA:
        return Forms((length + (first == prefix), first) for length in possible for first in (prefix, "("))
    return Forms((length + more, "") for length in possible for more in (0, len(prefix)))


@cache
def _pattern(region: str) -> re.Pattern[str]:
    metadata = PhoneMetadata.metadata_for_region(region)
    national = metadata.general_desc.national_number_pattern if metadata and metadata.general_desc else None
    prefix = re.escape(metadata.national_prefix or "") if metadata else ""
    return re.compile(rf"(?:{prefix})?(?:{national})" if national else "(?!)")


def _fits(region: str, digits: str, begins: str) -> bool:
    """Return True if a region has numbers of these digits: a check that takes a fraction of the library's."""
    fitting = {(len(digits), ""), (len(digits), begins)}
    return not fitting.isdisjoint(_forms(region)) and _pattern(region).fullmatch(digits) is not None


def _number_in(window: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the international number that begins between two positions, if there is one."""
    for match in PhoneNumberMatcher(window, None, leniency=Leniency.VALID):
        if match.start >= end:
            break
        if match.start >= start - 1:  # the library includes a bracket before the sign
            return max(match.start, start), match.end
    return None
