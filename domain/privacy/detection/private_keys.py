"""Private keys in PEM (RFC 7468), OpenSSH, PGP and PuTTY format: a header and a body that resembles a key."""

import re
from collections.abc import Iterator

_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----|PuTTY-User-Key-File-\d")
_BREAK = r"(?:\s|\\[nr])*"
_BODY = re.compile(
    rf"(?:{_BREAK}(?:[A-Za-z0-9+/=]{{16,}}|(?:Proc-Type|DEK-Info|Version|Comment): [^\n]{{0,100}}))+"
    r"(?:(?:[ \t]*(?:\r?\n|\\[nr]))+[A-Za-z0-9+/]{1,15}={0,2}(?![A-Za-z0-9+/=]))?"
)
_KEY_LIKE = re.compile(r"(?=[A-Za-z]{0,63}[0-9+/])(?!X{16}|x{16})[A-Za-z0-9+/]{16}")
_CHARACTERS = re.compile(r"[A-Za-z0-9+/=]+")
_SHORT_LINES = 64
"""Least number of characters of a key whose lines are shorter than keys' usually are."""
_MOST_SPACES = 8
_PUTTY_END = re.compile(r"Private-MAC: *[0-9a-fA-F]*")


def private_keys(text: str) -> Iterator[tuple[int, int]]:
    """Yield positions of keys: to the footer, or while the text resembles a key."""
    free = 0
    if "PRIVATE KEY" not in text and "PuTTY" not in text:
        return
    for begin in _BEGIN.finditer(text):
        if begin.start() < free:
            continue
        if begin[1] is None:
            end = _PUTTY_END.search(text, begin.end())
            free = end.end() if end else len(text)
        else:
            footer = f"-----END {begin[1]}-----"
            at = text.find(footer, begin.end())
            body = _BODY.match(text, begin.end())
            inside = at if at >= 0 else body.end() if body else begin.end()
            if not _resembles_key(text, begin.end(), inside):  # a header without a key
                continue
            free = at + len(footer) if at >= 0 else inside
        yield begin.start(), free


def _resembles_key(text: str, start: int, end: int) -> bool:
    if _KEY_LIKE.search(text, start, end):
        return True
    words = _CHARACTERS.findall(text, start, end)
    return sum(map(len, words)) >= _SHORT_LINES and text.count(" ", start, end) < _MOST_SPACES
