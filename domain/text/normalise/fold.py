"""Folding: a uniform spelling of a phrase, without decoding or guessing."""

import re

from domain.text.normalise.characters import replace_characters
from domain.text.normalise.confusables import replace_confusables
from domain.text.view import WORD, View

__all__ = ["WORD", "View", "fold", "fold_case"]

_SPACES = re.compile(r"\s{2,}")
_BLANKS = str.maketrans({"\t": " ", "\r": "\n", "\x0b": "\n", "\x0c": "\n", "`": "'"})


def fold(text: str) -> View:
    """Return the view of a text with plain lower-case characters and uniform white space."""
    view, _ = replace_confusables(replace_characters(View(text)))
    return fold_case(view)


def fold_case(view: View) -> View:
    """Convert to lower case, and white space to one line break or one space."""
    lower = view.text.lower() if view.text.isascii() else view.text.casefold()
    if len(lower) == len(view.text):
        view = view.respelled(lower.translate(_BLANKS))
    else:
        longer = [(at, at + 1, char.casefold()) for at, char in enumerate(view.text) if len(char.casefold()) > 1]
        view = view.rewritten(longer)
        view = view.respelled(view.text.casefold().translate(_BLANKS))
    runs = [(*run.span(), "\n" if "\n" in run.group() else " ") for run in _SPACES.finditer(view.text)]
    return view.rewritten(runs) if runs else view
