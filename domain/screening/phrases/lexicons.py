"""Lexicon rules: a verb, its object and a mark of whose it is, near each other in one sentence, in any order.

All lexicons of a rule set share one index of terms (``terms``), so their number costs little.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from domain.screening.phrases.mentions import MENTION_WEIGHT, Hit, is_mention
from domain.screening.phrases.terms import TermIndex, Use
from domain.text.view import View

_VERB, _OBJECT, _MARK = range(3)
_NEEDED = 1 << _VERB | 1 << _OBJECT
_SENTENCE_END = re.compile(r"[!?;\u3002\u061f\u0964\u06d4\uff01\uff1f\u2026]|\.(?!\w)|\n\n")
_NEAR = 14
_SAID_WITHIN = 40
_MOST_MENTIONS = 8
_OF_OTHERS = 0.6  # further discount of a phrase whose object is a third party's

_Place = tuple[int, int, int]  # start, end, and the parts that a term can be


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Terms of one language and one family of attacks. Terms are in the folded view's spelling.

    A term is a word or some words; one that ends in ``*`` is the beginning of a word. In scripts that are written
    without spaces, or attach articles and endings, it is found anywhere.

    Attributes:
        name: the rule's name in findings.
        score: of a verb, an object and a mark together.
        score_without_mark: of a verb and an object alone; 0 for no finding.
        reach: maximum code points from the start of the first term to the end of the last.
        verbs: what is to be done, such as "ignore".
        objects: what it is to be done to, such as "instructions".
        marks: whose or which they are, such as "your" or "previous".
        unless: terms shortly before or within that reverse the meaning, such as "don't forget".
        not_after: words directly before a verb that make it no order, such as "who" and "how".
        others: words after the object that give it to a third party, such as "of the": a mention.
        own: words after these that name the model or its makers after all.
        across_sentences: True if the phrase may extend over the ends of sentences.
        said: words soon after that quote or discuss the phrase: a mention.
    """

    name: str
    score: float
    score_without_mark: float
    reach: int
    verbs: tuple[str, ...]
    objects: tuple[str, ...]
    marks: tuple[str, ...]
    unless: tuple[str, ...] = ()
    not_after: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    across_sentences: bool = False


@dataclass(frozen=True, slots=True)
class LexiconHit:
    """A lexicon's phrase in a view, and its score before any discount."""

    lexicon: Lexicon
    hit: Hit
    score: float

    @property
    def weight(self) -> float:
        """Return the score, discounted for a mention."""
        return self.score * (MENTION_WEIGHT if self.hit.mention else 1.0)


class LexiconIndex:
    """Index of many lexicons' terms."""

    def __init__(self, lexicons: tuple[Lexicon, ...]) -> None:
        """Index the terms of these lexicons."""
        self._lexicons = lexicons
        self._terms = TermIndex(_uses(lexicons))

    def hits(self, view: View) -> Iterator[LexiconHit]:
        """Yield the best phrase of each lexicon in a view."""
        by_lexicon: dict[int, list[_Place]] = defaultdict(list)
        present: dict[int, int] = defaultdict(int)
        for start, end, uses in self._terms.places(view.text):
            for number, parts in uses:
                by_lexicon[number].append((start, end, parts))
                present[number] |= parts
        for number, places in by_lexicon.items():
            if present[number] & _NEEDED != _NEEDED:
                continue
            lexicon = self._lexicons[number]
            if best := _best(lexicon, _phrases(lexicon, places, view), view):
                yield best


def _uses(lexicons: Iterable[Lexicon]) -> Mapping[str, tuple[Use, ...]]:
    """Return the terms of all lexicons, with their parts in each."""
    uses: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for number, lexicon in enumerate(lexicons):
        for part, terms in enumerate((lexicon.verbs, lexicon.objects, lexicon.marks)):
            for term in terms:
                uses[term][number] |= 1 << part
    return {term: tuple(of_lexicons.items()) for term, of_lexicons in uses.items()}


def _phrases(lexicon: Lexicon, places: list[_Place], view: View) -> Iterator[tuple[float, int, int]]:
    """Yield score, start and end of each phrase: a verb, an object and perhaps a mark near each other."""
    last: list[tuple[int, int] | None] = [None, None, None]
    places.sort()
    for at, (start, end, parts) in enumerate(places):
        for part in (_VERB, _OBJECT, _MARK):
            if parts >> part & 1 and (part != _VERB or _is_order(lexicon, view.text, start)):
                last[part] = (start, end)
        for score, needed in ((lexicon.score, last), (lexicon.score_without_mark, last[:_MARK])):
            known = [place for place in needed if place]
            if not score or len(known) < len(needed):
                continue
            begin, stop = min(place[0] for place in known), max(place[1] for place in known)
            if stop - begin <= lexicon.reach and (
                lexicon.across_sentences or not _SENTENCE_END.search(view.text, begin, stop)
            ):
                yield score, begin, _extended(places, at, stop)
                break


def _extended(places: list[_Place], at: int, end: int) -> int:
    """Return the end of the terms that directly follow one another from a place on."""
    for start, stop, _ in islice(places, at + 1, None):
        if start > end + 1:
            break
        end = max(end, stop)
    return end


def _best(lexicon: Lexicon, phrases: Iterator[tuple[float, int, int]], view: View) -> LexiconHit | None:
    """Return the first phrase of the full score, or else the weightiest.

    After some mentions, a further one counts as a use: so their number bounds the work.
    """
    best: LexiconHit | None = None
    mentions = 0
    for score, start, end in phrases:
        if _is_reversed(lexicon, view, start, end):
            continue
        theirs = mentions < _MOST_MENTIONS and _is_of_others(lexicon, view, end)
        mention = theirs or (mentions < _MOST_MENTIONS and _is_mention(lexicon, view, start, end))
        mentions += mention
        found = LexiconHit(lexicon, Hit(start, end, mention), score * (_OF_OTHERS if theirs else 1.0))
        if best is None or found.weight > best.weight:
            best = found
        if not mention and score == lexicon.score:
            break
    return best


def _is_order(lexicon: Lexicon, text: str, start: int) -> bool:
    """Test for a verb that no subject or question word directly precedes."""
    words = text[max(0, start - _NEAR) : start].split()
    return not words or words[-1].lstrip("\"'([") not in lexicon.not_after


def _is_reversed(lexicon: Lexicon, view: View, start: int, end: int) -> bool:
    first = max(0, start - _NEAR)
    around = view.text[first : end + _NEAR]
    return any(0 <= around.find(term) < end - first for term in lexicon.unless)


def _is_of_others(lexicon: Lexicon, view: View, end: int) -> bool:
    rest = view.text[end : end + _SAID_WITHIN].lstrip(" \n")
    for term in lexicon.others:
        if rest.startswith(term):
            return not rest[len(term) :].lstrip().startswith(lexicon.own)
    return False


def _is_mention(lexicon: Lexicon, view: View, start: int, end: int) -> bool:
    after = view.text[end : end + _SAID_WITHIN]
    return any(term in after for term in lexicon.said) or is_mention(view, start, end)


@lru_cache(maxsize=32)
def index_of(lexicons: tuple[Lexicon, ...]) -> LexiconIndex:
    """Return the index of some lexicons, cached: kinds of text share them."""
    return LexiconIndex(lexicons)
