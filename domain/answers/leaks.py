"""Whether an answer gives a system message away: a run of its words, in order, as word n-grams (shingles, Broder 1997).

Words are compared without case, marks or punctuation. What the user's own messages hold is no leak. A translation, a
summary of the system message is not found; an encoding is, where the normaliser decodes it.
"""

from collections.abc import Iterable, Iterator

from domain.inference.requests import Message, Speaker
from domain.text.normalise.pipeline import normalise
from domain.text.view import WORD

SHORTEST_GUARDED = 8
"""Words. A shorter system message is too likely to be said by chance."""


def find_leak(answer: str, messages: Iterable[Message], words: int) -> tuple[int, int] | None:
    """The place in the answer of the first ``words`` words in a row that only a system message holds, or None."""
    conversation = tuple(messages)
    for message in conversation:
        if message.role is not Speaker.SYSTEM:
            continue
        guarded = _words(message.content)
        size = min(words, len(guarded))
        if size < SHORTEST_GUARDED:
            continue
        secret = set(_shingles(guarded, size))
        for other in conversation:
            if other.role is not Speaker.SYSTEM:
                secret.difference_update(_shingles(_words(other.content), size))
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
