"""Characters invisible to readers but not to models, and their legitimate uses.

The set is Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties, Unicode 15), the controls, the format
characters without a glyph, noncharacters and unpaired surrogates. Kept where writing needs them:

- ZWJ and ZWNJ between two letters of scripts that shape by them (Arabic and its neighbours, Indic scripts and theirs,
  Mongolian), and ZWJ between two emoji;
- one variation selector after a base that has variants: emoji and symbols, ideographs, Mongolian letters;
- the tag sequences of the three subdivision flags that Unicode recommends (RGI). Other well-formed ones are removed:
  their six free characters are room for a word.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """Categories of removed characters, by name: safe to show and to record."""

    CONTROL = "control_characters"
    ZERO_WIDTH = "zero_width"
    BIDI = "bidirectional_controls"
    TAG = "tag_characters"
    VARIATION = "variation_selectors"
    FORMAT = "format_characters"
    SURROGATE = "unpaired_surrogates"
    NONCHARACTER = "noncharacters"
    MARKS = "stacked_marks"
    SHELL = "shell_metacharacters"


@dataclass(frozen=True, slots=True)
class Hidden:
    """A hidden character, by its index in the text."""

    index: int
    category: Category


_PLANE_ENDS = "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
_CLASSES = {
    Category.CONTROL: "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f",
    Category.ZERO_WIDTH: "\u034f\u180e\u200b-\u200d\u2060-\u2064\ufeff",
    Category.BIDI: "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069",
    Category.TAG: "\U000e0001\U000e0020-\U000e007f",
    Category.VARIATION: "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef",
    Category.FORMAT: "\u00ad\u115f\u1160\u17b4\u17b5\u2065\u206a-\u206f\u3164\uffa0\ufff0-\ufffb"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000\U000e0002-\U000e001f\U000e0080-\U000e00ff\U000e01f0-\U000e0fff",
    Category.SURROGATE: "\ud800-\udfff",
    Category.NONCHARACTER: "\ufdd0-\ufdef" + _PLANE_ENDS,
}
HIDDEN = re.compile("[" + "".join(_CLASSES.values()) + "]")
_MEMBERS = {category: re.compile(f"[{chars}]") for category, chars in _CLASSES.items()}

_BLACK_FLAG = "\U0001f3f4"
_FLAG_TAGS = "|".join(
    "".join(chr(0xE0000 + ord(char)) for char in region) + "\U000e007f" for region in ("gbeng", "gbsct", "gbwls")
)
_FLAG = re.compile(f"{_BLACK_FLAG}(?:{_FLAG_TAGS})")

_SHAPING_SCRIPTS = re.compile(
    "[\u0600-\u0dff\u0f00-\u109f\u1780-\u18af\u1900-\u1aaf\ua840-\ua8ff\ua980-\ua9df\uaa00-\uabff\U00010a00-\U00011fff]"
)
_IDEOGRAPH = re.compile("[\u2e80-\u2fdf\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003fffd]")
_EMOJI_EXTRA = re.compile("[\ufe0f\u2194\u2195\U0001f000-\U0001faff]")
_EMOJI_VARIANTS = "\ufe0e\ufe0f"
_STYLED = "0123456789#*\u3030"
_ZWNJ, _ZWJ = "\u200c", "\u200d"


def _category(char: str) -> Category:
    return next(category for category, members in _MEMBERS.items() if members.match(char))


def _shapes(char: str) -> bool:
    return bool(_SHAPING_SCRIPTS.match(char)) and unicodedata.category(char)[0] in "LM"


def _emoji(char: str) -> bool:
    return unicodedata.category(char) == "So" or bool(_EMOJI_EXTRA.match(char))


def _has_variant(base: str, selector: str) -> bool:
    if selector in _EMOJI_VARIANTS:
        return base in _STYLED or unicodedata.category(base) in ("So", "Sm", "Sk") or bool(_EMOJI_EXTRA.match(base))
    if selector < "\u1900":
        return "\u1820" <= base <= "\u18aa"
    if selector >= "\U000e0100":
        return bool(_IDEOGRAPH.match(base))
    return bool(_IDEOGRAPH.match(base)) or _shapes(base) or unicodedata.category(base) == "Sm"


def _needed(char: str, before: str, after: str) -> bool:
    """Return True if a script requires this character between these two."""
    if not before:
        return False
    if char in (_ZWJ, _ZWNJ):
        if not after:
            return False
        return (_shapes(before) and _shapes(after)) or (char == _ZWJ and _emoji(before) and _emoji(after))
    if _MEMBERS[Category.VARIATION].match(char):
        return not _MEMBERS[Category.VARIATION].match(before) and _has_variant(before, char)
    return False


def find_hidden(text: str) -> list[Hidden]:
    """Return every hidden character that no script requires, in order. Linear in the text; never raises."""
    suspects = [match.start() for match in HIDDEN.finditer(text)]
    if not suspects:
        return []
    flags = {index for flag in _FLAG.finditer(text) for index in range(*flag.span())}
    found: list[Hidden] = []
    last, last_kept = -1, ""
    for index in suspects:
        before = last_kept if index == last + 1 else text[index - 1]
        if index in flags or _needed(text[index], before, text[index + 1 : index + 2]):
            last_kept = text[index]
        else:
            found.append(Hidden(index, _category(text[index])))
            last_kept = before
        last = index
    return found
