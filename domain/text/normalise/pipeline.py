"""Normalisation: one plain view of a text, and the techniques that disguised it.

Decoded text replaces the encoded one in the view: a text that merely contains base64 is then judged by its plaintext.
Decoding is nested twice at most and stops at ``MAX_DECODED`` stretches of a kind; anything left encoded makes the
result incomplete. Every step is linear in the text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from domain.text.normalise.characters import disguised_characters, replace_characters
from domain.text.normalise.confusables import replace_confusables
from domain.text.normalise.encodings import BY_CHARACTER, decode_all
from domain.text.normalise.fold import fold_case
from domain.text.normalise.hidden import reveal_hidden
from domain.text.normalise.leet import find_leet
from domain.text.normalise.reversed import find_reversed
from domain.text.normalise.rot13 import find_rot13
from domain.text.normalise.spaced import find_spaced
from domain.text.normalise.steps import Decoding, Technique
from domain.text.view import View

__all__ = ["Normalised", "Technique", "normalise"]

_MAX_DEPTH = 2
_MOST_OF_A_KIND = 16  # maximum number of separate techniques of one name

_SPELLINGS: tuple[Callable[[View], Decoding], ...] = (find_spaced, find_leet, find_rot13, find_reversed)


@dataclass(frozen=True, slots=True)
class Normalised:
    """Text for detectors.

    Attributes:
        view: the text, folded and decoded, with a map to the original.
        techniques: disguises of the original, in the order of their removal.
        complete: False if a limit left something encoded.
    """

    view: View
    techniques: tuple[Technique, ...] = ()
    complete: bool = True


def normalise(original: str, removed: str = "") -> Normalised:
    """Make the view of a text, without the characters in ``removed``.

    Linear in the text, and never raises; a complete view normalises to itself.
    """
    unwanted = re.compile(f"[{re.escape(removed)}]+") if removed else None
    view = View(original)
    techniques: list[Technique] = []
    complete = True
    for depth in range(_MAX_DEPTH + 1):
        plain = _plain_characters(view, techniques)
        if unwanted:
            plain = plain.rewritten([(*run.span(), "") for run in unwanted.finditer(plain.text)])
        decoded, whole = _decoded(plain, techniques if depth < _MAX_DEPTH else [])
        complete &= whole
        if decoded is plain:
            view = plain
            break
        if depth == _MAX_DEPTH:
            view, complete = plain, False
            break
        view = decoded
    return Normalised(fold_case(view), _few(techniques), complete)


def _plain_characters(view: View, techniques: list[Technique]) -> View:
    text = view.text
    if not text.isascii():
        shown, hidden = reveal_hidden(view)
        techniques += (_at(view, found.name, found.start, found.end, hides=found.hides) for found in hidden)
        techniques += (_at(view, name, start, end) for name, start, end in disguised_characters(text))
        view = replace_characters(shown)
        replaced, place = replace_confusables(view)
        if place:
            techniques.append(_at(view, "confusables", *place))
        return replaced
    techniques += (_at(view, name, start, end) for name, start, end in disguised_characters(text))
    return replace_characters(view)


def _decoded(view: View, techniques: list[Technique]) -> tuple[View, bool]:
    """Undo encodings, then other spellings; return the same view if there are none."""
    decodings = list(decode_all(view.text))
    complete = all(decoding.complete for decoding in decodings)
    named = _chosen(decodings)
    if named:
        techniques += (_at(view, name, start, end) for name, start, end in _places(named))
        view = view.rewritten([(start, end, instead) for start, end, instead, _ in named])
    for find in _SPELLINGS:
        name, replacements, whole = find(view)
        complete &= whole
        if replacements:
            techniques += (_at(view, name, start, end) for start, end, _ in replacements)
            view = view.rewritten(replacements)
    return view, complete


def _chosen(decodings: list[Decoding]) -> list[tuple[int, int, str, str]]:
    """Return the stretches of all encodings in order; of two overlapping ones the first."""
    found = [(*replacement, decoding.name) for decoding in decodings for replacement in decoding.replacements]
    if len(decodings) > 1:
        found.sort(key=lambda item: item[0])
    chosen: list[tuple[int, int, str, str]] = []
    for item in found:
        if not chosen or item[0] >= chosen[-1][1]:
            chosen.append(item)
    return chosen


def _places(named: list[tuple[int, int, str, str]]) -> list[tuple[str, int, int]]:
    """Return each stretch, with encodings of single characters merged into one."""
    places: list[tuple[str, int, int]] = []
    together: dict[str, tuple[int, int]] = {}
    for start, end, _, name in named:
        if name in BY_CHARACTER:
            together[name] = (together.get(name, (start, end))[0], end)
        else:
            places.append((name, start, end))
    return [*places, *((name, *place) for name, place in together.items())]


def _at(view: View, name: str, start: int, end: int, *, hides: bool = False) -> Technique:
    return Technique(name, *view.span(start, end), hides)


def _few(techniques: list[Technique]) -> tuple[Technique, ...]:
    """Keep at most 16 of each name; the last one extends over the rest."""
    by_name: dict[str, list[Technique]] = {}
    for technique in techniques:
        same = by_name.setdefault(technique.name, [])
        if len(same) < _MOST_OF_A_KIND:
            same.append(technique)
        else:
            last = same[-1]
            start, end = min(last.start, technique.start), max(last.end, technique.end)
            same[-1] = Technique(last.name, start, end, last.hides or technique.hides)
    return tuple(technique for same in by_name.values() for technique in same)
