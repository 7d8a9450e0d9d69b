"""Leaks of a system message in an answer: a run of its words in order (word n-grams, shingles, Broder 1997).

Words are compared without case, marks or punctuation. Text of the user's own messages is no leak. Translations and
summaries of the system message are not found; encodings are, if the normaliser decodes them.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property

from domain.inference.content import Speaker
from domain.inference.texts import Text
from domain.text.json_text import readable
from domain.text.normalise.pipeline import normalise
from domain.text.view import WORD

SHORTEST_GUARDED = 8
"""Words. A shorter system message is too likely to occur by chance."""


Shingle = tuple[str, ...]


class SystemWords:
    """Runs of words that occur only in a request's system messages.

    Each text is normalised once, however many system messages and texts of the answer there are.
    """

    def __init__(self, asked: Iterable[Text], words: int) -> None:
        """Take the request's texts, and the number of consecutive words of a leak."""
        self._asked = tuple(asked)
        self._words = words

    @cached_property
    def _guarded(self) -> dict[int, set[Shingle]]:
        """Return the runs of words by their length: that of the leak, or of a shorter system message."""
        guarded: dict[int, set[Shingle]] = {}
        for text in self._asked:
            if text.role is Speaker.SYSTEM:
                words = _words(readable(text).text)
                size = min(self._words, len(words))
                if size >= SHORTEST_GUARDED:
                    guarded.setdefault(size, set()).update(_shingles(words, size))
        if guarded:
            for text in self._asked:
                if text.role not in (Speaker.SYSTEM, None):  # None: the application's own, as its tools are
                    words = _words(readable(text).text)
                    for size, secret in guarded.items():
                        secret.difference_update(_shingles(words, size))
        return guarded

    def find_in(self, answer: str) -> tuple[int, int] | None:
        """Return the position of such a run in an answer, or None."""
        if not self._guarded:
            return None
        view = normalise(answer).view
        places = [match.span() for match in WORD.finditer(view.text)]
        said = [view.text[start:end] for start, end in places]
        for size, secret in self._guarded.items():
            for index, shingle in enumerate(_shingles(said, size)):
                if shingle in secret:
                    return view.span(places[index][0], places[index + size - 1][1])
        return None


def _words(text: str) -> list[str]:
    return WORD.findall(normalise(text).view.text)


def _shingles(words: list[str], size: int) -> Iterator[Shingle]:
    return zip(*(words[offset:] for offset in range(size)), strict=False)
