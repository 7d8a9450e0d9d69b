"""Leetspeak: digits and signs in the place of letters, where a good share of the words has them and reads as words."""

import re
from itertools import product

from domain.normalise_language import WORDS, word_bits
from domain.normalise_stretches import Weighed, best_stretches
from domain.text_view import Replacement, View

_MAYBE = re.compile(r"[0-9@$!](?:[A-Za-z]|(?<=[A-Za-z].)[A-Za-z0-9@$!])")
_TOKEN = re.compile(r"[A-Za-z0-9@$!]{0,40}[A-Za-z0-9@$]")
_PLAIN = re.compile(r"[A-Za-z]+\Z")
_LETTER = re.compile(r"[A-Za-z]")
_SIGNED = re.compile(r"[@$!][A-Za-z]+\Z")  # a name in code or a handle, unless it is a word
_HEX = re.compile(r"(?=.{0,39}\d.{0,39}\d)[0-9a-fA-F]{6,}\Z")
_WITH_I = str.maketrans("0123456789@$!", "oizeasgtbgasi")
_EITHER = re.compile("[1!]")
_MOST_EITHER = 3  # of what is i or l, tried each by itself

_KNOWN, _LIKELY, _MAYBE_FOREIGN, _SHORT = 1.0, 0.7, 0.5, 0.3
_AGAINST = -0.5
_COSTLY_GAP = 3.0
_ENOUGH = 2.0  # what the words of a stretch come to together
_FEWEST = 2  # words of three letters and more
_READS, _READS_SOMEHOW = 3.7, 4.4  # bits per letter
_LONG = 3


def unleet_letters(lower: str) -> str:
    """A text in lower case with letters for everything that may stand for one."""
    return lower.translate(_WITH_I)


def find_leet(view: View) -> list[Replacement]:
    """Stretches in leetspeak, and what they say, in as many characters."""
    if not _MAYBE.search(view.text):
        return []
    tokens = [(match.span(), match.group()) for match in _TOKEN.finditer(view.text)]
    words = [Weighed(start, end, _weight(token)) for (start, end), token in tokens]
    found: list[Replacement] = []
    for gain, stretch in best_stretches(words, _COSTLY_GAP):
        if gain >= _ENOUGH and sum(word.weight >= _MAYBE_FOREIGN for word in stretch) >= _FEWEST:
            start, end = stretch[0].start, stretch[-1].end
            found.append((start, end, _TOKEN.sub(lambda token: _spelt(token.group()), view.text[start:end])))
    return found


def _weight(token: str) -> float:
    if _PLAIN.match(token):
        return _AGAINST if len(token) >= _LONG else 0.0
    if not _LETTER.search(token):
        return 0.0
    word = _unleet(token)
    if word in WORDS:
        return _KNOWN if len(word) >= _LONG else _SHORT
    if _SIGNED.match(token) or _HEX.match(token) or len(word) <= _LONG:
        return _AGAINST
    bits = word_bits(word) / (len(word) + 1)
    if bits <= _READS:
        return _LIKELY
    return _MAYBE_FOREIGN if bits <= _READS_SOMEHOW else _AGAINST


def _spelt(token: str) -> str:
    """A word of a stretch that is in leetspeak: numbers stay unless they spell a common word."""
    if _PLAIN.match(token):
        return token
    word = _unleet(token)
    return word if _LETTER.search(token) or word in WORDS else token


def _unleet(token: str) -> str:
    """The likeliest word in lower case that a token stands for."""
    lower = token.lower()
    places = [match.start() for match in _EITHER.finditer(lower)]
    if not places:
        return unleet_letters(lower)
    choices = (
        product("il", repeat=len(places)) if len(places) <= _MOST_EITHER else (char * len(places) for char in "il")
    )
    return min((_filled(lower, places, "".join(choice)) for choice in choices), key=word_bits)


def _filled(lower: str, places: list[int], letters: str) -> str:
    spelt = list(lower)
    for place, letter in zip(places, letters, strict=True):
        spelt[place] = letter
    return unleet_letters("".join(spelt))
