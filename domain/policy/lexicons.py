"""Lexicons, read from the member ``lexicons`` of a rule set, and tested on their examples."""

import re
import unicodedata

from domain.policy.reader import PolicyError, Section
from domain.screening.phrases.lexicons import Lexicon, index_of
from domain.text.normalise.fold import fold
from domain.text.normalise.pipeline import normalise

_MOST_TERMS = 200
_SHORTEST, _LONGEST = 2, 40  # characters; a sign of a script beyond ASCII may be a word
_LEAST_REACH, _MOST_REACH, _USUAL_REACH = 10, 200, 60
_PLAIN = re.compile(r"[a-z0-9'*-]+(?: [a-z0-9'*-]+)* ?\Z")
_SEARCHED = ("verbs", "objects", "marks")


def read_lexicon(entry: Section, name: str) -> Lexicon:
    """Parse one lexicon. Terms are brought into the spelling of the folded view.

    Raises:
        PolicyError: at the first error, or at the first example that it fails.
    """
    lexicon = Lexicon(
        name=name,
        score=entry.number("score", 0.01, 1),
        score_without_mark=entry.number("score_without_mark", 0, 1) if "score_without_mark" in entry else 0.0,
        reach=entry.whole("reach", _LEAST_REACH, _MOST_REACH) if "reach" in entry else _USUAL_REACH,
        verbs=_terms(entry, "verbs"),
        objects=_terms(entry, "objects"),
        marks=_terms(entry, "marks"),
        unless=_terms(entry, "unless"),
        not_after=_terms(entry, "not_after"),
        others=_terms(entry, "others"),
        own=_terms(entry, "own"),
        said=_terms(entry, "said"),
        across_sentences=entry.flag("across_sentences") if "across_sentences" in entry else False,
    )
    index = index_of((lexicon,))
    for member, wanted in (("matches", True), ("passes", False)):
        for at, example in enumerate(entry.texts(member)):
            if any(not found.hit.mention for found in index.hits(normalise(example).view)) is not wanted:
                what = "does not match this example" if wanted else "matches this example, and must not"
                raise PolicyError(f"{entry.path(member)}.{at}", f"the lexicon '{name}' {what}")
    return lexicon


def _terms(entry: Section, member: str) -> tuple[str, ...]:
    searched = member in _SEARCHED
    if member not in entry and not searched:
        return ()
    terms = entry.texts(member)
    folded = tuple(dict.fromkeys(_folded(term.lstrip()) for term in terms))
    if len(folded) > _MOST_TERMS or not all(_fits(term, searched=searched) for term in folded):
        what = f"must be at most {_MOST_TERMS} terms of {_SHORTEST} to {_LONGEST} characters"
        raise PolicyError(entry.path(member), what)
    if any("*" in term[:-1] for term in folded):
        raise PolicyError(entry.path(member), "may contain '*' only at the end of a term")
    return folded


def _folded(term: str) -> str:
    """Return a term in the spelling of the view. Plain terms have it."""
    return term if _PLAIN.match(term) else fold(unicodedata.normalize("NFC", term)).text


def _fits(term: str, *, searched: bool) -> bool:
    length = len(term.rstrip("*"))
    return length <= _LONGEST and (length >= _SHORTEST or (not searched and length > 0) or not term.isascii())
