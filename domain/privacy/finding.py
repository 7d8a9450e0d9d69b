"""Detection of secrets and personal data in a text: cheap checks first, since most prompts contain none.

Text matched by a stronger kind is blanked out before weaker ones search, so findings never overlap. Work is linear in
the text, and a text is never judged in part: text that can't be searched completely raises.
"""

import re
from collections.abc import Collection, Iterator

from domain.privacy.divided import divided
from domain.privacy.matching import places_of
from domain.privacy.numbers import card_numbers, ibans
from domain.privacy.policy import DataKind, Found, PrivacyPolicy
from domain.privacy.ports import PhoneNumbers

_PEM_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----|PuTTY-User-Key-File-\d")
_BREAK = r"(?:\s|\\[nr])*"
_PEM_BODY = re.compile(
    rf"(?:{_BREAK}(?:[A-Za-z0-9+/=]{{16,}}|(?:Proc-Type|DEK-Info|Version|Comment): [^\n]{{0,100}}))+"
    r"(?:(?:[ \t]*(?:\r?\n|\\[nr]))+[A-Za-z0-9+/]{1,15}={0,2}(?![A-Za-z0-9+/=]))?"
)
_PUTTY_END = re.compile(r"Private-MAC: *[0-9a-fA-F]*")
# A sign between name and domain, and the dots of a domain: plain, or as URLs (RFC 3986), HTML and JSON write them.
_AT = re.compile(r"@|%(?:25){0,2}40|&#0{0,4}64;|&#[xX]0{0,4}40;|&commat;|\\\\{0,2}(?:u0040|x40)")
_ENCODED_AT = ("40", "64;", "&commat;")
_PLAIN_AT = re.compile("@")
_DOT = r"(?:\.|%(?:25){0,2}2[eE]|&#0{0,4}46;|&#[xX]0{0,4}2[eE];|&period;|\\\\{0,2}(?:u002[eE]|x2[eE]))"
_LOCAL = re.compile(r"[^\W_](?:[\w.%+'-]{0,62}\w)?|_")
_DOMAIN = re.compile(rf"(?:[^\W_](?:[\w-]{{0,61}}[^\W_])?{_DOT}){{1,8}}[^\W\d_]{{2,24}}")
_NO_PERSON = "git"
"""Login that code hosts give to everyone: ``git@host`` is a repository's address."""
_DIGIT = re.compile(r"\d")
_BLANK = "\x00"
_PASSES = 3
"""Number of passes: a value next to another one may be recognisable only after that is blanked."""


def find(text: str, kinds: Collection[DataKind], policy: PrivacyPolicy, phones: PhoneNumbers) -> list[Found]:
    """Return the values of these kinds in a text, in order, without overlaps.

    Raises:
        TooMuchToScan: see ``PhoneNumbers``.
    """
    original = text
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
        yield from _private_keys(text)
    elif kind is DataKind.EMAIL:
        yield from _emails(text)
    elif kind is DataKind.PHONE:
        yield from phones.find(text, policy.phone_regions) if _DIGIT.search(text) else ()
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


def _private_keys(text: str) -> Iterator[tuple[int, int]]:
    """Yield keys in PEM (RFC 7468), OpenSSH, PGP and PuTTY format."""
    free = 0
    if "PRIVATE KEY" not in text and "PuTTY" not in text:
        return
    for begin in _PEM_BEGIN.finditer(text):
        if begin.start() < free:
            continue
        if begin[1] is None:
            end = _PUTTY_END.search(text, begin.end())
            free = end.end() if end else len(text)
        else:
            footer = f"-----END {begin[1]}-----"
            at = text.find(footer, begin.end())
            body = _PEM_BODY.match(text, begin.end())
            if at < 0 and body is None:  # a header without a key
                continue
            free = at + len(footer) if at >= 0 else body.end() if body else len(text)
        yield begin.start(), free


def _emails(text: str) -> Iterator[tuple[int, int]]:
    """Yield addresses (RFC 5321), from each ``@`` outwards, however it is encoded."""
    free = 0
    signs = _AT if any(part in text for part in _ENCODED_AT) else _PLAIN_AT
    sign = signs.search(text)
    while sign:
        at = sign.start()
        domain = _DOMAIN.match(text, sign.end())
        local = _LOCAL.match(text[max(free, at - 64) : at][::-1]) if domain else None
        if domain and local and local[0][::-1] != _NO_PERSON:
            yield at - local.end(), domain.end()
            free = domain.end()
        sign = signs.search(text, max(at + 1, free))


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
