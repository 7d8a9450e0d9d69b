"""Card and account numbers, recognised by check digits and issuers' ranges."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

_RUN = re.compile(r"(?<![\w.,])\d{3,19}(?:[ .-]\d{2,19}){0,40}(?!\w)")
_DIGITS = re.compile(r"\d+")
_CARD_LENGTHS = range(14, 20)
# Issuers' prefixes (ISO/IEC 7812) with the lengths of their numbers. Visa's 13 digits, long out of use, resemble EANs.
_CARDS = re.compile(
    r"4(?:\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|(?:6011|64[4-9]\d|65\d\d|62\d\d|81\d\d)\d{12,15}"  # Discover, UnionPay
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{12}"  # Maestro
)
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])")
# Countries by the length of their numbers: the IBAN registry of ISO 13616.
_IBAN_COUNTRIES: Mapping[int, str] = MappingProxyType(
    {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }
)
_IBAN_LENGTHS: Mapping[str, int] = MappingProxyType(
    {country: length for length, countries in _IBAN_COUNTRIES.items() for country in countries.split()}
)


def card_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Yield positions of payment card numbers: in one piece, or in groups of two or more digits."""
    for run in _RUN.finditer(text):
        places = [group.span() for group in _DIGITS.finditer(text, *run.span())]
        groups = [_ascii(text[start:end]) for start, end in places]
        first = 0
        while first < len(groups):
            last = _card_from(groups, first)
            if last is not None:
                yield places[first][0], places[last][1]
            first = first + 1 if last is None else last + 1


def _ascii(digits: str) -> str:
    return digits if digits.isascii() else "".join(str(int(char)) for char in digits)


def _card_from(groups: list[str], first: int) -> int | None:
    """Return the last group of a card number starting with group ``first``, or None."""
    digits = ""
    found = None
    for last in range(first, len(groups)):
        digits += groups[last]
        if len(digits) >= _CARD_LENGTHS.stop:
            break
        if len(digits) in _CARD_LENGTHS and _CARDS.fullmatch(digits) and luhn(digits):
            found = last
    return found


def is_card(digits: str) -> bool:
    """Return True for a card number: length, issuer's range and check digit."""
    digits = _ascii(digits)
    return len(digits) in _CARD_LENGTHS and _CARDS.fullmatch(digits) is not None and luhn(digits)


def luhn(digits: str) -> bool:
    """Return True if the last digit is the check digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the sum of the digits of a product
    return total % 10 == 0


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """Yield positions of international bank account numbers (ISO 13616), in one piece or in groups."""
    free = 0
    for start in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(text[start.start() : start.start() + 2].upper())
        if length is None or start.start() < free:
            continue
        compact, at = "", start.start()
        while at < len(text) and len(compact) < length:
            if text[at] in " -":
                if at + 1 < len(text) and text[at + 1] in " -":
                    break
            elif text[at].isascii() and text[at].isalnum():
                compact += text[at]
            else:
                break
            at += 1
        if len(compact) == length and not text[at : at + 1].isalnum() and mod_97(compact):
            free = at
            yield start.start(), at


def mod_97(iban: str) -> bool:
    """Return True if the check digits are valid (ISO/IEC 7064, MOD 97-10)."""
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1
