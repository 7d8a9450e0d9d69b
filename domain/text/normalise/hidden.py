"""Invisible or reversed text: made visible again, and named.

Tag characters (Unicode 15, 23.9) and variation selectors encode text; direction overrides (UAX #9) display a text other
than the stored one; runs of zero-width characters encode bits.
"""

import re
import unicodedata
from collections.abc import Iterable

from domain.text.hidden_characters import Category, Hidden, find_hidden
from domain.text.normalise.language import LETTERS, bits_per_letter
from domain.text.normalise.steps import Technique
from domain.text.view import Replacement, View, apart

_ZERO_WIDTH_RUN = 3
_ZERO_WIDTH_IN_WORDS = 4
_VARIATION_RUN = 2
_SELECTORS = "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_SELECTED_BYTES = 4  # consecutive variation selectors that may encode text
_OVERRIDDEN = re.compile("\u202e([^\u202c]*)\u202c?")
_CONTROLS = dict.fromkeys(map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
_JUDGED = 2_000  # characters of a text that determine its direction
_OWN_VOICE = 12  # minimum number of letters for judging a stretch by itself
_INTERLEAVED = 3  # mean length of runs of tags below which they are one text interleaved with another

Spans = list[tuple[int, int]]


def reveal_hidden(view: View) -> tuple[View, list[Technique]]:
    """Make hidden text readable, and return its techniques by their positions in ``view``."""
    text = view.text
    hidden = find_hidden(text)
    if not hidden:
        return view, []
    tags = _runs(hidden, Category.TAG)
    selectors = _runs(hidden, Category.VARIATION)
    techniques = [
        *_technique("tags", tags, 1),
        *_technique("variation_selectors", [run for run in selectors if run[1] - run[0] >= _VARIATION_RUN], 1),
        *_technique("variation_selectors", selectors if _interleaved(text, selectors) else [], 1),
        *_zero_width(text, hidden),
        *_technique(
            "bidirectional", [(at.index, at.index + 1) for at in hidden if text[at.index] in "\u202d\u202e"], 1
        ),
    ]
    shown = [*_read_tags(text, tags), *_read_selectors(text, selectors), *_turn(text)]
    return view.rewritten(_apart(shown)) if shown else view, techniques


def _runs(hidden: list[Hidden], category: Category) -> Spans:
    runs: Spans = []
    for character in hidden:
        if character.category is category:
            if runs and runs[-1][1] == character.index:
                runs[-1] = (runs[-1][0], character.index + 1)
            else:
                runs.append((character.index, character.index + 1))
    return runs


def _technique(name: str, spans: Spans, fewest: int) -> list[Technique]:
    return [Technique(name, spans[0][0], spans[-1][1], hides=True)] if len(spans) >= fewest else []


def _zero_width(text: str, hidden: list[Hidden]) -> list[Technique]:
    runs = _runs(hidden, Category.ZERO_WIDTH)
    if not runs:
        return []
    longest = max(end - start for start, end in runs)
    inside = sum(text[start - 1 : start].isalpha() and text[end : end + 1].isalpha() for start, end in runs)
    hides = longest >= _ZERO_WIDTH_RUN or inside >= _ZERO_WIDTH_IN_WORDS
    return [Technique("zero_width", runs[0][0], runs[-1][1], hides)]


def _read_tags(text: str, runs: Spans) -> list[Replacement]:
    spelt = [
        text[start:end].translate({code: max(0x20, code - 0xE0000) for code in range(0xE0001, 0xE007F)})
        for start, end in runs
    ]
    spelt = [part.replace("\U000e007f", " ") for part in spelt]
    if not runs:
        return []
    if sum(map(len, spelt)) < _INTERLEAVED * len(runs):
        together = apart(text, *runs[0], "".join(spelt))
        return [(*runs[0], together), *((start, end, "") for start, end in runs[1:])]
    return [(start, end, _beside(text, start, end, part)) for (start, end), part in zip(runs, spelt, strict=True)]


def _beside(text: str, start: int, end: int, part: str) -> str:
    """Set tags apart from plain text as words. Letters without a tag leave gaps in words."""
    around = text[start - 1 : start] + text[end : end + 1]
    return apart(text, start, end, part) if around.isascii() else part


def _read_selectors(text: str, runs: Spans) -> list[Replacement]:
    if spelt := _interleaved(text, runs):
        return [(*runs[0], apart(text, *runs[0], spelt))]
    read: list[Replacement] = []
    for start, end in runs:
        spelt = _spelt(text[start:end])
        if end - start >= _SELECTED_BYTES and spelt:
            read.append((start, end, apart(text, start, end, spelt)))
    return read


def _interleaved(text: str, runs: Spans) -> str:
    """Return the text that single variation selectors encode between other characters, or nothing."""
    single = len(runs) >= _SELECTED_BYTES and all(end - start == 1 for start, end in runs)
    return _spelt(text[start] for start, _ in runs) if single else ""


def _spelt(selectors: Iterable[str]) -> str:
    """Return the text that variation selectors encode, or nothing."""
    values = map(_selected, selectors)
    spelt = bytes(value for value in values if value is not None).decode("utf-8", "ignore")
    return spelt if spelt.isprintable() and any(map(str.isalpha, spelt)) else ""


def _selected(char: str) -> int | None:
    """Return the byte that a variation selector encodes, by its number."""
    return _SELECTORS.find(char) if char in _SELECTORS else None


def _turn(text: str) -> list[Replacement]:
    """Find overridden stretches that read as language only backwards."""
    found = [(*match.span(), match[1].translate(_CONTROLS)) for match in _OVERRIDDEN.finditer(text)]
    if not found:
        return []
    together = _reads_backwards(" ".join(inner for _, _, inner in found), [inner for _, _, inner in found])
    turned: list[Replacement] = []
    for start, end, inner in found:
        letters = len(LETTERS.findall(inner.lower())) and sum(map(str.isalpha, inner))
        backwards = _reads_backwards(inner, [inner]) if letters >= _OWN_VOICE else together
        if backwards:
            turned.append((start, end, inner[::-1]))
    return turned


def _reads_backwards(forward: str, parts: list[str]) -> bool:
    backward = " ".join(part[::-1] for part in parts)
    return _bits(backward) < _bits(forward)


def _bits(text: str) -> float:
    return bits_per_letter(unicodedata.normalize("NFKC", text[:_JUDGED]).lower())


def _apart(replacements: list[Replacement]) -> list[Replacement]:
    """Sort, and drop those that begin inside another: a direction override takes precedence over its content."""
    kept: list[Replacement] = []
    for replacement in sorted(replacements, key=lambda item: (item[0], -item[1])):
        if not kept or replacement[0] >= kept[-1][1]:
            kept.append(replacement)
    return kept
