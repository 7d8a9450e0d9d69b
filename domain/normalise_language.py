"""Whether letters read as language: by common words and by pairs of letters. The judge of what a guess has decoded.

The pairs know English; languages in the same alphabet come out well enough beside what no language looks like.
"""

import re
from itertools import pairwise
from math import log2

from domain.normalise_words import BIGRAMS, COMMON_WORDS

LETTERS = re.compile(r"[a-z]+")
BITS_OF_LANGUAGE = 4.3
"""Bits per letter up to which a text reads as language. English has about 3.6 in this table, its letters shuffled 5."""

_ALPHABET = "abcdefghijklmnopqrstuvwxyz~"
_BORDER = "~"
_KNOWN_BITS = -4.0  # what a common word is worth besides its letters
_LONGEST_WORD = 20
_UNKNOWN_LETTER = 9.0  # bits: dearer than any common word, so that these are cut out first

WORDS = frozenset(COMMON_WORDS.split())
_RANK_BITS = {word: log2(rank + 10) + 1.0 for rank, word in enumerate(COMMON_WORDS.split())}
_BITS = {
    first + second: int(digit, 36) / 2
    for first, row in zip(_ALPHABET, BIGRAMS.split(), strict=True)
    for second, digit in zip(_ALPHABET, row, strict=True)
}


def word_bits(word: str) -> float:
    """The information in a word of the letters a to z, less what is owed to its being common."""
    bits = sum(_BITS[first + second] for first, second in pairwise(f"{_BORDER}{word}{_BORDER}"))
    return bits + _KNOWN_BITS if word in WORDS else bits


def bits_per_letter(text: str) -> float:
    """The information in each letter of a text in lower case; without any letter it is infinite."""
    words = LETTERS.findall(text)
    steps = sum(map(len, words)) + len(words)
    return sum(map(word_bits, words)) / steps if steps else float("inf")


def split_words(letters: str) -> list[str]:
    """Cut a run of the letters a to z into its likeliest words (Viterbi 1967). Linear in the run."""
    best = [0.0]
    lengths = [0]
    for end in range(1, len(letters) + 1):
        cost, length = best[end - 1] + _UNKNOWN_LETTER, 1
        for size in range(1, min(end, _LONGEST_WORD) + 1):
            bits = _RANK_BITS.get(letters[end - size : end])
            if bits is not None and best[end - size] + bits < cost:
                cost, length = best[end - size] + bits, size
        best.append(cost)
        lengths.append(length)
    words: list[str] = []
    end = len(letters)
    while end:
        words.append(letters[end - lengths[end] : end])
        end -= lengths[end]
    return _join_unknown(words[::-1])


def _join_unknown(words: list[str]) -> list[str]:
    """Single letters that were left over in a row are one word that nobody knows."""
    joined: list[str] = []
    open_word = False
    for word in words:
        stray = len(word) == 1 and word not in WORDS
        if stray and open_word:
            joined[-1] += word
        else:
            joined.append(word)
        open_word = stray
    return joined
