"""The view of a text on which rules match: folded, so that one way of writing a phrase stands for many.

Compatibility forms are replaced (NFKC), accents and hidden characters dropped, case folded, typographic quotes and
dashes made plain, look-alikes replaced inside words that mix scripts, and every run of white space is one line break or
one space. Every character of the view knows the place in the text that it came from.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

WORD = re.compile(r"\w+")
_LATIN = re.compile(r"[a-z]")
_OTHER_ALPHABET = re.compile("[\u0370-\u03ff\u0400-\u052f\u0531-\u0587]")
_FIRST_ACCENT_CLASS = 200  # canonical combining classes from here on are accents by position (UAX #44)

_SMALL_CAPITALS = dict(
    zip(
        "\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d0f\u1d18\u0280\ua731"
        "\u1d1b\u1d1c\u1d20\u1d21\u028f\u1d22\u0131\u0261\u0251",
        "abcdefghijklmnoprstuvwyzig" + "a",
        strict=True,
    )
)
_SINGLE_QUOTES = dict.fromkeys("\u2018\u2019\u201a\u201b`\u00b4", "'")
_DOUBLE_QUOTES = dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"')
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
_PLAIN = str.maketrans(_SMALL_CAPITALS | _SINGLE_QUOTES | _DOUBLE_QUOTES | _DASHES)

_CYRILLIC = dict(
    zip(
        "\u0430\u0432\u0435\u0456\u0458\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0455\u0501\u051b\u051d\u04bb\u04cf",
        "abeijkmhopctyxsdqwhl",
        strict=True,
    )
)
_GREEK = dict(
    zip(
        "\u03b1\u03b2\u03b3\u03b5\u03b6\u03b7\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03c9",
        "abyeznikvoptuxw",
        strict=True,
    )
)
_ARMENIAN = dict(zip("\u0585\u057d\u0570\u0578\u0581\u0566", "ouhngq", strict=True))
_LOOKALIKES = str.maketrans(_CYRILLIC | _GREEK | _ARMENIAN)


@dataclass(frozen=True, slots=True)
class View:
    """A folded text. ``origins[i]`` is the index in the text that the view's character ``i`` came from."""

    text: str
    origins: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the text of a stretch of the view, which must not be empty."""
        return self.origins[start], self.origins[end - 1] + 1


@lru_cache(maxsize=8192)
def _fold(char: str) -> str:
    decomposed = unicodedata.normalize("NFKD", char)
    bare = "".join(
        part
        for part in decomposed
        if unicodedata.combining(part) < _FIRST_ACCENT_CLASS
        and unicodedata.category(part) != "Cf"
        and not "\ufe00" <= part <= "\ufe0f"
    )
    return unicodedata.normalize("NFKC", bare).casefold().translate(_PLAIN)


def _unmix(word: re.Match[str]) -> str:
    text = word.group()
    return text.translate(_LOOKALIKES) if _OTHER_ALPHABET.search(text) and _LATIN.search(text) else text


def fold(text: str) -> View:
    """Make the view of a text. Linear in the text; never raises."""
    folded: list[str] = []
    origins: list[int] = []
    for index, char in enumerate(text):
        if char.isspace():
            if folded and folded[-1] in (" ", "\n"):
                if char == "\n":
                    folded[-1] = "\n"
                continue
            folded.append("\n" if char == "\n" else " ")
            origins.append(index)
            continue
        for part in char.lower() if char.isascii() and char != "`" else _fold(char):
            folded.append(part)
            origins.append(index)
    view = "".join(folded)
    return View(view if view.isascii() else WORD.sub(_unmix, view), tuple(origins))
