"""Encodings of text in addresses that a model can write: base64, base32, hexadecimal, decimal codes."""

import base64
import binascii
import re
from collections.abc import Iterator
from contextlib import suppress

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,4000}={0,2}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){6,2000}")
_DIVIDED_HEX = re.compile(r"[0-9A-Fa-f]{2}(?:[-_.:,+% ][0-9A-Fa-f]{2}){5,2000}")
_BASE32 = re.compile(r"[A-Za-z2-7]{16,4000}")
_CODES = re.compile(r"\d{2,3}(?:[-_.:,+/ ]\d{2,3}){5,2000}")
_SIGN = re.compile(r"[^0-9A-Za-z]")
_EXTENSION = re.compile(r"\.[a-z]{2,4}\Z")
_MOSTLY = 0.8  # minimum share of letters, digits and spaces in decoded bytes that count as text
_BYTE = 256


def decoded_texts(value: str, least: int) -> Iterator[str]:
    """Yield readable texts of at least ``least`` bytes that a value encodes."""
    stem = value.rpartition(".")[0] if _EXTENSION.search(value) else value
    for form in {value, stem}:
        for data in _decoded(form):
            if len(data) >= least and (text := _read(data)) is not None:
                yield text


def _decoded(value: str) -> Iterator[bytes]:
    if _HEX.fullmatch(value) and not value.isdecimal():
        yield bytes.fromhex(value)
    if _DIVIDED_HEX.fullmatch(value) and not _CODES.fullmatch(value):
        yield bytes.fromhex(_SIGN.sub("", value))
    if _CODES.fullmatch(value):
        codes = [int(code) for code in _SIGN.split(value)]
        if max(codes) < _BYTE:
            yield bytes(codes)
    if _BASE64.fullmatch(value):
        plain = value.rstrip("=").replace("-", "+").replace("_", "/")
        yield base64.b64decode(_padded(plain[: len(plain) - (len(plain) % 4 == 1)], 4))
    if _BASE32.fullmatch(value):
        with suppress(binascii.Error):  # not every number of letters is a whole number of bytes
            yield base64.b32decode(_padded(value.upper(), 8))


def _padded(text: str, block: int) -> str:
    return text + "=" * (-len(text) % block)


def _read(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if not text.isprintable() and not all(char.isprintable() or char in "\r\n\t" for char in text):
        return None
    plain = sum((char.isascii() and char.isalnum()) or char.isspace() for char in text)
    return text if plain >= _MOSTLY * len(text) else None
