"""Spaced letters: words whose letters are separated by spaces, dots, hyphens or other characters.

The most frequent gap between letters is the one within words; any other gap separates words. Without gaps, the
likeliest words are cut out of the letters.
"""

import re
from collections import Counter

from domain.text.normalise.language import LETTERS, WORDS, bits_per_letter, split_words
from domain.text.normalise.leet import unleet_letters
from domain.text.normalise.rot13 import rotate
from domain.text.normalise.steps import Decoding
from domain.text.view import Replacement, View

_MAYBE = re.compile(r"[\W_][^\W_](?:[\W_]{1,40}[^\W_]){2}(?![^\W_])")
_STRETCH = re.compile(r"(?<![^\W_])[^\W_](?:[\W_]{1,40}[^\W_](?![^\W_])){4,}")
_RUN = re.compile(r"[A-Za-z]+")
_LONG_RUN = re.compile(r"[A-Za-z]{19,}")
_SIGN_IN_WORDS = re.compile(r"(?<=[A-Za-z][,.;:!?])(?=[A-Za-z])")
_TOKEN = re.compile(r"([^\W_])([\W_]{1,40}|\Z)")
_PLAUSIBLE = 4.2  # bits per letter
_FEW = 9
_SHORT = 3
_MOSTLY = 0.7  # share of letters among all separated characters
_HALF = 0.5
_MANY = 40
_MOST_CUT = 4_000
_JUDGED = 2_000
_USUAL_WORDS = range(2, 13)  # letters
_SIGNS_AROUND = 8


def find_spaced(view: View) -> Decoding:
    """Stretches of spaced letters, and their words. Words are cut out of 4,000 letters at most."""
    if not _MAYBE.search(view.text):
        return Decoding("spaced_letters")
    found: list[Replacement] = []
    done = 0
    left = _MOST_CUT
    complete = True
    for match in _STRETCH.finditer(view.text):
        tokens = _TOKEN.findall(match.group())
        gaps = Counter(gap for _, gap in tokens[:-1])
        narrow = min(gaps, key=lambda gap: (-gaps[gap], len(gap)))
        joined = _join(tokens, narrow)
        if joined is None:
            continue
        if run := _to_cut(joined):
            complete &= len(joined) <= left
            if len(joined) <= left:
                left -= len(joined)
                joined = run.sub(_cut, _SIGN_IN_WORDS.sub(" ", joined) if run is _RUN else joined)
        start, end = _with_signs(view.text, done, *match.span(), narrow)
        before, after = view.text[start : match.start()], view.text[match.end() : end]
        found.append((start, end, before.replace(narrow, "") + joined + after.replace(narrow, "")))
        done = end
    return Decoding("spaced_letters", found, complete)


def _join(tokens: list[tuple[str, str]], narrow: str) -> str | None:
    """Join single characters without the narrow gaps; None if the result is not language."""
    if sum(char.isalpha() for char, _ in tokens) < _HALF * len(tokens):
        return None
    joined = "".join(char + _between(gap, narrow) for char, gap in tokens)
    return joined if _in_words(joined) or _plausible(joined[:_JUDGED].lower(), len(tokens)) else None


def _to_cut(joined: str) -> re.Pattern[str] | None:
    """Return a pattern for runs of letters without word borders: all if there are no borders, else the longest."""
    if " " not in joined:
        return _RUN
    return _LONG_RUN if _LONG_RUN.search(joined) else None


def _between(gap: str, narrow: str) -> str:
    """Return the replacement of a gap between letters: nothing, or a word border with its punctuation."""
    if gap in (narrow, ""):
        return ""
    inner = gap.removeprefix(narrow)
    inner = inner.removesuffix(narrow) if len(inner) > len(narrow) else inner
    if len(narrow) == 1 and len(gap) % 2 and inner[1::2] == narrow * (len(inner) // 2):
        inner = inner[::2]
    return " " if inner == narrow else inner


def _with_signs(text: str, done: int, start: int, end: int, narrow: str) -> tuple[int, int]:
    """Extend a stretch by neighbouring signs separated in the same way."""
    size = len(narrow) + 1
    for _ in range(_SIGNS_AROUND):
        if not text.startswith(narrow, end) or not _is_sign(text[end + size - 1 : end + size]):
            break
        end += size
    for _ in range(_SIGNS_AROUND):
        if start - size < done or not text.endswith(narrow, done, start) or not _is_sign(text[start - size]):
            break
        start -= size
    return start, end


def _is_sign(char: str) -> bool:
    return bool(char) and not char.isalnum() and not char.isspace()


def _cut(letters: re.Match[str]) -> str:
    """Put spaces between the words of a run of letters, which keep their case."""
    words: list[str] = []
    at = letters.start()
    for word in split_words(letters.group().lower()):
        words.append(letters.string[at : at + len(word)])
        at += len(word)
    return " ".join(words)


def _in_words(joined: str) -> bool:
    """Return True if many characters form words of usual lengths, whatever their meaning."""
    words = joined.split()
    letters = sum(map(len, words))
    return letters >= _MANY and letters // len(words) in _USUAL_WORDS


def _plausible(joined: str, characters: int) -> bool:
    """Return True if joined text reads as language in any spelling. A few letters must contain a common word."""
    spellings = (joined, unleet_letters(joined), rotate(joined))
    if characters < _FEW:
        words = (part for text in spellings for word in LETTERS.findall(text) for part in split_words(word))
        return any(len(word) > _SHORT and word in WORDS for word in words)
    if sum(map(str.isalpha, joined)) < _MOSTLY * min(characters, _JUDGED):
        return False
    return any(bits_per_letter(text) <= _PLAUSIBLE for text in spellings)
