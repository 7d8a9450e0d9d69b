"""Syntax trees of patterns, and patterns that are compiled when first used."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from re import _constants as kinds  # type: ignore[attr-defined] # the parser that ``re`` itself uses
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_LOOKBEHIND = "(?<"
_REPEATS = (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT)


@dataclass(frozen=True)
class LazyPattern:
    """A valid pattern in verbose syntax. It has what rules need of ``re.Pattern``, and is compiled at its first use."""

    pattern: str

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The compiled pattern."""
        return re.compile(self.pattern, re.VERBOSE)

    def search(self, text: str) -> re.Match[str] | None:
        """Return the first match."""
        return self.compiled.search(text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """Yield the matches that don't overlap."""
        return self.compiled.finditer(text)


@lru_cache(maxsize=8)
def tree_of(pattern: str) -> Any:  # noqa: ANN401 - the parser's own
    """Return the syntax tree of a pattern in verbose syntax. The last ones are kept.

    Raises:
        ValueError: it is no regular expression.
    """
    try:
        tree = parser.parse(pattern, re.VERBOSE)
        valid = _LOOKBEHIND not in pattern or _has_fixed_lookbehinds(tree)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError("is not a regular expression") from error
    if not valid:
        raise ValueError("is not a regular expression: a look-behind must have a fixed length")
    return tree


def lazy_pattern(pattern: str) -> LazyPattern:
    """Return a pattern whose syntax was checked, without compiling it.

    Raises:
        ValueError: it is no regular expression, or it matches the empty string.
    """
    lazy = LazyPattern(pattern)
    if not tree_of(pattern).getwidth()[0] and lazy.search(""):
        raise ValueError("must not match an empty text")
    return lazy


def _has_fixed_lookbehinds(tree: Any) -> bool:  # noqa: ANN401 - the parser's own
    return all(_is_fixed(*item) for item in tree)


def _is_fixed(kind: Any, argument: Any) -> bool:  # noqa: ANN401 - the parser's own
    if kind in (kinds.ASSERT, kinds.ASSERT_NOT):
        direction, inner = argument
        low, high = inner.getwidth()
        return (direction > 0 or low == high) and _has_fixed_lookbehinds(inner)
    if kind is kinds.SUBPATTERN:
        return _has_fixed_lookbehinds(argument[-1])
    if kind is kinds.BRANCH:
        return all(map(_has_fixed_lookbehinds, argument[1]))
    return kind not in _REPEATS or _has_fixed_lookbehinds(argument[2])
