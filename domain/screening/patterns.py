"""Patterns written by operators: regular expressions with bounded work at every position of a text.

Python's engine backtracks, so an unfortunate pattern takes time exponential in the text (CWE-1333). With every repeat
bounded and none nested, the work at one position depends on the pattern alone, so the work on a text is linear.
"""

import re
from dataclasses import dataclass, field

_MAX_REPEAT = 256
_MAX_GROUP_REPEAT = 8
_WIDE = 16
_MAX_WIDE = 3
_QUANTIFIER = re.compile(r"\*|\+|\?|\{(?P<low>\d*)(?P<comma>,?)(?P<high>\d*)\}")
_GROUP_START = re.compile(r"\((?:\?(?:P<\w+>|<?[=!]|i?:))?")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_IGNORED = re.compile(r"\s+|#[^\n]*")
_PLAIN = re.compile(r"[^\\\[()|?*+{#\s]+")


@dataclass
class _PatternGroup:
    """State of an open group. ``wide`` counts the long repeats on its longest path."""

    repeats: bool = False
    wide: int = 0
    branch: int = field(default=0)

    def close(self) -> None:
        self.wide = max(self.wide, self.branch)
        self.branch = 0


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in verbose syntax: white space and ``# comments`` in it are ignored.

    Raises:
        ValueError: it is no regular expression, its work is not bounded (with the reason), or it matches the empty
            string.
    """
    require_bounded(pattern)
    try:
        compiled = re.compile(pattern, re.VERBOSE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError("is not a regular expression") from error
    if compiled.search(""):
        raise ValueError("must not match an empty text")
    return compiled


def require_bounded(pattern: str) -> None:
    """Require that the work at one position of a text depends on the pattern alone.

    Raises:
        ValueError: with the reason.
    """
    groups = [_PatternGroup()]
    closed: _PatternGroup | None = None  # the group that ends here, if one does
    at = 0
    while at < len(pattern):
        if plain := _PLAIN.match(pattern, at):
            closed, at = None, plain.end()
        elif ignored := _IGNORED.match(pattern, at):
            at = ignored.end()
        elif quantifier := _QUANTIFIER.match(pattern, at):
            _repeat(quantifier, closed, groups[-1])
            closed, at = None, quantifier.end()
            at += pattern[at : at + 1] in ("?", "+")
        else:
            closed, at = _atom(pattern, at, groups)
    groups[0].close()
    if len(groups) != 1 or groups[0].wide > _MAX_WIDE:
        raise ValueError(f"can match too much: at most {_MAX_WIDE} repeats of more than {_WIDE}")


def _atom(pattern: str, at: int, groups: list[_PatternGroup]) -> tuple[_PatternGroup | None, int]:
    """Step over the item at ``at``. Return the group that it closes and the position after it."""
    char = pattern[at]
    if char == "\\":
        if pattern[at + 1 : at + 2].isdigit():
            raise ValueError("must not contain a backreference")
        return None, at + 2
    if char == "[" and (members := _CLASS.match(pattern, at)):
        return None, members.end()
    if start := _GROUP_START.match(pattern, at):
        if pattern.startswith("?", start.end()):
            raise ValueError("contains a group of a kind that is not allowed")
        groups.append(_PatternGroup())
        return None, start.end()
    if char == "|":
        groups[-1].close()
    if char == ")" and len(groups) > 1:
        group = groups.pop()
        group.close()
        groups[-1].branch += group.wide
        groups[-1].repeats |= group.repeats
        return group, at + 1
    return None, at + 1


def _repeat(quantifier: re.Match[str], closed: _PatternGroup | None, around: _PatternGroup) -> None:
    if quantifier[0] == "?":
        return
    high = quantifier["high"] or (quantifier["low"] if not quantifier["comma"] else None)
    if not high:
        raise ValueError("contains a repeat without an upper bound ('*', '+' or '{n,}')")
    most = int(high)
    if most > (_MAX_GROUP_REPEAT if closed else _MAX_REPEAT):
        raise ValueError(f"repeats too often: at most {_MAX_GROUP_REPEAT} for a group, {_MAX_REPEAT} otherwise")
    if closed and closed.repeats:
        raise ValueError("contains a nested repeat")
    if quantifier["comma"]:  # an exact number of repeats leaves no alternatives
        around.repeats = True
        around.branch += most > _WIDE
