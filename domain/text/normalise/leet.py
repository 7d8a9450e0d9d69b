"""Leetspeak: digits and signs in the place of letters, where a good share of the words has them and reads as words."""

import re
from collections.abc import Sequence
from itertools import product

from domain.text.normalise.language import BORDER, PAIR_BITS, WORDS, word_bits
from domain.text.normalise.steps import Decoding
from domain.text.normalise.stretches import WeighedWord, best_stretches
from domain.text.view import Replacement, View

_MAYBE = re.compile(r"[0-9@$!](?:[A-Za-z]|(?<=[A-Za-z].)[A-Za-z0-9@$!])")
_TOKEN = re.compile(r"[A-Za-z0-9@$!]{0,40}[A-Za-z0-9@$]!?|(?<!\S)!(?!\S)")
_PLAIN = re.compile(r"[A-Za-z]+\Z")
_LETTER = re.compile(r"[A-Za-z]")
_SIGNED = re.compile(r"[@$!][A-Za-z]+\Z")  # a name in code or a handle, unless it is a word
_HEX = re.compile(r"(?=.{0,39}\d.{0,39}\d)[0-9a-fA-F]{6,}\Z")
_WITH_I = str.maketrans("0123456789@$!", "oizeasgtbgasi")
_EITHER = re.compile("[1!]")
_MOST_TRIED = 4  # of what is i or l, each tried as either
_ALL_I, _ALL_L = str.maketrans("1!", "ii"), str.maketrans("1!", "ll")
_ENDINGS = {"7": "t", "5": "s", "$": "s", "11": "ll", "3": "e"}  # after an apostrophe
_WITH_NUMBERS = {"basega": "base64", "rotie": "rot13"}  # what names with numbers come to
_DOMAIN = re.compile(r"\.[A-Za-z0-9]")

_KNOWN, _LIKELY, _MAYBE_FOREIGN, _SHORT, _NUMBER = 1.0, 0.7, 0.5, 0.3, 0.1
_AGAINST = -0.5
_COSTLY_GAP = 3.0
_ENOUGH = 2.0  # what the words of a stretch come to together
_FEWEST = 2  # words of three letters and more
_READS, _READS_SOMEHOW = 3.7, 4.8  # bits per letter
_LONG = 3


def unleet_letters(lower: str) -> str:
    """A text in lower case with letters for everything that may stand for one."""
    return lower.translate(_WITH_I)


def find_leet(view: View) -> Decoding:
    """Stretches in leetspeak, and what they say, in as many characters."""
    if not _MAYBE.search(view.text):
        return Decoding("leetspeak")
    words = [WeighedWord(*match.span(), _weight(match.group())) for match in _TOKEN.finditer(view.text)]
    found: list[Replacement] = []
    for gain, stretch in best_stretches(words, _COSTLY_GAP):
        if gain >= _ENOUGH and sum(word.weight >= _MAYBE_FOREIGN for word in stretch) >= _FEWEST:
            start, end = stretch[0].start, stretch[-1].end
            found.append((start, end, _TOKEN.sub(_spelt, view.text[start:end])))
    return Decoding("leetspeak", found)


def _weight(token: str) -> float:
    if _PLAIN.match(token):
        return _AGAINST if len(token) >= _LONG else 0.0
    word = _unleet(token)
    if not _LETTER.search(token):
        return _NUMBER if word in WORDS else 0.0
    if word in WORDS:
        return _KNOWN if len(word) >= _LONG else _SHORT
    if token.endswith("!"):
        return _weight(token[:-1])
    return _odd_weight(token, word)


def _odd_weight(token: str, word: str) -> float:
    """What speaks for a token that stands for no common word."""
    if _SIGNED.match(token) or _HEX.match(token) or len(word) <= _LONG:
        return _AGAINST
    bits = word_bits(word) / (len(word) + 1)
    if bits <= _READS:
        return _LIKELY
    return _MAYBE_FOREIGN if bits <= _READS_SOMEHOW else _AGAINST


def _spelt(match: re.Match[str]) -> str:
    """A word of a stretch that is in leetspeak: numbers stay unless they spell a common word."""
    token, text, end = match.group(), match.string, match.end()
    if _PLAIN.match(token):
        return token
    if token in _ENDINGS and text[match.start() - 1 : match.start()] == "'":
        return _ENDINGS[token]
    if "@" in token and _DOMAIN.match(text, end):
        return "@".join(map(_unleet, token.split("@")))
    word = _unleet(token)
    if word in WORDS or word in _WITH_NUMBERS:
        return _WITH_NUMBERS.get(word, word)
    core = token.removesuffix("!")
    return _unleet(core) + token[len(core) :] if _LETTER.search(token) else token


def _unleet(token: str) -> str:
    """The likeliest word in lower case that a token stands for."""
    lower = token.lower()
    if not _EITHER.search(lower):
        return unleet_letters(lower)
    if sum(map(lower.count, "1!")) <= _MOST_TRIED:
        for letters in product("il", repeat=sum(map(lower.count, "1!"))):
            word = unleet_letters(_filled(lower, letters))
            if word in WORDS:
                return word
    ways = (lower.translate(_ALL_I), lower.translate(_ALL_L), _likeliest(lower))
    return min(map(unleet_letters, ways), key=word_bits)


def _filled(lower: str, letters: Sequence[str]) -> str:
    left = iter(letters)
    return "".join(next(left) if char in "1!" else char for char in lower)


def _likeliest(lower: str) -> str:
    """The way to read each ``1`` and ``!`` that makes the likeliest pairs of letters (Viterbi 1967)."""
    ways = {BORDER: (0.0, "")}
    for char in lower:
        reached: dict[str, tuple[float, str]] = {}
        for letter in "il" if char in "1!" else unleet_letters(char):
            reached[letter] = min((bits + PAIR_BITS[last + letter], way + letter) for last, (bits, way) in ways.items())
        ways = reached
    return min((bits + PAIR_BITS[last + BORDER], way) for last, (bits, way) in ways.items())[1]
