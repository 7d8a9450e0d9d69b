"""Payment card numbers: check digit, issuer's range, the grouping of cards, and the text around them.

One number in forty of sixteen digits passes issuer's range and check digit by chance, so tables, identifiers and
timestamps are told apart: by the groups beside, by the word before, and by the share of valid numbers in a column.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.privacy.detection.surroundings import beside_hex

_RUN = re.compile(r"(?<![0-9A-Za-z_])\d+(?:[ .-]\d+)*+")
_WORD_AFTER = re.compile("[0-9A-Za-z_]")
_DIGITS = re.compile(r"\d+")
_LENGTHS = range(14, 20)
# Issuers' prefixes (ISO/IEC 7812) with the lengths of their numbers. Visa's 13 digits, long out of use, resemble EANs;
# 17 and 18 digits are identifiers of messages far more often than cards.
_ISSUED = re.compile(
    r"4(?:\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12}"  # Discover
    r"|(?:62\d\d|81\d\d)\d{12}(?:\d{3})?"  # UnionPay
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{12}"  # Maestro
)
_SHAPES = ((4, 4, 4, 4, 3), (4, 4, 4, 4), (4, 6, 5), (4, 6, 4))
_MOST_GROUPS = 6
_ODD_GROUPS = range(2, 5)
_LEAST_GROUP = 4
_SIMILAR = range(3, 7)
"""Lengths of groups beside three groups: any three numbers of a row may be as long as these."""
_EXPIRY = re.compile(r" (?:0[1-9]|1[0-2])\d\d \d{3,4}(?![\d.])")
_BEFORE = 48
_AFTER = 24
_CARD = re.compile(
    r"(?i:(?<![a-z])(?:cards?|card_?(?:no|number|num)|credit|debit|visa|master ?card|amex|american express|maestro|jcb"
    r"|diners|discover|union ?pay|pan|cc|ccnum|pay(?:s|ing)? (?:with|by)|kredit\w*|\w*karte|carte|tarjeta|carta"
    r"|cart[a\u00e3]o|kort\w*|\w*kaart|karta|kart[\u0131i]?|kortti)(?![a-z]))"
    r"|[Kk]arte(?:nnummer)?|cardNumber|\u043a\u0430\u0440\u0442|\u03ba\u03ac\u03c1\u03c4"
    r"|\u5361|\u30ab\u30fc\u30c9|\uce74\ub4dc|\u0e1a\u0e31\u0e15\u0e23|\u0628\u0637\u0627\u0642"
    r"|\u05db\u05e8\u05d8\u05d9\u05e1|\u0915\u093e\u0930\u094d\u0921|th\u1ebb"
)
_EXPIRES = r"(?:0[1-9]|1[0-2]) ?/ ?(?:20)?[2-4]\d(?!\d)"
_CARD_AFTER = re.compile(rf"(?i)[\s,;|/(\"']{{0,6}}(?:exp|cvv|cvc|valid|g\u00fcltig|{_EXPIRES})")
_THINGS = (
    r"ids?|orders?|ref(?:erence)?|invoice|tracking|message|msg|ticket|case|serial|sku|imei|iccid|isbn|ean|upc|gtin|uid|guid"
    r"|user|customer|transaction|txn?|trace|span|request|session|commit|build|timestamp|time|ts|nonce|block|hash|parcel"
    r"|shipment|siret|siren|vat|tax|batch|lot|item|row|job|pid|seq|offset|bestell(?:ung|nummer|nr)|rechnung(?:snummer)?"
    r"|auftrag|sendung|paket|kundennummer|pedido|commande|facture|factura|ordine|fattura|zam\u00f3wienie"
    r"|\u0437\u0430\u043a\u0430\u0437|\u6ce8\u6587|\u8ba2\u5355|\u8a02\u55ae|\uc8fc\ubb38"
)
_NUMBER_SIGN = r"no|nr|num|numbers?|id|code|nummer|\u756a\u53f7|\u53f7|\ubc88\ud638"
_OTHER = re.compile(
    rf"(?i)(?<![a-z])(?:\w{{0,24}}[_-])?(?:{_THINGS})(?:[ _-]?(?:{_NUMBER_SIGN})\.?)?[\"']?"
    r"\s{0,3}[:=#\u2116]?\s{0,3}[\"'#(]?\Z"
)
_COLUMN = 2
_NEAR = 400


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A number as long as a card's, in one piece or in a card's groups.

    Attributes:
        start: position of its first digit.
        end: position after its last digit.
        shape: lengths of its groups, and the text before it in outline: the same throughout a column.
        valid: True if issuer's range and check digit fit.
        named: True if the text around says that it is a card.
    """

    start: int
    end: int
    shape: tuple[object, ...]
    valid: bool
    named: bool = False


def card_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Yield positions of payment card numbers, in order."""
    columns: dict[tuple[object, ...], list[_Candidate]] = {}
    cards = list[tuple[int, int]]()
    for candidate in _candidates(text):
        column = columns.setdefault(candidate.shape, [])
        if column and candidate.start - column[-1].end > _NEAR:
            cards += _cards_of(column)
            column.clear()
        column.append(candidate)
    for column in columns.values():
        cards += _cards_of(column)
    yield from sorted(cards)


def _cards_of(column: Sequence[_Candidate]) -> Iterator[tuple[int, int]]:
    """Yield the cards of a column: all valid numbers, or, among too many invalid ones, those that are named."""
    valid = [candidate for candidate in column if candidate.valid]
    chance = 2 * len(valid) < len(column)
    yield from ((card.start, card.end) for card in valid if card.named or not chance)


def _candidates(text: str) -> Iterator[_Candidate]:
    for run in _RUN.finditer(text):
        if run.end() - run.start() < _LENGTHS.start:
            continue
        groups = [group.span() for group in _DIGITS.finditer(text, *run.span())]
        if _WORD_AFTER.match(text, run.end()):
            groups.pop()
        first = 0
        while first < len(groups):
            last = _card_from(text, groups, first)
            if last is None:
                first += 1
                continue
            yield _candidate(text, groups[first : last + 1])
            first = last + 1


def _candidate(text: str, groups: Sequence[tuple[int, int]]) -> _Candidate:
    start, end = groups[0][0], groups[-1][1]
    before = text[max(0, start - _BEFORE) : start]
    digits = "".join(text[at:stop] for at, stop in groups)
    valid = is_card(digits) and not beside_hex(text, start, end)
    named = valid and (_CARD.search(before) is not None or _CARD_AFTER.match(text, end) is not None)
    sizes = tuple(stop - at for at, stop in groups)
    if valid and not named:
        other = _OTHER.search(before) is not None or before.endswith("/")
        odd = len(sizes) > 1 and sizes not in _SHAPES
        valid = not other and not (odd and _numbers_beside(text, start, end))
    return _Candidate(start, end, (_outline(before), *sizes), valid, named)


def _outline(before: str) -> str:
    if before[-1:] in ("", "\n"):
        return "\n"
    return "".join("a" if char.isalpha() else "0" if char.isdigit() else char for char in before[-_COLUMN:])


def _card_from(text: str, groups: Sequence[tuple[int, int]], first: int) -> int | None:
    """Return the last group of a number in a card's form, or None."""
    near = groups[first : first + _MOST_GROUPS]
    lengths = [end - start for start, end in near]
    between = [text[end : end + 1] for _, end in near]
    start = near[0][0]
    if lengths[0] in _LENGTHS and text[start - 1 : start] != ".":
        decimals = len(lengths) > 1 and between[0] == "."
        return None if decimals else first
    for shape in _SHAPES:
        size = len(shape)
        if tuple(lengths[:size]) == shape and len(set(between[: size - 1])) == 1:
            return first + size - 1 if _stands_alone(text, groups, first, size, between[0]) else None
    whole = len(groups) == len(lengths) and len(groups) in _ODD_GROUPS and set(between[:-1]) == {" "}
    if first == 0 and whole and min(lengths) >= _LEAST_GROUP and sum(lengths) in _LENGTHS:
        unequal = len(set(lengths)) > 1 or _CARD.search(text, max(0, start - _BEFORE), start)
        return len(groups) - 1 if unequal else None
    return None


def _stands_alone(text: str, groups: Sequence[tuple[int, int]], first: int, size: int, separator: str) -> bool:
    """Return False for a part of a longer row of such groups."""
    after = first + size
    follows = after < len(groups) and text[groups[after - 1][1]] == separator
    leads = first > 0 and text[groups[first - 1][1]] == separator
    if separator != " ":
        return not leads and not follows
    before_length = groups[first - 1][1] - groups[first - 1][0] if leads else 0
    after_length = groups[after][1] - groups[after][0] if follows else 0
    if size == len(_SHAPES[-1]):
        return before_length not in _SIMILAR and after_length not in _SIMILAR
    usual = groups[first][1] - groups[first][0]
    expiry = after_length == usual and _EXPIRY.match(text, groups[after - 1][1])
    return before_length != usual and (after_length != usual or bool(expiry))


def _numbers_beside(text: str, start: int, end: int) -> bool:
    line = text.rfind("\n", max(0, start - _NEAR), start) + 1 or max(0, start - _NEAR)
    stop = text.find("\n", end, end + _NEAR)
    return bool(_DIGITS.search(text, line, start) or _DIGITS.search(text, end, end + _NEAR if stop < 0 else stop))


def is_card(digits: str) -> bool:
    """Return True for a card number: length, issuer's range and check digit."""
    digits = _ascii(digits)
    return len(digits) in _LENGTHS and _ISSUED.fullmatch(digits) is not None and luhn(digits)


def _ascii(digits: str) -> str:
    return digits if digits.isascii() else "".join(str(int(char)) for char in digits)


def luhn(digits: str) -> bool:
    """Return True if the last digit is the check digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the sum of the digits of a product
    return total % 10 == 0
