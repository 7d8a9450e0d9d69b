"""Language detection by common words and pairs of letters, for decoded guesses.

The pairs are those of English; other languages in the same alphabet score far better than text that is no language.
"""

import re
from math import log2
from operator import add

from domain.text.normalise.words import BIGRAMS, COMMON_WORDS, OTHER_WORDS

LETTERS = re.compile(r"[a-z]+")
BITS_OF_LANGUAGE = 4.3
"""Maximum bits per letter of language. English has about 3.6 in this table, with its letters shuffled 5."""

_ALPHABET = "abcdefghijklmnopqrstuvwxyz~"
BORDER = "~"
_KNOWN_BITS = -4.0  # bonus of a common word, in addition to its letters
_LONGEST_WORD = 20
_UNKNOWN = 4.0  # bits added for a word that is not common

WORDS = frozenset(COMMON_WORDS.split()).union(OTHER_WORDS.split())
_RANK_BITS = {word: log2(rank + 10) + 2.0 for rank, word in enumerate(COMMON_WORDS.split())}
PAIR_BITS = {
    first + second: int(digit, 36) / 2
    for first, row in zip(_ALPHABET, BIGRAMS.split(), strict=True)
    for second, digit in zip(_ALPHABET, row, strict=True)
}


def word_bits(word: str) -> float:
    """Return the information in a word, less the bonus of a common word."""
    bits = sum(map(PAIR_BITS.__getitem__, map(add, BORDER + word, word + BORDER)))
    return bits + _KNOWN_BITS if word in WORDS else bits


def bits_per_letter(text: str) -> float:
    """Return the information per letter of a text in lower case; infinite without letters."""
    words = LETTERS.findall(text)
    steps = sum(map(len, words)) + len(words)
    return sum(map(word_bits, words)) / steps if steps else float("inf")


def split_words(letters: str) -> list[str]:
    """Cut letters into their likeliest words, of 20 letters at most (Viterbi 1967). Linear."""
    best = [0.0]
    starts = [0]
    for end in range(1, len(letters) + 1):
        within = _UNKNOWN + PAIR_BITS[letters[end - 1] + BORDER]
        cost, cut = float("inf"), end
        for start in range(end - 1, max(-1, end - 1 - _LONGEST_WORD), -1):
            unknown = within + PAIR_BITS[BORDER + letters[start]]
            bits = best[start] + min(unknown, _RANK_BITS.get(letters[start:end], unknown))
            if bits < cost:
                cost, cut = bits, start
            if start:
                within += PAIR_BITS[letters[start - 1] + letters[start]]
        best.append(cost)
        starts.append(cut)
    words: list[str] = []
    end = len(letters)
    while end:
        words.append(letters[starts[end] : end])
        end = starts[end]
    return words[::-1]
