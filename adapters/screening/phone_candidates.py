"""Possible telephone numbers in a text, without tables, dates, quantities and sums.

A candidate is judged by its digits and by the text beside it here; libphonenumber then sees the few that are left.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from domain.privacy.detection.surroundings import beside_hex

INTERNATIONAL = re.compile(r"(?<![0-9A-Za-z_+])\+[ (]{0,2}\d(?:[ ().\-/]{0,3}\d){5,20}(?!\d)")
PREFIXED = re.compile(
    r"(?<![0-9A-Za-z_.,:/#-])00[ ]?[1-9]\d{0,2}[ \-/(](?:[ ().\-/]{0,2}\d){5,14}(?![0-9A-Za-z_]|[.,:/-]\d)"
)
"""An international number after the prefix that most countries dial for others (ITU-T E.123)."""
DIGITS = re.compile(r"\d+")
EXTENSION = re.compile(r"[ ,;]{0,2}(?:ext(?:ension|n)?\.?|x|#)[ .:]{0,2}\d{1,7}(?!\w)", re.IGNORECASE)
_RUN = re.compile(r"(?<![0-9A-Za-z_+])\d+(?:[ ().\-/]{1,3}\d+)++")
_MOST_GROUPS = 6
_PART_AFTER = re.compile(r"[0-9A-Za-z_]|[.,:/-]\d|:[0-9a-f]{1,4}:| ?[%\u00b0\u20ac]")
_JOINING = (".", ",", "-", "/", "_")
_QUANTITY_AFTER = re.compile(
    r"\s?[%\u00b0\u20ac$\u00a3]|\s{1,2}(?:[mck]?m|k?g|mg|lbs?|oz|[kmgt]i?b|bytes?|bits?|px|[mnu\u00b5]s|secs?|seconds?"
    r"|[kmg]?hz|kwh?|eur|usd|gbp|jpy|chf|rows?|lines?|items?|records?|entries|files?|points?|users?|requests?|packets?"
    r"|tokens?|views?|likes?|hits?|events?|messages?|insertions?|deletions?|additions?|changes?|commits?|inserted|deleted"
    r"|updated|affected|added|removed|units?|pcs|pieces|st\u00fcck|times|total)(?![a-z])",
    re.IGNORECASE,
)
_OPERATION_AFTER = re.compile(r"\s?[*^=]|\s\+\s\d")
_COORDINATE = re.compile(r"\+\d{1,3}\.\d{3,7}\Z")
_OPERAND_BEFORE = re.compile(r"[0-9A-Za-z_)\]]\s?\Z")
_CURRENCY_BEFORE = re.compile(r"[$\u20ac\u00a3\u00a5#]\s?\Z")
_DAY = r"(?:[0-2]?\d|3[01])"
_DATE = re.compile(rf"(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ]{_DAY}(?!\d)|{_DAY}[-./ ]{_DAY}[-./ ](?:19|20)\d\d")
_PAIR = 2
_POSTAL_CODE = [5, 4]
"""Lengths of the groups of a postal code of the United States."""
_ADDRESS = (4, 3)
"""An address of the Internet Protocol: four groups of up to three digits."""

Forms = frozenset[tuple[int, str]]
"""Forms of national numbers: how many digits, and the character that they begin with. Empty: any digit."""


def runs(text: str) -> Iterator[Sequence[tuple[int, int]]]:
    """Yield the groups of digits of each run of groups, by position."""
    for run in _RUN.finditer(text):
        yield [group.span() for group in DIGITS.finditer(text, *run.span())]


def national_candidates(
    text: str, groups: Sequence[tuple[int, int]], first: int, forms: Forms
) -> Iterator[tuple[int, int]]:
    """Yield possible national numbers that begin with group ``first`` of a run, longest first."""
    start = groups[first][0]
    start -= text[start - 1 : start] == "("
    begins = text[start]
    for last in range(min(first + _MOST_GROUPS, len(groups)) - 1, first, -1):
        inside, end = groups[first : last + 1], groups[last][1]
        length = sum(stop - at for at, stop in inside)
        if {(length, ""), (length, begins)}.isdisjoint(forms) or _DATE.match(text, start, end):
            continue
        before = text[groups[first - 1][1] : start] if first else ""
        after = text[end : groups[last + 1][0]] if last + 1 < len(groups) else ""
        if _is_grouped(text, inside, before, after) and not _is_part(text, start, end):
            yield start, end


def _is_grouped(text: str, inside: Sequence[tuple[int, int]], before: str, after: str) -> bool:
    """Return True for the separators of a telephone number, and other ones beside it."""
    between = [text[stop:at] for (_, stop), (at, _) in pairwise(inside)]
    if text[inside[0][0] - 1 : inside[0][0]] == "(" and ")" not in between[0]:
        return False
    if _is_code(between, [stop - at for at, stop in inside]):
        return False
    spaced = all(part.isspace() for part in between)
    if any(beside and (spaced or " " not in beside or beside in between) for beside in (before, after)):
        return False
    return not (spaced and _QUANTITY_AFTER.match(text, inside[-1][1]))


def _is_code(between: Sequence[str], lengths: Sequence[int]) -> bool:
    """Return True for decimals, addresses of machines, postal codes, and several kinds of separators.

    A range of digits in a pattern, such as ``[0-25689]``, is none either.
    """
    signs = {part for part in between if not part.isspace()}
    if "." in signs and len(signs) > 1:
        return True
    if set(between) == {"."}:
        return len(lengths) == _PAIR or (len(lengths) == _ADDRESS[0] and max(lengths) <= _ADDRESS[1])
    plain = [part for part in between if "(" not in part and ")" not in part]
    if len(set(plain[1:-1])) > 1:  # an area code and an extension may be set off otherwise
        return True
    return between == ["-"] and (lengths[0] == 1 or lengths == _POSTAL_CODE)


def _is_part(text: str, start: int, end: int) -> bool:
    """Return True for a part of a longer number, price, memory dump or sum."""
    if _PART_AFTER.match(text, end) and not EXTENSION.match(text, end):
        return True
    before = text[max(0, start - 2) : start]
    if _CURRENCY_BEFORE.search(before) or (before[-1:] in _JOINING and before[:1].isalnum()):
        return True
    if (before[-1:] == ":" and before[:1].isdigit()) or beside_hex(text, start, end):
        return True
    return _OPERATION_AFTER.match(text, end) is not None


def is_operation(text: str, start: int, end: int) -> bool:
    """Return True if a plus sign begins a sum, a coordinate or a count."""
    if _OPERATION_AFTER.match(text, end) or _COORDINATE.match(text[start:end]):
        return True
    if text[start + 1 : start + 2] == " " and _OPERAND_BEFORE.search(text[max(0, start - 2) : start]):
        return True
    return text[start + 1 : end].isdigit() and _QUANTITY_AFTER.match(text, end) is not None
