"""Index of words, their beginnings and their sequences, and places of these in a text.

A text is cut into words once, and most words begin no term (a prefilter as in Aho and Corasick 1975, on words instead
of characters).
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.text.view import WORD

Use = tuple[int, int]
"""A user's number, and its roles for the term, a bit for each."""

_HEAD = 3
_ANY_WORD = "*"
_UNSPACED = re.compile(
    r"[\u0590-\u08ff\u0900-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7a3"
    r"\uf900-\ufaff\U00020000-\U0003ffff]"
)
_OPTION = "--"  # of a command line


@dataclass(frozen=True, slots=True)
class _Term:
    """A term that is no single word; ``whole`` if a word must end with it."""

    text: str
    whole: bool
    uses: tuple[Use, ...]

    def stands(self, text: str, start: int) -> bool:
        """Test for the term at a word's start. A line break counts as a space."""
        end = start + len(self.text)
        if text[start:end].replace("\n", " ") != self.text:
            return False
        return not self.whole or not text[end : end + 1].isalnum()


class TermIndex:
    """Terms with their uses. A term that ends in ``*`` is the beginning of a word.

    In scripts that are written without spaces, or attach articles and endings, a term is found anywhere.
    """

    def __init__(self, uses: Mapping[str, tuple[Use, ...]]) -> None:
        """Index terms in the folded view's spelling."""
        self._words: dict[str, tuple[Use, ...]] = {}
        begun: dict[str, list[_Term]] = defaultdict(list)
        longer: dict[str, list[_Term]] = defaultdict(list)
        anywhere: dict[str, list[_Term]] = defaultdict(list)
        for term, of_term in uses.items():
            text, whole = term.removesuffix(_ANY_WORD), not term.endswith(_ANY_WORD)
            word = WORD.match(text)
            if _UNSPACED.search(text):
                anywhere[text[0]].append(_Term(text, whole, of_term))
            elif word is None or word.end() < len(text):
                longer[word[0] if word else ""].append(_Term(text, whole, of_term))
            elif whole:
                self._words[text] = of_term
            else:
                begun[text[:_HEAD]].append(_Term(text, whole, of_term))
        self._begun, self._longer, self._anywhere = map(dict, (begun, longer, anywhere))

    def places(self, text: str) -> Iterator[tuple[int, int, tuple[Use, ...]]]:
        """Yield start, end and uses of each term in a text."""
        for match in WORD.finditer(text):
            word = match[0]
            whole, begun, longer = self._words.get(word), self._begun.get(word[:_HEAD]), self._longer.get(word)
            if not (whole or begun or longer) or text.startswith(_OPTION, match.start() - 2):
                continue
            start, end = match.span()
            if whole:
                yield start, end, whole
            if begun:
                yield from ((start, end, term.uses) for term in begun if word.startswith(term.text))
            if longer:
                found = (term for term in longer if term.stands(text, start))
                yield from ((start, start + len(term.text), term.uses) for term in found)
        if not text.isascii() and not self._anywhere.keys().isdisjoint(text):
            yield from self._within_words(text)

    def _within_words(self, text: str) -> Iterator[tuple[int, int, tuple[Use, ...]]]:
        for start, char in enumerate(text):
            for term in self._anywhere.get(char, ()):
                if text.startswith(term.text, start):
                    yield start, start + len(term.text), term.uses
