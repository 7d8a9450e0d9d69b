"""Hashed n-grams of a text: the features of the classifier. Standard library only: this runs for each request.

The hashing trick (Weinberger et al. 2009): a feature's index in the table of weights is its CRC-32 modulo the table's
size. A CRC can be continued, so an n-gram's is computed from that of the shorter one, without concatenating strings.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from zlib import crc32

TABLE_BITS = 18
"""The table of weights has 2 to this power entries."""
WINDOW = 1000
STRIDE = 750
"""Code points of a view in a window, and the distance between starts of windows."""

LEAST_FEATURES = 100
"""Least number of features that a window counts as. A few words are no evidence, however they resemble attacks."""

_MASK = (1 << TABLE_BITS) - 1
# Scripts without spaces between words: each character is a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W\d_{_UNSPACED}]+(?:'[^\W\d_{_UNSPACED}]+)?|\d+|\n|(?:[^\w\s]|_)+")
_LONGEST = 40  # maximum code points of a word, or marks of a run, that are read
_LONGEST_KEPT = 20  # longer words are rare, so they would only fill the cache
_SIZES = (3, 4, 5)
_WORD, _CHARS, _MARKS, _BEGIN = crc32(b"word"), crc32(b"chars"), crc32(b"marks"), crc32(b"begin")

_Token = tuple[bytes, int, bool, tuple[int, ...]]
"""A token's bytes after a space, its hash, True for words, and its features."""


def windows(length: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of each window of a text of that many code points. An empty text has none."""
    begin = 0
    while begin < length:
        yield begin, min(length, begin + WINDOW)
        if begin + WINDOW >= length:
            return
        begin += STRIDE


def features(view: str) -> set[int]:
    """Return table indices of a window's features.

    Words, 1 to 3 at a time; 3 to 5 neighbouring letters of a word; runs of marks; and marks with the following word.
    """
    found: set[int] = set()
    add, update = found.add, found.update
    one = two = _BEGIN  # hashes of the last word, and of the last two
    mark = _MARKS
    after_mark = True
    for text in _TOKEN.findall(view):
        behind, own, is_word, alone = _kept(text) if len(text) <= _LONGEST_KEPT else _token(text)
        update(alone)
        if is_word:
            add(crc32(behind, two) & _MASK)
            two = crc32(behind, one)
            add(two & _MASK)
            one = own
            if after_mark:
                add(crc32(behind, mark) & _MASK)
                after_mark = False
        else:
            mark = own
            after_mark = True
    return found


def steps(view: str) -> Iterator[tuple[int, int, set[int]]]:
    """Yield the same features token by token, with the position of their first token."""
    found: set[int] = set()
    for match, alone, together in tokens(view):
        new = {*alone, *together} - found
        found |= new
        yield match.start(), match.end(), new


def tokens(view: str) -> Iterator[tuple[re.Match[str], tuple[int, ...], list[int]]]:
    """Yield each token with its features, and with those of n-grams that end there.

    A feature is repeated at each occurrence: quicker than ``steps``, where only the first one counts.
    """
    one = two = _BEGIN
    mark: int | None = _MARKS
    for match in _TOKEN.finditer(view):
        text = match[0]
        behind, own, is_word, alone = _kept(text) if len(text) <= _LONGEST_KEPT else _token(text)
        together: list[int] = []
        if is_word:
            together.append(crc32(behind, two) & _MASK)
            two = crc32(behind, one)
            together.append(two & _MASK)
            one = own
            if mark is not None:
                together.append(crc32(behind, mark) & _MASK)
                mark = None
        else:
            mark = own
        yield match, alone, together


def _token(text: str) -> _Token:
    first = text[0]
    text = text[:_LONGEST]
    if first.isalpha():
        return _word(text, text)
    if first.isdigit():
        return _word("0" * min(len(text), 4), "")
    own = crc32(text.encode(), _MARKS)
    alone = {own & _MASK}
    for size in range(1, min(len(text), 3)):
        alone.update(crc32(text[at : at + size].encode(), _MARKS) & _MASK for at in range(len(text) - size + 1))
    return b"", own, False, tuple(alone)


def _word(word: str, letters: str) -> _Token:
    own = crc32(word.encode(), _WORD)
    alone = {own & _MASK}
    if letters:
        inside = f"<{letters}>"
        part = inside.encode() if inside.isascii() else None
        for size in _SIZES:
            for at in range(len(inside) - size + 1):
                piece = part[at : at + size] if part is not None else inside[at : at + size].encode()
                alone.add(crc32(piece, _CHARS) & _MASK)
    return b" " + word.encode(), own, True, tuple(alone)


_kept = lru_cache(maxsize=8192)(_token)
