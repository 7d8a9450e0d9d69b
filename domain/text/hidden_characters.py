"""Characters invisible to readers but not to models, and their legitimate uses.

The set is Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties, Unicode 15), the controls, the format
characters without a glyph, noncharacters and unpaired surrogates, where no writing system requires them: see
``format_controls`` and ``flags``.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from domain.text.flags import find_flags
from domain.text.format_controls import find_sequences, is_needed


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
_RANGE = re.compile(r"(.)(?:-(.))?", re.DOTALL)
_CATEGORIES = {
    chr(code): category
    for category, chars in reversed(_CLASSES.items())
    for first, last in _RANGE.findall(chars)
    for code in range(ord(first), ord(last or first) + 1)
}


def find_hidden(text: str) -> list[Hidden]:
    """Return every hidden character that no writing requires, in order. Linear in the text; never raises."""
    suspects = [match.start() for match in HIDDEN.finditer(text)]
    if not suspects:
        return []
    whole = {index for span in chain(find_flags(text), find_sequences(text)) for index in range(*span)}
    found: list[Hidden] = []
    last, last_kept = -1, ""
    for index in suspects:
        before = last_kept if index == last + 1 else text[index - 1]
        if index in whole or is_needed(text, index, before):
            last_kept = text[index]
        else:
            found.append(Hidden(index, _CATEGORIES[text[index]]))
            last_kept = before
        last = index
    return found
