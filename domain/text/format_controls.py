"""Format characters that writing systems require, by their context (Unicode 15, chapters 9 to 23).

A reader sees the difference in these places:

- ZWJ or ZWNJ beside a letter or mark of a script that shapes by them (Arabic and its neighbours, Indic scripts and
  theirs, Mongolian, Tifinagh), and ZWJ between two emoji;
- a zero-width space between letters of scripts without spaces between words (Thai, Lao, Khmer, Myanmar, ...);
- a combining grapheme joiner between two marks, a Mongolian vowel separator between two letters;
- a direction mark near right-to-left letters, unless the letters on both its sides run in one direction;
- one variation selector after a base that has variants: emoji and symbols, ideographs, some letters and signs;
- Hangul fillers in a syllable, and controls that arrange hieroglyphs.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

_ZWNJ, _ZWJ = "\u200c", "\u200d"
_DIRECTION_MARKS = ("\u061c", "\u200e", "\u200f")
_REACH = 32  # code points on each side in which a right-to-left letter gives a direction mark its effect
_EMOJI_VARIANTS = "\ufe0e\ufe0f"

_SHAPING = re.compile(
    "[\u0600-\u0dff\u0f00-\u109f\u1780-\u18af\u1900-\u1aaf\u1b00-\u1bff\u1cd0-\u1cff\u2d30-\u2d7f\ua840-\ua8ff"
    "\ua980-\ua9df\uaa00-\uabff\U00010a00-\U00011fff\U0001e900-\U0001e95f]"
)
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u1b00-\u1b7f\ua980-\ua9df\uaa00-\uaadf]"
)
_RIGHT_TO_LEFT = re.compile(  # blocks of UAX #9's classes R and AL
    "[\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_MONGOLIAN = re.compile("[\u1820-\u18aa]")
_EMOJI = re.compile("[\u2194\u2195\U0001f000-\U0001faff]")  # besides the category So
_STYLED = re.compile("[0-9#*\u203c\u2049\u2139\u3030\u303d]|" + _EMOJI.pattern)
_IDEOGRAPH = re.compile("[\u2e80-\u2fdf\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003fffd]")
_WITH_VARIANTS = re.compile(
    # of StandardizedVariants.txt: a zero, quotes and stops by their place, dotted and other forms of letters
    "[0\u2018\u2019\u201c\u201d\u3001\u3002\uff01\uff0c\uff0e\uff1a\uff1b\uff1f\u1000-\u109f\uaa60-\uaa7f\ua840-\ua87f"
    "\U00010ac0-\U00010aff]"
)
_LAST_OF_IDEOGRAPHS = "\U000e012f"  # UTS #37 has 32 variants of one at most; further ones could spell bytes of letters

_JOIN_SIGNS = "[\U00013430-\U0001343f]{1,2}"
_SIGNS = "[\U00013000-\U0001342f\U00013440-\U000143ff\ufe00-\ufe06]"
_HIEROGLYPH = re.compile("[\U00013000-\U0001342f\U00013440-\U000143ff]")
_SEQUENCE = re.compile(
    "[\u1100-\u115e\ua960-\ua97c]\u1160|\u115f(?:[\u1161-\u11a7\ud7b0-\ud7c6]|\u1160[\u11a8-\u11ff\ud7cb-\ud7fb])"
    f"|{_SIGNS}{_JOIN_SIGNS}|{_JOIN_SIGNS}(?={_SIGNS})"
)
_SEQUENCED = re.compile("[\u115f\u1160\U00013430-\U0001343f]")


def find_sequences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the positions of Hangul syllables with fillers, and of controls beside hieroglyphs."""
    if _SEQUENCED.search(text):
        yield from (sequence.span() for sequence in _SEQUENCE.finditer(text))


def is_needed(text: str, index: int, before: str) -> bool:
    """Return True if writing requires the format character at ``index`` by the characters beside it.

    ``before`` is the last character before it that is kept, empty at the start of the text.
    """
    char, after = text[index], text[index + 1 : index + 2]
    if char in (_ZWNJ, _ZWJ):
        return _joins(char, before, after)
    if char in _DIRECTION_MARKS:
        return before not in _DIRECTION_MARKS and _directs(text, index, before, after)
    if char in _BETWEEN:
        return bool(_BETWEEN[char](before) and _BETWEEN[char](after))
    return _selects(before, char)


def _joins(joiner: str, before: str, after: str) -> bool:
    if before in (_ZWNJ, _ZWJ):
        return False
    if _shapes(before) or _shapes(after):
        return True
    return joiner == _ZWJ and (before == "\ufe0f" or _is_emoji(before)) and _is_emoji(after)


def _is_mark(char: str) -> bool:
    return bool(char) and unicodedata.combining(char) > 0


_BETWEEN: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {"\u200b": _WITHOUT_SPACES.match, "\u034f": _is_mark, "\u180e": _MONGOLIAN.match}
)


def _shapes(char: str) -> bool:
    return bool(_SHAPING.match(char)) and unicodedata.category(char)[0] in "LM"


def _is_emoji(char: str) -> bool:
    return bool(char) and (unicodedata.category(char) == "So" or bool(_EMOJI.match(char)))


def _directs(text: str, index: int, before: str, after: str) -> bool:
    if not _RIGHT_TO_LEFT.search(text, max(0, index - _REACH), index + _REACH):
        return False
    if not (before.isalpha() and after.isalpha()):
        return True
    return bool(_RIGHT_TO_LEFT.match(before)) != bool(_RIGHT_TO_LEFT.match(after))


def _selects(base: str, selector: str) -> bool:
    """Return True for a selector of a variant of its base (UTS #37, UTS #51)."""
    if not base:
        return False
    if selector in _EMOJI_VARIANTS:
        return bool(_STYLED.match(base)) or (base > "\x7f" and unicodedata.category(base) in ("So", "Sm"))
    if "\u180b" <= selector <= "\u180f":
        return bool(_MONGOLIAN.match(base))
    if selector >= "\U000e0100":
        return selector <= _LAST_OF_IDEOGRAPHS and bool(_IDEOGRAPH.match(base))
    if selector <= "\ufe01" and (_WITH_VARIANTS.match(base) or (base > "\x7f" and unicodedata.category(base) == "Sm")):
        return selector >= "\ufe00"
    return "\ufe00" <= selector <= "\ufe06" and bool(_IDEOGRAPH.match(base) or _HIEROGLYPH.match(base))
