"""ROT13: stretches whose letters read as language only when shifted by thirteen."""

import re

from domain.text.normalise.language import BITS_OF_LANGUAGE, LETTERS, WORDS, bits_per_letter, word_bits
from domain.text.normalise.steps import Decoding
from domain.text.normalise.stretches import WeighedWord, best_stretches
from domain.text.view import Replacement, View

_TABLE = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "nopqrstuvwxyzabcdefghijklmNOPQRSTUVWXYZABCDEFGHIJKLM"
)
_WHOLE = re.compile(r"(?<![a-z0-9@$!])[a-z]+(?![0-9@$])")
_GAIN = 1.0  # minimum improvement in bits per letter
_FEWEST_LETTERS = 8
_FEWEST_WORDS = 2
_LEAST_GAIN = 16.0  # bits, over a stretch
_COSTLY_GAP = 40.0  # bits
_TWO_LETTERS = 2


def rotate(text: str) -> str:
    """Shift the Latin letters of a text by thirteen."""
    return text.translate(_TABLE)


ROTATED = frozenset(rotate(word) for word in WORDS if len(word) > _TWO_LETTERS) - WORDS - {"bar", "fur", "nag", "ebbs"}


def find_rot13(view: View) -> Decoding:
    """Return stretches in ROT13 and their plaintext. Linear; filtered by a set of words first, for speed."""
    lower = view.text.lower()
    words = set(LETTERS.findall(lower))
    if ROTATED.isdisjoint(words) and (len(words) < _FEWEST_WORDS or not WORDS.isdisjoint(words)):
        return Decoding("rot13")
    weighed = [WeighedWord(*match.span(), _gain(match.group())) for match in _WHOLE.finditer(lower)]
    found: list[Replacement] = []
    for gain, stretch in best_stretches(weighed, _COSTLY_GAP):
        letters = sum(word.end - word.start for word in stretch)
        if letters >= _FEWEST_LETTERS and gain >= max(_LEAST_GAIN, _GAIN * letters):
            start, end = stretch[0].start, stretch[-1].end
            if bits_per_letter(rotate(lower[start:end])) <= BITS_OF_LANGUAGE:
                found.append((start, end, rotate(view.text[start:end])))
    return Decoding("rot13", found)


def _gain(word: str) -> float:
    """Return the bits by which a word reads better in ROT13."""
    return word_bits(word) - word_bits(rotate(word))
