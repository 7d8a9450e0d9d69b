"""Encoded stretches of a text, replaced by their plaintext: base64, hexadecimal, percent, HTML entities, escapes.

Only encodings of text are replaced. A hash, a key or an image does not decode to text, and is unchanged.
"""

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterator

from domain.text.normalise.language import BITS_OF_LANGUAGE, bits_per_letter
from domain.text.normalise.rot13 import rotate
from domain.text.normalise.steps import Decoding
from domain.text.view import Replacement, apart

MAX_DECODED = 64
"""Maximum number of stretches of one kind decoded in one pass over a text."""

_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{11,}"
    r"(?:(?<=[A-Za-z0-9+/_-]{40})[ \t]{0,8}\r?\n[ \t>]{0,8}[A-Za-z0-9+/_-]{2,})*={0,2}"
)
_HEX = re.compile(
    r"(?<![0-9A-Za-z\\])(?:(?:0[xX]|\\x)?[0-9a-fA-F]{2}[\s,:;-]{0,2}){7,}(?:0[xX]|\\x)?[0-9a-fA-F]{2}(?![0-9A-Za-z])"
)
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});?")
_ESCAPED = re.compile(
    r"(?:\\x[0-9a-fA-F]{2})+|(?:\\u[0-9a-fA-F]{4})+|\\u\{[0-9a-fA-F]{1,6}\}|\\U[0-9a-fA-F]{8}|(?:\\[0-3][0-7]{2})+"
)
_BINARY = re.compile(r"(?<!\w)(?:[01]{8}[\s,]{0,2}){5,}(?!\w)")
_CODES = re.compile(
    r"(?<!\w)(?:(?:3[2-9]|[4-9]\d|1[01]\d|12[0-6])[\s,;]{1,2}){7,}(?:3[2-9]|[4-9]\d|1[01]\d|12[0-6])(?!\w)"
)

_LINE_BREAK = re.compile(r"[ \t]*\r?\n[ \t>]*")
_MAYBE_HEX = re.compile(r"[0-9a-fA-F]{2}(?:[0-9a-fA-F]{6}|[\s,:;-]{1,2}(?:0[xX]|\\x)?[0-9a-fA-F]{2}[\s,:;-])|\\x")
_MAYBE_NUMBERS = re.compile(r"[01]{8}|\d\d[\s,;]{1,2}\d\d")

_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")
_NO_HEX_DIGIT = re.compile("[^0-9a-fA-F]")
_PREFIX = re.compile(r"0[xX]|\\x")
_AGAIN = re.compile(
    r"[A-Za-z0-9+/=_-]{16,}\s*\Z|[0-9a-fA-F\s]{16,}\Z|(?:%[0-9a-fA-F]{2}|&#\d{1,7};|\\[ux][0-9a-fA-F]{2,4}){4}"
)
_ODD_SHARE = 50  # one such character in so many is tolerated
_SURELY_TEXT = 24  # decoded characters that are unlikely to be text by chance
_SURELY_FOREIGN = 12  # the same, if some are beyond ASCII and take several bytes
_FEWEST_ESCAPES = 4
_FEWEST_PERCENTS = 3
_TWO_BYTES = 2
_FIRST_PRINTABLE, _LAST_CODE = 0x20, 0x10FFFF

BY_CHARACTER = frozenset({"html_entities", "percent", "escapes"})
"""Encodings of characters within words; the others encode whole texts."""


def decode_all(text: str) -> Iterator[Decoding]:
    """Yield each encoding found in the text; stretches of different encodings may overlap."""
    if "&" in text:
        yield _decode("html_entities", text, _ENTITY, _entity)
    if "%" in text and len(re.findall(r"%[0-9a-fA-F]{2}", text)) >= _FEWEST_PERCENTS:
        yield _decode("percent", text, _PERCENT, _percent)
    if "\\" in text:
        places = _ESCAPED.findall(text)
        if sum(map(len, places)) >= _FEWEST_ESCAPES * _FEWEST_ESCAPES:
            yield _decode("escapes", text, _ESCAPED, _escaped)
    if _MAYBE_HEX.search(text):
        yield _decode("hex", text, _HEX, _hex)
    if _MAYBE_NUMBERS.search(text):
        yield _decode("binary", text, _BINARY, _binary)
        yield _decode("character_codes", text, _CODES, _codes)
    yield _decode("base64", text, _BASE64, _base64)


def _decode(name: str, text: str, pattern: re.Pattern[str], decode: Callable[[str], str | None]) -> Decoding:
    """Decode the matches of a pattern."""
    by_character = name in BY_CHARACTER
    replacements: list[Replacement] = []
    for match in pattern.finditer(text):
        decoded = decode(match.group())
        if decoded is None:
            continue
        if by_character:
            replacements.append((*match.span(), decoded))
        elif len(replacements) < MAX_DECODED:
            replacements.append((*match.span(), apart(text, *match.span(), decoded)))
        else:
            return Decoding(name, replacements, complete=False)
    return Decoding(name, replacements)


def _text(data: bytes) -> str | None:
    """Decode bytes as UTF-8 or, with a zero in every other byte, as UTF-16. None if they are not text."""
    try:
        decoded = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if decoded[1::2].strip("\x00") == "" and len(data) >= _FEWEST_ESCAPES and len(data) % _TWO_BYTES == 0:
        decoded = data.decode("utf-16-le", "replace")
    odd = len(_NO_TEXT.findall(decoded))
    return None if odd * _ODD_SHARE > len(decoded) or not decoded.strip() else decoded


def _says_something(decoded: str | None, surely: int) -> str | None:
    """Return a decoded text if it is long, reads as language, or is encoded again."""
    if decoded is None:
        return None
    letters = sum(map(str.isalpha, decoded))
    if len(decoded) >= surely:
        return decoded
    if _AGAIN.match(decoded) or (letters * 2 >= len(decoded) and bits_per_letter(decoded.lower()) <= BITS_OF_LANGUAGE):
        return decoded
    foreign = not decoded.isascii() and len(decoded) >= _SURELY_FOREIGN and letters * 2 >= len(decoded)
    return decoded if foreign else None


def _base64(stretch: str) -> str | None:
    """Decode a stretch as a whole, without its last line, or line by line."""
    decoded = _base64_whole(_LINE_BREAK.sub("", stretch))
    if decoded is not None or "\n" not in stretch:
        return decoded
    lines = stretch.split("\n")
    head = _base64_whole(_LINE_BREAK.sub("", "\n".join(lines[:-1]).rstrip(" \t\r")))
    if head is not None:
        return f"{head}\n{lines[-1]}"
    said = [_base64_whole(line.strip(" \t\r>")) for line in lines]
    return "\n".join(part or line for part, line in zip(said, lines, strict=True)) if any(said) else None


def _base64_whole(stretch: str) -> str | None:
    if stretch.lower() == stretch or stretch.isdigit():
        return None
    bare = stretch.rstrip("=")
    said = _base64_bare(bare)
    return said if said is not None else _base64_bare(rotate(bare))


def _base64_bare(bare: str) -> str | None:
    bare = bare[: len(bare) - (len(bare) % 4 == 1)]
    padded = bare + "=" * (-len(bare) % 4)
    data = base64.b64decode(padded.translate({0x2D: "+", 0x5F: "/"}))
    return _says_something(_text(data), _SURELY_TEXT)


def _hex(stretch: str) -> str | None:
    digits = _NO_HEX_DIGIT.sub("", _PREFIX.sub("", stretch))
    try:
        data = binascii.unhexlify(digits)
    except binascii.Error:
        return None
    # sequences of numbers resemble hexadecimal: only language distinguishes them
    return _says_something(_text(data), len(digits) if digits.isdigit() else _SURELY_TEXT)


def _binary(stretch: str) -> str | None:
    digits = re.sub(r"[\s,]", "", stretch)
    return _says_something(_text(int(digits, 2).to_bytes(len(digits) // 8, "big")), _SURELY_TEXT)


def _codes(stretch: str) -> str | None:
    decoded = "".join(chr(int(code)) for code in re.findall(r"\d+", stretch))
    return _says_something(decoded, len(stretch))


def _percent(stretch: str) -> str | None:
    return _text_or_space(bytes.fromhex(stretch.replace("%", "")))


def _text_or_space(data: bytes) -> str | None:
    try:
        decoded = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _NO_TEXT.search(decoded) else decoded


def _entity(stretch: str) -> str | None:
    decoded = html.unescape(stretch)
    return None if decoded == stretch or _NO_TEXT.search(decoded) else decoded


def _escaped(stretch: str) -> str | None:
    if stretch.startswith("\\x"):
        return _text_or_space(bytes.fromhex(stretch.replace("\\x", "")))
    if stretch[1].isdigit():
        return _text_or_space(bytes(int(code, 8) for code in stretch.split("\\")[1:]))
    if stretch.startswith(("\\u{", "\\U")):
        code = int(stretch.strip("\\uU{}"), 16)
        return chr(code) if _FIRST_PRINTABLE <= code <= _LAST_CODE else None
    units = bytes.fromhex(stretch.replace("\\u", ""))
    decoded = units.decode("utf-16-be", "replace")
    return None if _NO_TEXT.search(decoded) else decoded
