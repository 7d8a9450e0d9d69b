"""International bank account numbers (ISO 13616), recognised by country, length and check digits."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from domain.privacy.detection.surroundings import beside_hex

_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])")
# Countries by the length of their numbers: the IBAN registry of ISO 13616.
_COUNTRIES: Mapping[int, str] = MappingProxyType(
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
_LENGTHS: Mapping[str, int] = MappingProxyType(
    {country: length for length, countries in _COUNTRIES.items() for country in countries.split()}
)
_OF_DIGITS = (
    "AE AT BA BE BI CR CZ DE DK EE EG ES FI FO GL HR HU IL IS LT LY ME MN MR NO PL PT RS SD SE SI SK SO ST TL TN VA XK"
)
"""Countries without letters in their numbers."""


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """Yield positions of account numbers, in one piece or in groups, in order."""
    free = 0
    for start in _START.finditer(text):
        country = start[0][:2].upper()
        length = _LENGTHS.get(country)
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
        whole = len(compact) == length and not (text[at : at + 1].isascii() and text[at : at + 1].isalnum())
        if whole and _is_account(compact, country) and not beside_hex(text, start.start(), at):
            free = at
            yield start.start(), at


def _is_account(compact: str, country: str) -> bool:
    return (country not in _OF_DIGITS or compact[2:].isdecimal()) and mod_97(compact)


def mod_97(iban: str) -> bool:
    """Return True if the check digits are valid (ISO/IEC 7064, MOD 97-10)."""
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1
