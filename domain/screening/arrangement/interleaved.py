"""Orders with foreign words or signs between their words ("ignore all lamp previous tree instructions").

From a verb of orders on, one token is left out after every so many, or every token that orders don't consist of. What
is left is judged by the rules, if it consists of words of orders up to an object.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from domain.screening.arrangement.orders import order_in
from domain.screening.arrangement.tokens import TOKEN
from domain.screening.arrangement.vocabulary import OBJECTS, VERBS, WORDS
from domain.screening.phrases.mentions import is_mention
from domain.screening.policy import RuleSet
from domain.text.view import View

_MOST_VERBS = 16
_MOST_KEPT = 16
_REACH = 40  # tokens
_WAYS = tuple(
    tuple(at for at in range(_REACH) if (at + phase) % (period + 1) != period)
    for period in (1, 2, 3, 4)
    for phase in range(period)
)
_WIDEST = 3  # foreign tokens between two words of an order
_FEWEST = 2  # tokens left out before the object
_MOSTLY = 0.75
_USUAL = frozenset("\"'`:,.()/;!?_*-")  # marks of prose: no foreign tokens

_Token = tuple[str, int, int]


def interleaved(view: View, known: RuleSet, words: Collection[str]) -> tuple[int, int] | None:
    """Return the place of an order that is read by leaving out the tokens between. ``words`` are those of the view."""
    if VERBS.isdisjoint(words) or OBJECTS.isdisjoint(words):
        return None
    tokens = [(match[0], *match.span()) for match in TOKEN.finditer(view.text) if not _USUAL.issuperset(match[0])]
    verbs = (number for number, token in enumerate(tokens) if token[0] in VERBS)
    tried: set[str] = set()
    for number in islice(verbs, _MOST_VERBS):
        phrase = _line(tokens[number : number + _REACH], view.text)
        for kept in _readings(phrase):
            said = " ".join(word for word, _, _ in kept)
            if said in tried:
                continue
            tried.add(said)
            found = order_in(said, known)
            if found is not None and not _is_plain(phrase, known):
                start, end = _place(kept, *found)
                return None if is_mention(view, start, end) else (start, end)
    return None


def _is_plain(phrase: Sequence[_Token], known: RuleSet) -> bool:
    """Test for an order with nothing left out: one for the rules themselves."""
    return order_in(" ".join(word for word, _, _ in phrase[:_MOST_KEPT]), known) is not None


def _place(kept: Sequence[_Token], start: int, end: int) -> tuple[int, int]:
    """Return the place in the view of a stretch of the joined words."""
    at, places = 0, []
    for word, first, last in kept:
        if at < end and at + len(word) > start:
            places.append((first, last))
        at += len(word) + 1
    return places[0][0], places[-1][1]


def _line(phrase: Sequence[_Token], text: str) -> Sequence[_Token]:
    """Return the tokens up to the end of the line."""
    ended = text.find("\n", phrase[0][1], phrase[-1][2])
    return phrase if ended < 0 else [token for token in phrase if token[1] < ended]


def _readings(phrase: Sequence[_Token]) -> Iterator[Sequence[_Token]]:
    """Yield the readings that leave tokens out and consist of words of orders."""
    if all(word not in OBJECTS for word, _, _ in phrase):
        return
    for way in _WAYS:
        yield from _order(phrase, way, regular=True)
    numbers: list[int] = []
    for at, token in enumerate(phrase):
        if numbers and at - numbers[-1] > _WIDEST + 1:
            break
        if token[0] in WORDS:
            numbers.append(at)
    yield from _order(phrase, numbers, regular=False)


def _order(phrase: Sequence[_Token], numbers: Sequence[int], *, regular: bool) -> Iterator[Sequence[_Token]]:
    """Yield the numbered tokens, if they are words of orders up to an object.

    One token left out suffices where further ones follow regularly, between words of orders.
    """
    size = len(phrase)
    for last, number in enumerate(numbers):
        if number >= size or phrase[number][0] not in WORDS:
            return
        if phrase[number][0] in OBJECTS:
            left_out = number - last
            rest = [phrase[at] for at in numbers[last + 1 : _MOST_KEPT] if at < size]
            known = sum(word in WORDS for word, _, _ in rest)
            if left_out >= _FEWEST or (regular and left_out and known >= max(_FEWEST, _MOSTLY * len(rest))):
                yield [*(phrase[at] for at in numbers[: last + 1]), *rest]
            return
