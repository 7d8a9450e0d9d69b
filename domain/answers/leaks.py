"""Leaks of a system message in an answer: a run of its words in order (word n-grams, shingles, Broder 1997).

Words are compared without case, marks or punctuation. Text of the user's own messages is no leak. Translations and
summaries of the system message are not found; encodings are, if the normaliser decodes them.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property

from domain.inference.content import Speaker
from domain.inference.texts import Text
from domain.ports import NO_TEXT_CACHE, TextCache
from domain.text.json_text import readable_text
from domain.text.normalise.pipeline import normalise
from domain.text.view import WORD

SHORTEST_GUARDED = 8
"""Words. A shorter system message is too likely to occur by chance."""


Shingle = tuple[str, ...]


class SystemWords:
    """Runs of words that occur only in a request's system messages.

    System messages are normalised once. Other texts are read only where an answer repeats a system message.
    """

    def __init__(self, asked: Iterable[Text], words: int, cache: TextCache = NO_TEXT_CACHE) -> None:
        """Take the request's texts, and the number of consecutive words of a leak."""
        self._asked = tuple(asked)
        self._longest = words
        self._cache = cache

    @cached_property
    def _guarded(self) -> dict[int, set[Shingle]]:
        """Return the runs of words by their length: that of the leak, or of a shorter system message."""
        guarded: dict[int, set[Shingle]] = {}
        for text in self._asked:
            if text.role is Speaker.SYSTEM:
                words = self._words(text)
                size = min(self._longest, len(words))
                if size >= SHORTEST_GUARDED:
                    guarded.setdefault(size, set()).update(_shingles(words, size))
        return guarded

    def find_in(self, answer: str) -> tuple[int, int] | None:
        """Return the position of such a run in an answer, or None."""
        if not self._guarded:
            return None
        view = normalise(answer).view
        places = [match.span() for match in WORD.finditer(view.text)]
        said = [view.text[start:end] for start, end in places]
        for size, secret in self._guarded.items():
            repeated = [(at, run) for at, run in enumerate(_shingles(said, size)) if run in secret]
            known = self._known_to_others({run for _, run in repeated}, size)
            for at, run in repeated:
                if run not in known:
                    return view.span(places[at][0], places[at + size - 1][1])
        return None

    def _known_to_others(self, runs: set[Shingle], size: int) -> set[Shingle]:
        """Return the runs of words that other messages have as well. They are read only if an answer repeats any."""
        known: set[Shingle] = set()
        for text in self._asked if runs else ():
            if text.role not in (Speaker.SYSTEM, None):  # None: the application's own, as its tools are
                known.update(run for run in _shingles(self._words(text), size) if run in runs)
        return known

    def _words(self, text: Text) -> list[str]:
        said = self._cache.recall(
            "words", (text.form, text.text), lambda: normalise(readable_text(text)).view.text, len
        )
        return WORD.findall(said)


def _shingles(words: list[str], size: int) -> Iterator[Shingle]:
    return zip(*(words[offset:] for offset in range(size)), strict=False)
