"""Required words of a pattern, so that rules are tried on few texts.

A clause is a set of strings of which every match contains at least one. They are derived from the pattern's own syntax
tree, as RE2's prefilter does (Cox 2012, "Regular Expression Matching with a Trigram Index"): a sequence of literals and
small alternatives is multiplied out, and uncertain parts are omitted, which only makes a clause weaker, never wrong.
White space in a text counts as one space in both.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from re import _constants as kinds  # type: ignore[attr-defined] # the parser that ``re`` itself uses
from typing import Any

from domain.screening.phrases.syntax import tree_of

_MOST = 64
_SHORTEST = 2
_BEST = 4
_GRAM = 5
_TRY = 500.0  # relative cost of trying a pattern in vain on a long text, compared with one literal lookup
_LENGTH = 3000
_SELDOM = 0.005
_FREQUENT = {
    " ": 0.18,
    "e": 0.1,
    "t": 0.075,
    "a": 0.065,
    "o": 0.062,
    "i": 0.057,
    "n": 0.057,
    "s": 0.053,
    "h": 0.05,
    "r": 0.05,
    "d": 0.035,
    "l": 0.033,
    "c": 0.023,
    "u": 0.023,
    "m": 0.02,
    "f": 0.018,
    "w": 0.019,
    "y": 0.016,
    "g": 0.016,
    "p": 0.015,
    "b": 0.012,
    "v": 0.008,
    "k": 0.006,
}

_BITS = {char: -math.log2(frequency) for char, frequency in _FREQUENT.items()}
_SELDOM_BITS = -math.log2(_SELDOM)

Clause = frozenset[str]


@dataclass
class _Known:
    """Knowledge about a part: all its matches, if they are few, or else its clauses."""

    exact: Clause | None
    clauses: list[Clause] = field(default_factory=list)

    def all_clauses(self) -> list[Clause]:
        """Return the clauses, with one for the exact texts."""
        usable = self.exact is not None and all(len(text.strip()) >= _SHORTEST for text in self.exact)
        return [*self.clauses, self.exact] if usable and self.exact is not None else self.clauses


_ANYTHING = _Known(None)
_NOTHING = frozenset({""})


def required(pattern: str) -> tuple[Clause, ...]:
    """Return the best clauses of a pattern in verbose syntax, most selective first. None if it requires no word."""
    known = _sequence(tree_of(pattern))
    clauses = {_without_longer(clause) for clause in known.all_clauses()}
    return tuple(sorted(clauses, key=lambda clause: (_cost(clause), sorted(clause)))[:_BEST])


def flat(text: str) -> str:
    """Return a text in the form for clauses."""
    return f" {' '.join(text.split())} "


def _cost(clause: Clause) -> float:
    """Return the expected cost of a clause for a text: its lookup, and a vain trial of the pattern."""
    likely = sum(_LENGTH * _frequency(text) for text in clause)
    return len(clause) + _TRY * min(1.0, likely)


def _without_longer(clause: Clause) -> Clause:
    """Return the clause without texts that contain another one of it."""
    return frozenset(text for text in clause if not any(other != text and other in text for other in clause))


def _sequence(items: Iterable[tuple[Any, Any]]) -> _Known:
    """Multiply out exact parts, and restart after others."""
    clauses: list[Clause] = []
    run: Clause = _NOTHING
    broken = False
    for known in _runs(items):
        if known.exact is not None and len(run) * len(known.exact) <= _MOST:
            run = frozenset(_joined(before + after) for before, after in product(run, known.exact))
            continue
        broken = True
        clauses += _Known(run).all_clauses()
        clauses += known.clauses
        run = known.exact or _NOTHING
    if not broken:
        return _Known(run, clauses)
    return _Known(None, clauses + _Known(run).all_clauses())


def _runs(items: Iterable[tuple[Any, Any]]) -> Iterator[_Known]:
    """Yield each item, with consecutive literal characters as one."""
    literal = ""
    for kind, argument in items:
        if kind is kinds.LITERAL:
            literal += " " if chr(argument).isspace() else chr(argument)
            continue
        if literal:
            yield _Known(frozenset({_joined(literal)}))
            literal = ""
        yield _item(kind, argument)
    if literal:
        yield _Known(frozenset({_joined(literal)}))


def _joined(text: str) -> str:
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def _item(kind: Any, argument: Any) -> _Known:  # noqa: ANN401 - the parser's own
    known = _ANYTHING
    if kind is kinds.IN:
        known = _Known(_characters(argument))
    elif kind in (kinds.AT, kinds.ASSERT, kinds.ASSERT_NOT):
        known = _Known(_NOTHING)
    elif kind is kinds.SUBPATTERN:
        known = _sequence(argument[-1])
    elif kind is kinds.BRANCH:
        known = _branches([_sequence(branch) for branch in argument[1]])
    elif kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT):
        known = _repeat(argument[0], int(argument[1]), _sequence(argument[2]))
    return known


def _characters(members: Sequence[tuple[Any, Any]]) -> Clause | None:
    """Return the characters of a class, if they are few."""
    found: set[str] = set()
    for kind, argument in members:
        if kind is kinds.LITERAL:
            found.add(" " if chr(argument).isspace() else chr(argument))
        elif kind is kinds.CATEGORY and argument is kinds.CATEGORY_SPACE:
            found.add(" ")
        else:
            return None
    return frozenset(found)


def _branches(branches: list[_Known]) -> _Known:
    if all(branch.exact is not None for branch in branches):
        union = frozenset[str]().union(*(branch.exact or () for branch in branches))
        if len(union) <= _MOST:
            return _Known(union)
    best = [min(branch.all_clauses(), key=_cost, default=None) for branch in branches]
    if any(clause is None for clause in best):
        return _ANYTHING
    return _Known(None, [frozenset[str]().union(*(clause or () for clause in best))])


def _repeat(low: int, high: int, inner: _Known) -> _Known:
    if (low, high) == (0, 1) and inner.exact is not None:
        return _Known(inner.exact | _NOTHING)
    if (low, high) == (1, 1):
        return inner
    return _Known(None, inner.all_clauses()) if low else _ANYTHING


class Index:
    """Index of many patterns' clauses: selects the patterns to try on a text.

    The literals of all patterns' most selective clauses are looked up together, each once. The other clauses are read
    for patterns that meet this one.
    """

    def __init__(self, patterns: Iterable[tuple[Clause, ...]]) -> None:
        """Take the clauses of each pattern, most selective first."""
        needed = tuple(patterns)
        self._always = tuple(place for place, clauses in enumerate(needed) if not clauses)
        self._places: dict[str, list[int]] = {}
        for place, clauses in enumerate(needed):
            for literal in clauses[0] if clauses else ():
                self._places.setdefault(literal, []).append(place)
        self._first = _Literals(self._places)
        self._others = tuple(tuple(map(_literals, clauses[1:])) for clauses in needed)

    def candidates(self, text: str) -> Iterator[int]:
        """Yield the indices of the patterns that may match, in order."""
        seen = flat(text)
        grams = frozenset(_grams(seen))
        places = set(self._always)
        for literal in self._first.within(seen, grams):
            places.update(self._places[literal])
        met: dict[_Literals, bool] = {}  # parts of a rule share clauses
        for place in sorted(places):
            for clause in self._others[place]:
                known = met.get(clause)
                if known is None:
                    known = met[clause] = next(clause.within(seen, grams), None) is not None
                if not known:
                    break
            else:
                yield place


class _Literals:
    """Literals by their rarest few characters; shorter ones apart."""

    def __init__(self, literals: Iterable[str]) -> None:
        self._short: list[str] = []
        self._by_gram: dict[str, list[tuple[str, frozenset[str]]]] = {}
        for literal in sorted(literals):
            if len(literal) < _GRAM:
                self._short.append(literal)
            else:
                self._by_gram.setdefault(_rarest(literal), []).append((literal, frozenset(_grams(literal))))
        self._grams = frozenset(self._by_gram)

    def within(self, seen: str, grams: frozenset[str]) -> Iterator[str]:
        """Yield the literals within a text, by the text and its sequences of characters."""
        for literal in self._short:
            if literal in seen:
                yield literal
        for gram in self._grams & grams:
            for literal, needed in self._by_gram[gram]:
                if needed <= grams and literal in seen:
                    yield literal


@lru_cache(maxsize=4096)
def _literals(clause: Clause) -> _Literals:
    """Return a clause's literals, shared by the indexes of several kinds of text."""
    return _Literals(clause)


def _grams(text: str) -> list[str]:
    return [text[at : at + _GRAM] for at in range(len(text) - _GRAM + 1)]


@lru_cache(maxsize=16384)
def _rarest(literal: str) -> str:
    """Return the characters of a literal that are rarest in texts."""
    bits = [_BITS.get(char, _SELDOM_BITS) for char in literal]
    sums = [sum(bits[at : at + _GRAM]) for at in range(len(bits) - _GRAM + 1)]
    at = sums.index(max(sums))
    return literal[at : at + _GRAM]


def _frequency(gram: str) -> float:
    """Estimate the frequency of consecutive characters, by letter frequencies of English."""
    return math.prod(_FREQUENT.get(char, _SELDOM) for char in gram)
