"""Alternatives of a pattern as separate patterns, of which few are tried on a text.

``prefix (?: a | b ) suffix`` matches just where ``prefix (?: a ) suffix`` or ``prefix (?: b ) suffix`` does.
"""

import re
from collections.abc import Iterator

_BULK = 0.6  # share of the pattern that its alternatives must make up
_FEWEST_CHARS = 30  # of an alternative, on average: lists of words are not divided
_MOST = 24
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_IGNORED = re.compile(r"\s+|#[^\n]*")
_PLAIN = re.compile(r"[^\\\[()|?*+{#\s]+")
_QUANTIFIERS = ("?", "*", "+", "{")
_OPENING = "(?:"


def alternatives(pattern: str) -> tuple[str, ...]:
    """Return patterns that together match where this one does, in verbose syntax.

    That is the pattern itself if alternatives are not the bulk of it.
    """
    compact = "".join(_items(pattern))
    found = _divided(compact)
    if not 1 < len(found) <= _MOST or sum(map(len, found)) / len(found) < _FEWEST_CHARS:
        return (pattern,)
    return tuple(found)


def _items(pattern: str) -> Iterator[str]:
    """Yield the pattern's items without ignored white space and comments."""
    at = 0
    while at < len(pattern):
        if ignored := _IGNORED.match(pattern, at):
            at = ignored.end()
            continue
        end = _end_of_item(pattern, at)
        yield pattern[at:end]
        at = end


def _end_of_item(pattern: str, at: int) -> int:
    """Return the end of an escape, a class, plain characters, or a sign."""
    if pattern[at] == "\\":
        return at + 2
    several = (_CLASS if pattern[at] == "[" else _PLAIN).match(pattern, at)
    return several.end() if several else at + 1


def _branches(pattern: str) -> list[str]:
    """Return the branches of a compact pattern's outermost alternation."""
    branches, depth, begin, at = [], 0, 0, 0
    while at < len(pattern):
        end = _end_of_item(pattern, at)
        item = pattern[at:end]
        depth += (item == "(") - (item == ")")
        if item == "|" and not depth:
            branches.append(pattern[begin:at])
            begin = end
        at = end
    return [*branches, pattern[begin:]]


def _divided(pattern: str) -> list[str]:
    branches = _branches(pattern)
    if len(branches) > 1:
        return branches
    start, end = _largest_group(pattern)
    inner = pattern[start + len(_OPENING) : end - 1]
    if end - start < _BULK * len(pattern) or pattern[end : end + 1] in _QUANTIFIERS:
        return [pattern]
    return [f"{pattern[:start]}(?:{branch}){pattern[end:]}" for branch in _branches(inner)]


def _largest_group(pattern: str) -> tuple[int, int]:
    """Return start and end of the largest outermost group without capturing or looking around."""
    best, depth, begin, at = (0, 0), 0, 0, 0
    while at < len(pattern):
        end = _end_of_item(pattern, at)
        if pattern[at:end] == "(":
            begin = at if not depth else begin
            depth += 1
        elif pattern[at:end] == ")":
            depth -= 1
            if not depth and end - begin > best[1] - best[0] and pattern.startswith(_OPENING, begin):
                best = begin, end
        at = end
    return best
