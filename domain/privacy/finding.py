"""Detection of secrets and personal data in a text: cheap checks first, since most prompts contain none.

Text matched by a stronger kind is blanked out before weaker ones search, so findings never overlap. Work is linear in
the text, and a text is never judged in part: text that can't be searched completely raises.
"""

import re
from collections.abc import Collection, Iterator

from domain.privacy.detection.accounts import ibans
from domain.privacy.detection.cards import card_numbers
from domain.privacy.detection.dashes import plain_dashes
from domain.privacy.detection.emails import emails
from domain.privacy.detection.matching import places_of
from domain.privacy.detection.own_keys import own_keys
from domain.privacy.detection.phone_labels import labelled_phones
from domain.privacy.detection.private_keys import private_keys
from domain.privacy.divided import divided
from domain.privacy.policy import DataKind, Found, PrivacyPolicy
from domain.privacy.ports import PhoneNumbers

_DIGIT = re.compile(r"\d")
_BLANK = "\x00"
_PASSES = 3
"""Number of passes: a value next to another one may be recognisable only after that is blanked."""


def find(text: str, kinds: Collection[DataKind], policy: PrivacyPolicy, phones: PhoneNumbers) -> list[Found]:
    """Return the values of these kinds in a text, in order, without overlaps.

    Raises:
        TooMuchToScan: see ``PhoneNumbers``.
    """
    original = text = plain_dashes(text)
    found = divided(text, kinds, policy.rules)
    if found:
        text = _blanked(text, found)
    for _ in range(_PASSES):
        before = len(found)
        for kind in DataKind:
            if kind not in kinds:
                continue
            places = [
                Found(kind, start, end)
                for start, end in _apart(sorted(_places(text, kind, policy, phones)))
                if text[start:end] == original[start:end]  # otherwise it was blanked out
            ]
            if places:
                text = _blanked(text, places)
                found += places
        if len(found) == before:
            break
    return sorted(found, key=lambda value: value.start)


def _places(text: str, kind: DataKind, policy: PrivacyPolicy, phones: PhoneNumbers) -> Iterator[tuple[int, int]]:
    if kind is DataKind.PRIVATE_KEY:
        yield from private_keys(text)
    elif kind is DataKind.API_KEY:
        yield from own_keys(text)
    elif kind is DataKind.EMAIL:
        yield from emails(text)
    elif kind is DataKind.PHONE:
        if _DIGIT.search(text):
            yield from labelled_phones(text)
            yield from phones.find(text, policy.phone_regions)
    elif kind is DataKind.CARD_NUMBER:
        yield from card_numbers(text) if _DIGIT.search(text) else ()
    elif kind is DataKind.IBAN:
        yield from ibans(text) if _DIGIT.search(text) else ()
    for rule in policy.rules:
        if rule.kind is kind:
            yield from places_of(rule, text)


def _blanked(text: str, places: list[Found]) -> str:
    parts: list[str] = []
    at = 0
    for place in places:
        parts += (text[at : place.start], _BLANK * (place.end - place.start))
        at = place.end
    return "".join([*parts, text[at:]])


def _apart(places: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield ordered places, with overlapping ones merged."""
    current: tuple[int, int] | None = None
    for start, end in places:
        if current and start < current[1]:
            current = (current[0], max(current[1], end))
            continue
        if current:
            yield current
        current = (start, end)
    if current:
        yield current
