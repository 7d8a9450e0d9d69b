"""Detection of keys, tokens and numbers that are divided: by line breaks, or by the borders of messages.

A break counts only before a piece that looks like a part of a key (it has digits, or letters of mixed case): a word
after it belongs to no value. Numbers are joined only if all their lines are one number, as in no table.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

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
    texts: Sequence[str], found: Sequence[Sequence[Found]], kinds: Collection[DataKind], rules: Sequence[DataRule]
) -> list[list[Found]]:
    """Add the parts of values that the borders between texts divide.

    A value may continue in the next text, or in the one after that: between two messages of a user there is an answer.
    """
    every = [list(known) for known in found]
    for step in (1, 2):
        for first in range(min(step, len(texts))):
            places = range(first, len(texts), step)
            if len(places) > 1:
                _add_parts(texts, every, places, kinds, rules)
    return [sorted(known, key=lambda value: value.start) for known in every]


def _add_parts(
    texts: Sequence[str],
    every: Sequence[list[Found]],
    places: Sequence[int],
    kinds: Collection[DataKind],
    rules: Sequence[DataRule],
) -> None:
    plain = [blanked(texts[place], every[place]) for place in places]
    starts = [0, *accumulate(len(text) + 1 for text in plain)]
    for value in divided("\n".join(plain), kinds, rules):
        parts = [
            (place, Found(value.kind, max(value.start - start, 0), min(value.end - start, len(text))))
            for place, start, text in zip(places, starts, plain, strict=False)
            if value.start < start + len(text) and value.end > start
        ]
        if len(parts) > 1:
            for place, part in parts:
                every[place].append(part)


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
        before = text[max(0, newline.start() - _MOST_DECORATION) : newline.start()]
        bare = before.removesuffix("\\r").rstrip(_DECORATION)
        if bare[-1:] not in _KEY_CHARACTERS:
            continue
        after = _AFTER.match(text, newline.end())
        if after and (_STRONG.match(after[1]) or _WEAK.match(after[1])):
            yield _Cut(newline.start() - len(before) + len(bare), after.end(), after[1])


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
