"""Leaks of a system message in an answer: a run of its words in order (word n-grams, shingles, Broder 1997).

Words are compared without case, marks or punctuation. Text of the user's own messages is no leak. Translations and
summaries of the system message are not found; encodings are, if the normaliser decodes them.
"""

from collections.abc import Iterable, Iterator

from domain.inference.content import Speaker
from domain.inference.texts import Text
from domain.text.json_text import readable
from domain.text.normalise.pipeline import normalise
from domain.text.view import WORD

SHORTEST_GUARDED = 8
"""Words. A shorter system message is too likely to occur by chance."""


def find_leak(answer: str, asked: Iterable[Text], words: int) -> tuple[int, int] | None:
    """Return the first ``words`` consecutive words of the answer found only in a system message."""
    conversation = tuple(asked)
    for text in conversation:
        if text.role is not Speaker.SYSTEM:
            continue
        guarded = _words(readable(text).text)
        size = min(words, len(guarded))
        if size < SHORTEST_GUARDED:
            continue
        secret = set(_shingles(guarded, size))
        for other in conversation:
            if other.role not in (Speaker.SYSTEM, None):  # None: the application's own, as its tools are
                secret.difference_update(_shingles(_words(readable(other).text), size))
        view = normalise(answer).view
        places = [match.span() for match in WORD.finditer(view.text)]
        said = [view.text[start:end] for start, end in places]
        for index, shingle in enumerate(_shingles(said, size)):
            if shingle in secret:
                return view.span(places[index][0], places[index + size - 1][1])
    return None


def _words(text: str) -> list[str]:
    return WORD.findall(normalise(text).view.text)


def _shingles(words: list[str], size: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[offset:] for offset in range(size)), strict=False)
