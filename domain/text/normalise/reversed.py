"""Reversed text: stretches whose words read as language only from right to left."""

import re

from domain.text.normalise.language import BITS_OF_LANGUAGE, LETTERS, WORDS, bits_per_letter, word_bits
from domain.text.normalise.steps import Decoding
from domain.text.normalise.stretches import WeighedWord, best_stretches
from domain.text.view import Replacement, View

_WORD = re.compile(r"(?<![a-z0-9@$_])[a-z]+(?![a-z0-9@$_])")
_SHORTEST = 4
_FEWEST_LETTERS = 12
_FEWEST_KNOWN = 2  # words of four letters and more
_GAIN = 0.8  # minimum improvement in bits per letter
_LEAST_GAIN = 16.0  # bits, over a stretch
_COSTLY_GAP = 40.0  # bits

REVERSED = frozenset(word[::-1] for word in WORDS if len(word) >= _SHORTEST) - WORDS


def find_reversed(view: View) -> Decoding:
    """Return stretches written from right to left, turned around. Linear; a set of words filters first."""
    lower = view.text.lower()
    if REVERSED.isdisjoint(LETTERS.findall(lower)):
        return Decoding("reversed")
    weighed = [WeighedWord(*match.span(), _gain(match.group())) for match in _WORD.finditer(lower)]
    found: list[Replacement] = []
    for gain, stretch in best_stretches(weighed, _COSTLY_GAP):
        letters = sum(word.end - word.start for word in stretch)
        start, end = stretch[0].start, stretch[-1].end
        known = sum(lower[word.start : word.end] in REVERSED for word in stretch)
        if letters < _FEWEST_LETTERS or known < _FEWEST_KNOWN or gain < max(_LEAST_GAIN, _GAIN * letters):
            continue
        if bits_per_letter(lower[start:end][::-1]) <= BITS_OF_LANGUAGE:
            found.append((start, end, view.text[start:end][::-1]))
    return Decoding("reversed", found)


def _gain(word: str) -> float:
    """Return the bits by which a word reads better from right to left."""
    return word_bits(word) - word_bits(word[::-1])
