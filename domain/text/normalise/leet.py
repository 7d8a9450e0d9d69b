"""Leetspeak: digits and signs instead of letters, where many words have them and read as words."""

import re
from collections.abc import Callable
from functools import cache
from itertools import product
from operator import add

from domain.text.normalise.language import BORDER, PAIR_BITS, WORDS, word_bits
from domain.text.normalise.steps import Decoding
from domain.text.normalise.stretches import WeighedWord, best_stretches
from domain.text.view import Replacement, View

_MAYBE = re.compile(r"[0-9@$!](?:[A-Za-z]|(?<=[A-Za-z].)[A-Za-z0-9@$!])")
_TOKEN = re.compile(r"[A-Za-z0-9@$!]{0,40}[A-Za-z0-9@$]!?|(?<!\S)!(?!\S)")
_LETTER = re.compile(r"[A-Za-z]")
_SIGNED = re.compile(r"[@$!][A-Za-z]+\Z")  # a name in code or a handle, unless it is a word
_HEX = re.compile(r"(?=.{0,39}\d.{0,39}\d)[0-9a-fA-F]{6,}\Z")
_WITH_I = str.maketrans("0123456789@$!", "oizeasgtbgasi")
_EITHER = re.compile("[1!]")
_MOST_TRIED = 4  # maximum number of ambiguous i or l, each tried as either
_ALL_I, _ALL_L = str.maketrans("1!", "ii"), str.maketrans("1!", "ll")
_ENDINGS = {"7": "t", "5": "s", "$": "s", "11": "ll", "3": "e"}  # after an apostrophe
_WITH_NUMBERS = {"basega": "base64", "rotie": "rot13"}  # results for names with numbers
_DOMAIN = re.compile(r"\.[A-Za-z0-9]")

_KNOWN, _LIKELY, _MAYBE_FOREIGN, _SHORT, _NUMBER = 1.0, 0.7, 0.5, 0.3, 0.1
_AGAINST = -0.5
_COSTLY_GAP = 3.0
_ENOUGH = 2.0  # minimum total gain of the words of a stretch
_FEWEST = 2  # words of three or more letters
_READS, _READS_SOMEHOW = 3.7, 4.8  # bits per letter
_LONG = 3


def unleet_letters(lower: str) -> str:
    """Replace everything that may represent a letter in a text in lower case."""
    return lower.translate(_WITH_I)


def find_leet(view: View) -> Decoding:
    """Return stretches in leetspeak and their plaintext, with the same number of characters."""
    if not _MAYBE.search(view.text):
        return Decoding("leetspeak")
    unleet = cache(_unleet)  # for this text alone: nothing of a prompt outlives its screening
    weight = cache(lambda token: _weight(token, unleet))
    words = [WeighedWord(*match.span(), weight(match.group())) for match in _TOKEN.finditer(view.text)]
    found: list[Replacement] = []
    for gain, stretch in best_stretches(words, _COSTLY_GAP):
        if gain >= _ENOUGH and sum(word.weight >= _MAYBE_FOREIGN for word in stretch) >= _FEWEST:
            start, end = stretch[0].start, stretch[-1].end
            spelt = _TOKEN.sub(lambda match: _spelt(match, unleet), view.text[start:end])
            found.append((start, end, spelt))
    return Decoding("leetspeak", found)


def _weight(token: str, unleet: Callable[[str], str]) -> float:
    if token.isalpha():
        return _AGAINST if len(token) >= _LONG else 0.0
    word = unleet(token)
    if not _LETTER.search(token):
        return _NUMBER if word in WORDS else 0.0
    if word in WORDS:
        return _KNOWN if len(word) >= _LONG else _SHORT
    if token.endswith("!"):
        return _weight(token[:-1], unleet)
    return _odd_weight(token, word)


def _odd_weight(token: str, word: str) -> float:
    """Return the weight of evidence for a token that spells no common word."""
    if _SIGNED.match(token) or _HEX.match(token) or len(word) <= _LONG:
        return _AGAINST
    bits = word_bits(word) / (len(word) + 1)
    if bits <= _READS:
        return _LIKELY
    return _MAYBE_FOREIGN if bits <= _READS_SOMEHOW else _AGAINST


def _spelt(match: re.Match[str], unleet: Callable[[str], str]) -> str:
    """Return a word of a leetspeak stretch in letters. Numbers stay unless they spell a common word."""
    token, text, end = match.group(), match.string, match.end()
    if token.isalpha():
        return token
    if token in _ENDINGS and text[match.start() - 1 : match.start()] == "'":
        return _ENDINGS[token]
    if "@" in token and _DOMAIN.match(text, end):
        return "@".join(map(unleet, token.split("@")))
    word = unleet(token)
    if word in WORDS or word in _WITH_NUMBERS:
        return _WITH_NUMBERS.get(word, word)
    core = token.removesuffix("!")
    return unleet(core) + token[len(core) :] if _LETTER.search(token) else token


def _unleet(token: str) -> str:
    """Return the likeliest lower-case word for a token."""
    lower = token.lower()
    first, *rest = map(unleet_letters, _EITHER.split(lower))
    if not rest:
        return first
    if len(rest) <= _MOST_TRIED:
        for letters in product("il", repeat=len(rest)):
            word = first + "".join(map(add, letters, rest))
            if word in WORDS:
                return word
    ways = [lower.translate(_ALL_I), lower.translate(_ALL_L)]
    if len(rest) > 1:
        ways.append(_likeliest(lower))
    return min(map(unleet_letters, ways), key=word_bits)


def _likeliest(lower: str) -> str:
    """Choose readings of each ``1`` and ``!`` with the likeliest pairs of letters (Viterbi 1967)."""
    ways = {BORDER: (0.0, "")}
    for char in lower:
        reached: dict[str, tuple[float, str]] = {}
        for letter in "il" if char in "1!" else unleet_letters(char):
            reached[letter] = min((bits + PAIR_BITS[last + letter], way + letter) for last, (bits, way) in ways.items())
        ways = reached
    return min((bits + PAIR_BITS[last + BORDER], way) for last, (bits, way) in ways.items())[1]
