"""Normalisation of single characters: hidden ones are dropped, look-alikes unified, case is kept.

Compatibility forms are replaced (NFKC, UAX #15), accents and other marks on Latin letters dropped, typographic quotes
and dashes replaced by plain ones, white space by a space or a line break.
"""

import re
import unicodedata
from functools import lru_cache

from domain.text.hidden_characters import HIDDEN
from domain.text.view import Replacement, View

_FIRST_ACCENT_CLASS = 200  # canonical combining classes from here on are accents by position (UAX #44)
_OVERLAY_CLASS = 1
_LINE_ENDS = "\x0b\x0c\r\x85\u2028\u2029"
_FEWEST = 3  # minimum number of letters in another form, or with unusual marks, for a technique
_MARKED = re.compile(
    "[A-Za-z][\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0]{1,4}"
)
_FULL_WIDTH = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")

OTHER_ALPHABETS = (
    "\u0370-\u03ff\u0400-\u052f\u0531-\u0587\u13a0-\u13ff\u1400-\u167f"
    "\u2c80-\u2cff\ua4d0-\ua4ff\ua640-\ua69f\uab70-\uabbf"
)
"""Ranges, for a regular expression, of the alphabets with look-alikes of Latin letters."""

_LATIN_FORMS = dict(
    zip(
        "\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d0f\u1d18\u0280\ua731"
        "\u1d1b\u1d1c\u1d20\u1d21\u028f\u1d22\u0131\u0261\u0251\u0142\u0141\u00f8\u00d8\u0111\u0110\u0127\u0167\u0180"
        "\u0253\u0188\u0256\u0257\u0192\u0260\u0199\u019a\u0271\u0272\u0275\u01a5\u027d\u0282\u01ad\u028b\u01b4\u01b6\u0269\u026f",
        "abcdefghijklmnoprstuvwyzigalLoOdDhtbbcddfgklmnoprstvyziw",
        strict=True,
    )
)
_SINGLE_QUOTES = dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4`", "'")
_DOUBLE_QUOTES = dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"')
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
_NEGATIVE = {chr(0x1F150 + at): chr(0x41 + at) for at in range(26)} | {
    chr(0x1F170 + at): chr(0x41 + at) for at in range(26)
}
_PLAIN = _LATIN_FORMS | _SINGLE_QUOTES | _DOUBLE_QUOTES | _DASHES | _NEGATIVE | {"\u00df": "ss", "\u1e9e": "SS"}

ASCII_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")


@lru_cache(maxsize=8192)
def bare(char: str) -> str:
    """Return the plain form of a character, with its case; empty for an invisible one."""
    if char in _PLAIN:
        return _PLAIN[char]
    if char in _LINE_ENDS:
        return "\n"
    if char.isspace():
        return " "
    if HIDDEN.match(char):
        return ""
    decomposed = unicodedata.normalize("NFKD", char)
    if decomposed[0] == " ":
        return ""  # an accent without a letter
    left = "".join(part for part in decomposed if not _is_accent(part))
    composed = unicodedata.normalize("NFKC", left)
    return composed if composed == char else "".join(map(bare, composed))


def _is_accent(char: str) -> bool:
    place = unicodedata.combining(char)
    return place >= _FIRST_ACCENT_CLASS or place == _OVERLAY_CLASS or unicodedata.category(char) == "Me"


def replace_characters(view: View) -> View:
    """Replace every character by its plain form."""
    text = view.text
    if text.isascii() and not ASCII_CONTROL.search(text):
        return view
    table = {char: bare(char) for char in set(text) if char > "~" or (char < " " and char not in "\t\n\r\x0b\x0c")}
    view = view.respelled(text.translate({ord(char): to for char, to in table.items() if len(to) == 1}))
    gone = "".join(char for char, to in table.items() if not to)
    if gone:
        runs = re.finditer(f"[{re.escape(gone)}]+", view.text)
        view = view.rewritten([(*run.span(), "") for run in runs])
    longer = "".join(char for char, to in table.items() if len(to) > 1)
    if longer:
        places = re.finditer(f"[{re.escape(longer)}]", view.text)
        view = view.rewritten([(*place.span(), table[place.group()]) for place in places])
    return _drop_marks(view)


def _drop_marks(view: View) -> View:
    """Drop marks of any script on letters of alphabets that don't use them."""
    marks = "".join(char for char in set(view.text) if char > "~" and unicodedata.category(char) in ("Mn", "Mc"))
    if not marks:
        return view
    stacked = re.compile(f"(?<=[A-Za-z0-9{OTHER_ALPHABETS}])[{re.escape(marks)}]+")
    dropped: list[Replacement] = [(*run.span(), "") for run in stacked.finditer(view.text)]
    return view.rewritten(dropped) if dropped else view


def disguised_characters(text: str) -> list[tuple[str, int, int]]:
    """Return names and positions of character-level disguises in a text."""
    if text.isascii():
        controls = [match.start() for match in ASCII_CONTROL.finditer(text)]
        return [("control", controls[0], controls[-1] + 1)] if controls else []
    chars = set(text)
    odd = {char for char in chars if char > "~" and char.isalpha() and _is_other_form(char)}
    return [
        *_where(
            "control",
            text,
            {char for char in chars if unicodedata.category(char) == "Cc" and char not in "\t\n\r\x0b\x0c\x85"},
            1,
        ),
        *_where("full_width", text, set(_FULL_WIDTH.findall(text)), 1),
        *_where("compatibility_forms", text, odd, _FEWEST),
        *_marked(text),
    ]


def _is_other_form(char: str) -> bool:
    plain = bare(char)
    if char in _NEGATIVE or char in _LATIN_FORMS:
        return char not in "\u0131\u0142\u0141\u00f8\u00d8\u0111\u0110\u0127"
    return plain.isascii() and unicodedata.normalize("NFKC", char) != char and not _FULL_WIDTH.match(char)


def _where(name: str, text: str, chars: set[str], fewest: int) -> list[tuple[str, int, int]]:
    if not chars:
        return []
    places = [match.start() for match in re.finditer(f"[{re.escape(''.join(chars))}]", text)]
    return [(name, places[0], places[-1] + 1)] if len(places) >= fewest else []


def _marked(text: str) -> list[tuple[str, int, int]]:
    places = [match.span() for match in _MARKED.finditer(text) if len(unicodedata.normalize("NFC", match.group())) > 1]
    return [("combining_marks", places[0][0], places[-1][1])] if len(places) >= _FEWEST else []
