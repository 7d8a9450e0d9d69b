"""Text beside a number that shows what it belongs to."""

import re

_HEX_BEFORE = re.compile(r"(?:[0-9a-fA-F]{2}(?:[0-9a-fA-F]{2}){0,3}|[0-9a-fA-F]{6,16}:) {1,2}\Z")
_HEX_AFTER = re.compile(r" {1,2}([0-9a-fA-F]{2}(?:[0-9a-fA-F]{2}){0,3})(?![0-9A-Za-z_])")
_MIXED = re.compile("[^:]*:|(?=[^0-9]*[0-9])(?=[^a-fA-F]*[a-fA-F])")
_LONGEST = 18


def beside_hex(text: str, start: int, end: int) -> bool:
    """Return True for a part of a row of hexadecimal groups: a memory dump."""
    before = _HEX_BEFORE.search(text[max(0, start - _LONGEST) : start])
    after = _HEX_AFTER.match(text, end)
    return any(found and _MIXED.match(found[0]) for found in (before, after))
