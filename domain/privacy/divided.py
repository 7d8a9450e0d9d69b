"""Detection of keys, tokens and numbers that are divided: by line breaks, or by the borders of messages.

A break counts only before a piece that looks like a part of a key (it has digits, or letters of mixed case): a word
after it belongs to no value. Numbers are joined only if all their lines are one number, as in no table.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from domain.ports import NO_TEXT_CACHE, TextCache
from domain.privacy.detection.accounts import ibans
from domain.privacy.detection.cards import is_card
from domain.privacy.detection.matching import places_of
from domain.privacy.detection.surroundings import beside_hex
from domain.privacy.policy import DataKind, DataRule, Found

_SECRETS = (DataKind.API_KEY, DataKind.TOKEN)
_NEWLINE = re.compile(r"\n(?<=[^\n]\n)|\\n")
_DECORATION = " \t\r+\\\"'`"
_MOST_DECORATION = 16
_KEY_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/=.~-")
_AFTER = re.compile(
    r"[ \t]{0,40}(?:[>|#*]{1,3}[ \t]{1,4})?[\"'`]?(?=([A-Za-z0-9_+/=~-]{1,512})(?:[\s\"'`,;.)\]}\\]|\Z))"
)
_STRONG = re.compile(r"(?=[^a-zA-Z]*[a-zA-Z])(?=[^0-9]*[0-9])|(?:[^a-z]*[a-z]+(?=[A-Z])){2}|[^A-Z]*[A-Z]{2}[a-z]")
_WEAK = re.compile(r"[A-Z0-9]{4,}\Z")
_LEAST_REST = 8
"""Least length of a piece after what is a whole value already."""
_NUMBER_BREAK = re.compile(r"\d[ -]?\r?\n[ \t]{0,8}(?=\d)")
_NUMBER_BEFORE = re.compile(r"(?:\A|[^\w.,])(\d{3,19}(?:[ -]\d{3,19}){0,5})\Z")
_NUMBER_AFTER = re.compile(r"\d{3,19}(?:[ -]\d{3,19}){0,5}(?!\w)")
_MORE_BEFORE = re.compile(r"\d[ -]?\Z")
_MORE_AFTER = re.compile(r"[ .,-]?\d")
_NUMBER_BETWEEN = re.compile(r"[\d -]{1,32}\Z")
_MOST_LINES = 5
REACH = 2_048
"""Code points that are read on each side of a border between texts."""
_TOGETHER = 4 * REACH  # code points of short texts after a border that are read at once
_NEAR = 600  # code points after a border: a decoration, and the longest piece of a value
_NEAR_ACCOUNT = 80  # those of the longest account number, with a separator between any two
_GROUP = 4


def divided(text: str, kinds: Collection[DataKind], rules: Iterable[DataRule]) -> list[Found]:
    """Return the values of these kinds that line breaks divide, in order, without overlaps."""
    if "\n" not in text and "\\n" not in text:
        return []
    places = list[Found]()
    wanted = [rule for rule in rules if rule.kind in kinds and rule.kind in _SECRETS]
    if wanted:
        places += _secrets(text, wanted)
    if DataKind.CARD_NUMBER in kinds:
        places += (Found(DataKind.CARD_NUMBER, start, end) for start, end in _cards(text))
    if DataKind.IBAN in kinds:
        spaced = text.replace("\n", " ")
        spans = (span for span in ibans(spaced) if "\n" in text[slice(*span)])
        places += (Found(DataKind.IBAN, start, end) for start, end in spans)
    found = list[Found]()
    for place in sorted(places, key=lambda place: (place.start, -place.end)):
        if not found or place.start >= found[-1].end:
            found.append(place)
    return found


def with_divided(
    texts: Sequence[str],
    found: Sequence[Sequence[Found]],
    kinds: Collection[DataKind],
    rules: Sequence[DataRule],
    cache: TextCache = NO_TEXT_CACHE,
) -> list[list[Found]]:
    """Add the parts of values that the borders between texts divide.

    A value may continue in the next text, or in the one after that: between two messages of a user there is an answer.
    Of the texts on both sides of a border ``REACH`` code points are read, whether these texts were searched before or
    not. The ``cache`` knows a border by what was read on both sides.
    """
    borders = _Borders(texts, [list(known) for known in found])

    def search(window: str) -> tuple[Found, ...]:
        return cache.recall("border", (*sorted(kinds), window), lambda: tuple(divided(window, kinds, rules)))

    for step in (1, 2):
        for first in range(min(step, len(texts))):
            chain = range(first, len(texts), step)
            at = 1
            while at < len(chain):
                at = borders.add_parts(chain, at, search)
    return [sorted(known, key=lambda value: value.start) for known in borders.every]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of a text in a window: its place in the conversation, and where it begins in text and window."""

    place: int
    text: str
    offset: int
    start: int


class _Borders:
    """Borders between texts. ``every`` are the values of each text, to which parts of divided ones are added."""

    def __init__(self, texts: Sequence[str], every: list[list[Found]]) -> None:
        self.every = every
        self._texts = texts
        self._ends: dict[tuple[int, bool], tuple[int, str, int]] = {}

    def add_parts(self, chain: Sequence[int], at: int, search: Callable[[str], Iterable[Found]]) -> int:
        """Find the values across a border of a chain, and return the next border.

        Short texts are read together with the borders between them, so that each is read some three times at most.
        """
        if not _may_join(self._texts[chain[at - 1]], self._texts[chain[at]]):
            return at + 1
        before = [self._end(place, last=True) for place in _gathered(self._texts, reversed(chain[:at]), REACH)]
        together = list(_gathered(self._texts, chain[at:], _TOGETHER))
        after = [self._end(place, last=False) for place in together]
        pieces: list[_Piece] = []
        start = 0
        for place, text, offset in (*reversed(before), *after):
            pieces.append(_Piece(place, text, offset, start))
            start += len(text) + 1
        whole = at + len(together) == len(chain) or len(self._texts[together[-1]]) > REACH
        last = max(
            (number for number in range(len(before), len(pieces)) if whole or start - pieces[number].start > REACH),
            default=len(before),
        )
        borders = [piece.start - 1 for piece in pieces[len(before) : last + 1]]
        for value in search("\n".join(piece.text for piece in pieces)):
            if any(value.start < border < value.end - 1 for border in borders):
                self._add(value, pieces)
        return at + 1 + last - len(before)

    def _add(self, value: Found, pieces: Iterable[_Piece]) -> None:
        for piece in pieces:
            end = piece.start + len(piece.text)
            if value.start < end and value.end > piece.start:
                part = max(value.start, piece.start) - piece.start, min(value.end, end) - piece.start
                self.every[piece.place].append(Found(value.kind, *(piece.offset + edge for edge in part)))
                for last in (False, True):
                    self._ends.pop((piece.place, last), None)

    def _end(self, place: int, *, last: bool) -> tuple[int, str, int]:
        """Return the place, its first or last code points without known values, and their offset."""
        known = self._ends.get((place, last))
        if known is None:
            text = self._texts[place]
            start, end = (max(0, len(text) - REACH), len(text)) if last else (0, min(len(text), REACH))
            known = self._ends[place, last] = place, _blanked_from(text, self.every[place], start, end), start
        return known


def _may_join(before: str, after: str) -> bool:
    """Return False if no value is divided between two texts: from the few code points beside their border."""
    bare = before[-_MOST_DECORATION:].rstrip(_DECORATION)
    if bare[-1:] not in _KEY_CHARACTERS or before[-1] == "\n":
        return False
    last = before[-_NEAR_ACCOUNT:]
    near = f"{last}\n{after[:_NEAR]}"
    border = len(last)
    if _cut_at(near, border, border + 1) is not None:
        return True
    numbers = _NUMBER_BREAK.finditer(near, max(0, border - 3), border + 12)
    if any(found.start() < border < found.end() for found in numbers):
        return True
    if not (before[-1].isalnum() and after[:1].isalnum()):
        return False
    return any(start < border < end for start, end in ibans(f"{last} {after[:_NEAR_ACCOUNT]}"))


def _gathered(texts: Sequence[str], places: Iterable[int], most: int) -> Iterator[int]:
    """Yield places of texts: up to ``most`` code points, or a text longer than ``REACH``."""
    for place in places:
        yield place
        most -= len(texts[place]) + 1
        if most <= 0 or len(texts[place]) > REACH:
            return


def _blanked_from(text: str, known: Iterable[Found], start: int, end: int) -> str:
    inside = [
        Found(value.kind, max(value.start, start) - start, min(value.end, end) - start)
        for value in known
        if value.start < end and value.end > start
    ]
    return blanked(text[start:end], inside) if inside else text[start:end]


def blanked(text: str, known: Iterable[Found]) -> str:
    """Return a text of the same length with NUL in place of known values."""
    pieces, at = list[str](), 0
    for value in sorted(known, key=lambda value: value.start):
        pieces += (text[at : value.start], "\x00" * (value.end - value.start))
        at = value.end
    return "".join([*pieces, text[at:]])


def _secrets(text: str, rules: Sequence[DataRule]) -> Iterator[Found]:
    breaks = list(_breaks(text))
    if not breaks:
        return
    whole = [span for rule in rules for span in places_of(rule, text)]
    ends, starts = {end for _, end in whole}, {start for start, _ in whole}
    joined, origins = _joined(text, [cut for cut in breaks if cut.end not in starts and _goes_on(cut, ends)])
    for rule in rules:
        for start, end in places_of(rule, joined):
            first, last = origins[start], origins[end - 1]
            if last - first != end - 1 - start:
                yield Found(rule.kind, first, last + 1)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A break between two characters of keys, with the piece after it."""

    start: int
    end: int
    piece: str


def _breaks(text: str) -> Iterator[_Cut]:
    for newline in _NEWLINE.finditer(text):
        cut = _cut_at(text, *newline.span())
        if cut is not None:
            yield cut


def _cut_at(text: str, start: int, end: int) -> _Cut | None:
    """Return the break at a line's end, if a value may continue after it."""
    before = text[max(0, start - _MOST_DECORATION) : start]
    bare = before.removesuffix("\\r").rstrip(_DECORATION)
    if bare[-1:] not in _KEY_CHARACTERS:
        return None
    after = _AFTER.match(text, end)
    if after is None or not (_STRONG.match(after[1]) or _WEAK.match(after[1])):
        return None
    return _Cut(start - len(before) + len(bare), after.end(), after[1])


def _goes_on(cut: _Cut, ends: Collection[int]) -> bool:
    """Return False for a piece that only follows a whole value."""
    return cut.start not in ends or (len(cut.piece) >= _LEAST_REST and _STRONG.match(cut.piece) is not None)


def _joined(text: str, breaks: Iterable[_Cut]) -> tuple[str, Sequence[int]]:
    """Return the text without these breaks, and its characters' positions in ``text``."""
    pieces, origins, at = list[str](), list[int](), 0
    for cut in breaks:
        if cut.start < at:
            continue
        pieces.append(text[at : cut.start])
        origins.extend(range(at, cut.start))
        at = cut.end
    pieces.append(text[at:])
    origins.extend(range(at, len(text)))
    return "".join(pieces), origins


def _cards(text: str) -> Iterator[tuple[int, int]]:
    """Yield lines of digits that are one card number, all of them together."""
    block = list[re.Match[str]]()
    for found in _NUMBER_BREAK.finditer(text):
        if block and not _NUMBER_BETWEEN.match(text, block[-1].end(), found.start() + 1):
            yield from _card_in(text, block)
            block = []
        block.append(found)
    yield from _card_in(text, block)


def _card_in(text: str, block: Sequence[re.Match[str]]) -> Iterator[tuple[int, int]]:
    if not 0 < len(block) < _MOST_LINES:
        return
    first, last = block[0].start() + 1, block[-1].end()
    begin = max(0, first - 64)
    before, after = _NUMBER_BEFORE.search(text[begin:first]), _NUMBER_AFTER.match(text, last)
    if before is None or after is None:
        return
    start, end = begin + before.start(1), after.end()
    if _MORE_BEFORE.search(text[max(0, start - 2) : start]) or _MORE_AFTER.match(text, end):
        return
    groups = re.findall(r"\d+", text[start:end])
    # as on a card, or in pieces of different lengths: equal ones are more often a list
    grouped = all(len(group) == _GROUP for group in groups) or len({len(group) for group in groups}) > 1
    if grouped and is_card("".join(groups)) and not beside_hex(text, start, end):
        yield start, end
