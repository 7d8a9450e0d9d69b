"""Acrostics: initials of lines, sentences or words that spell an order.

Initials contain a word of orders by chance seldom, and two near each other next to never. Cut into words, those around
it are judged by the rules.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import islice

from domain.screening.arrangement.orders import order_in
from domain.screening.arrangement.tokens import TOKEN
from domain.screening.policy import RuleSet
from domain.text.normalise.language import split_words
from domain.text.view import View

_FEWEST = 8
_AROUND = 40
_NEAR, _CLOSE = 24, 4
_LONG = 8
_MOST = 8  # words of orders that are looked at in one text's initials

_LINES = re.compile(r"(?:^|\n)[\W\d_]{0,8}([^\W\d_])")
_SENTENCES = re.compile(r"(?:^|\n|[.!?]['\")\]]?\s)[\W\d_]{0,8}([^\W\d_])")
_ANCHOR = re.compile(
    "ignor|disregard|forget|instruct|previous|systemprompt|prompt|reveal|password|overrid|jailbr|bypass|developermode|"
    "restriction|guideline|unrestricted|uncensored|secret|obeyme|yourrules|theabove|nolimits|nofilter|safety|"
    "ignorier|vergiss|anweisung|regeln|ignorez|oublie|olvida|instrucc|istruzioni|dimentica"
)


def acrostic(view: View, known: RuleSet, tokens: Sequence[str]) -> tuple[int, int] | None:
    """Return the place of an order in a view's initials. ``tokens`` are its words and signs."""
    text = view.text
    place = _order(_letters(token[0] for token in tokens), known, sparse=False)
    if place is not None:
        words = [match.start() for match in TOKEN.finditer(text) if match[0][0].isalpha()]
        return words[place[0]], words[place[1] - 1] + 1
    for pattern in (_LINES, _SENTENCES):
        letters = "".join(pattern.findall(text))
        place = _order(letters, known, sparse=True) if len(letters) >= _FEWEST else None
        if place is not None:
            marks = [match.start(1) for match in islice(pattern.finditer(text), *place)]
            return marks[0], marks[-1] + 1
    return None


def _letters(initials: Iterable[str]) -> str:
    return "".join(filter(str.isalpha, initials))


def _order(letters: str, known: RuleSet, *, sparse: bool) -> tuple[int, int] | None:
    """Return the first and the last number of initials that spell an order.

    Two words of orders near each other suffice; of sparse initials, those of lines and sentences, also a long one.
    """
    anchors = list(islice(_ANCHOR.finditer(letters), _MOST))
    near = _NEAR if sparse else _CLOSE
    for number, anchor in enumerate(anchors):
        start, end = anchor.span()
        if sparse and end - start >= _LONG:
            return start, end
        if number and start - anchors[number - 1].end() <= near and anchors[number - 1][0] != anchor[0]:
            return anchors[number - 1].start(), end
        begin, stop = max(0, start - _AROUND), min(len(letters), end + _AROUND)
        if order_in(" ".join(split_words(letters[begin:stop])), known) is not None:
            return start, end
    return None
