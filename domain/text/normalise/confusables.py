"""Look-alikes of Latin letters in other alphabets, and the words that contain them.

From Unicode's confusables (UTS #39), for the alphabets that attackers use, with letters easily mistaken for Latin ones.
They are replaced inside words that mix alphabets, and in words of nothing but look-alikes on an otherwise Latin line:
genuine Russian and Greek is unchanged.
"""

import re
from collections.abc import Mapping

from domain.text.normalise.characters import OTHER_ALPHABETS
from domain.text.normalise.language import BITS_OF_LANGUAGE, bits_per_letter
from domain.text.view import WORD, View

_ALIKE = (
    # Greek
    (
        (
            "\u037f\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03b1"
            "\u03b2\u03b3\u03b5\u03b6\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c3\u03c4\u03c5\u03c7\u03c9"
            "\u03dc\u03f2\u03f3\u03fa\u1d26"
        ),
        "JABEZHIKMNOPTYXabyeznikuvopotuxwFcjMr",
    ),
    # Cyrillic
    (
        (
            "\u0405\u0406\u0408\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u042c"
            "\u0430\u0432\u0433\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0455\u0456\u0458"
            "\u0461\u0474\u0475\u04ae\u04af\u04bb\u04bd\u04c0\u04cf\u0501\u050c\u051b\u051c\u051d\ua647"
        ),
        "SIJABEKMHOPCTYXbabrekmhopctyxsijwVvYyheIidGqWwi",
    ),
    # Cherokee
    (
        (
            "\u13a0\u13a1\u13a2\u13a5\u13a9\u13aa\u13ab\u13ac\u13b3\u13b7\u13bb\u13bd\u13c0\u13c2\u13c3\u13cf"
            "\u13d2\u13d4\u13d5\u13d9\u13da\u13de\u13df\u13e2\u13e6\u13e7\u13f3\u13f4\uab75\uab81\uab83\uab93"
            "\uaba9\uabaa\uabaf"
        ),
        "DRTiYAJEWMHYGhZbRWSVSLCPKdGBirwzvsc",
    ),
    # Canadian syllabics
    (
        "\u142f\u144c\u146d\u146f\u1472\u148d\u14aa\u1541\u157c\u157d\u1587\u15af\u15b4\u15c5\u15de\u15ea\u15f0\u15f7",
        "VUPdbJLxHxRbFADDMB",
    ),
    # Lisu
    (
        (
            "\ua4d0\ua4d1\ua4d2\ua4d3\ua4d4\ua4d6\ua4d7\ua4d9\ua4da\ua4dc\ua4dd\ua4df\ua4e0\ua4e1\ua4e2\ua4e3"
            "\ua4e6\ua4e7\ua4ea\ua4eb\ua4ec\ua4ee\ua4f0\ua4f2\ua4f3\ua4f4"
        ),
        "BPdDTGKJCZFMNLSRVHWXYAEIOU",
    ),
    # Coptic
    (
        "\u2c85\u2c8e\u2c92\u2c94\u2c98\u2c9a\u2c9e\u2c9f\u2ca2\u2ca3\u2ca4\u2ca5\u2ca6\u2ca8\u2cac\u2cd0",
        "rHIKMNOoPpCcTYXL",
    ),
    # Armenian
    (
        "\u054d\u054f\u0555\u0561\u0563\u0566\u0570\u0578\u057c\u057d\u0581\u0584\u0585",
        "USOwqqhnnugfo",
    ),
)


_CASED = range(0x370, 0x588)  # Greek, Cyrillic, Armenian


def _in_both_cases(letters: Mapping[str, str]) -> dict[str, str]:
    """Extend a table by each letter's other case, for stable case folding."""
    lower = {char.casefold(): latin.lower() for char, latin in letters.items()}
    upper = {char.upper(): latin.upper() for char, latin in letters.items()}
    other = {char: lower[char.casefold()] for char in map(chr, _CASED) if char.casefold() in lower}
    return {char: latin for char, latin in {**other, **upper, **lower, **letters}.items() if len(char) == 1}


_LOOKALIKES = _in_both_cases(
    {char: latin for chars, latins in _ALIKE for char, latin in zip(chars, latins, strict=True)}
)
_NEARLY = _in_both_cases(
    dict(
        zip(
            "\u03b4\u03b8\u03bb\u03be\u03c0\u03c3\u03c6\u0433\u0434\u0438\u043b\u043f\u0448\u044c\u044d\u044f\u0451",
            "doaenoqrduanwbere",
            strict=True,
        )
    )
)
_EXACT = str.maketrans(_LOOKALIKES)
_WIDE = str.maketrans(_NEARLY | _LOOKALIKES)
_OTHER = re.compile(f"[{OTHER_ALPHABETS}]")
_LATIN = re.compile(r"[A-Za-z]")
_FEWEST_LETTERS = 8  # of a line of nothing but look-alikes


def replace_confusables(view: View) -> tuple[View, tuple[int, int] | None]:
    """Replace look-alikes one by one. Also return the positions of the first and the last in the view."""
    if not _OTHER.search(view.text):
        return view, None
    lines = view.text.splitlines(keepends=True)
    replaced = "".join(map(_replace_in_line, lines))
    if replaced == view.text:
        return view, None
    changed = [index for index, (was, now) in enumerate(zip(view.text, replaced, strict=True)) if was != now]
    return view.respelled(replaced), (changed[0], changed[-1] + 1)


def _replace_in_line(line: str) -> str:
    if not _OTHER.search(line):
        return line
    latin = other = 0
    alike: list[str] = []
    for word in WORD.findall(line):
        if _LATIN.search(word):
            latin += 1
        elif _OTHER.search(word):
            if _is_alike(word):
                alike.append(word)
            else:
                other += 1
    whole_words = latin > other if latin or other else _reads_as_latin(alike)

    def replace(match: re.Match[str]) -> str:
        word = match.group()
        if _LATIN.search(word):
            return word.translate(_WIDE)
        return word.translate(_EXACT) if whole_words and _is_alike(word) else word

    return WORD.sub(replace, line)


def _is_alike(word: str) -> bool:
    return all(char in _LOOKALIKES or not char.isalpha() for char in word)


def _reads_as_latin(words: list[str]) -> bool:
    text = " ".join(words).translate(_EXACT).lower()
    return len(text) >= _FEWEST_LETTERS and bits_per_letter(text) <= BITS_OF_LANGUAGE
