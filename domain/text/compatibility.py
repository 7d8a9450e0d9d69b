"""Compatibility forms as plain characters, for searches: full-width and circled digits, units, composed letters.

The view has Unicode's form NFKC (UAX #15) with a map to the text, without hidden characters, direction marks and
variation selectors. Digits of other shapes (circled, superscript, with a full stop) are digits of a number only among
others of their kind: beside plain ones they are list marks, exponents or notes, and separate.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from domain.inference.texts import Text
from domain.ports import NO_TEXT_CACHE, TextCache
from domain.text.hidden_characters import find_hidden
from domain.text.json_text import readable, readable_text
from domain.text.view import Replacement, View

_UNSEEN = re.compile("[\u061c\u200e\u200f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_FEWEST_SHAPED = 2
_MOST_MARKS = 30  # on a letter: the limit of UAX #15's Stream-Safe Text Format, which keeps composing linear


def compatibility_view(view: View) -> View:
    """Return the view in form NFKC without hidden characters. Linear in the text; never raises."""
    if view.text.isascii():
        return view
    chars = [char for char in set(view.text) if char > "~"]
    shaped = "".join(char for char in chars if _digit(char))
    table = {char: plain for char in chars if (plain := _plain(char)) != char and char not in shaped}
    hidden = {character.index for character in find_hidden(view.text)}
    places = [place for place in (*_each(view.text, table), *_numbers(view.text, shaped)) if place[0] not in hidden]
    places += ((at, at + 1, "") for at in hidden)
    return _composed(view.rewritten(sorted(places)) if places else view)


def searched_text(text: Text, cache: TextCache = NO_TEXT_CACHE) -> str:
    """Return a text as it is searched for personal data: JSON without escapes, in the view's form."""
    said = readable_text(text, cache)
    if said.isascii():
        return said
    return cache.recall("plain", (text.form, text.text), lambda: compatibility_view(readable(text)).text, len)


@lru_cache(maxsize=8192)
def _plain(char: str) -> str:
    if _UNSEEN.match(char):
        return ""
    plain = unicodedata.normalize("NFKC", char)
    has_number = plain != char and not char.isdecimal() and any(map(str.isdecimal, plain))
    return " " if has_number else plain


@lru_cache(maxsize=8192)
def _digit(char: str) -> str:
    """Return the digit of a character that is one in another shape, else nothing."""
    return str(unicodedata.digit(char)) if char.isdigit() and not char.isdecimal() else ""


def _each(text: str, table: Mapping[str, str]) -> Iterator[Replacement]:
    if table:
        others = re.compile(f"[{re.escape(''.join(table))}]")
        yield from ((*found.span(), table[found[0]]) for found in others.finditer(text))


def _numbers(text: str, shaped: str) -> Iterator[Replacement]:
    """Replace digits of other shapes by plain ones in numbers of them, elsewhere by spaces."""
    if not shaped:
        return
    for number in re.finditer(rf"[\d{re.escape(shaped)}]+", text):
        digits = [_digit(char) for char in number[0]]
        count = sum(map(bool, digits))
        whole = count >= _FEWEST_SHAPED and 2 * count >= len(digits)
        for at, digit in enumerate(digits, number.start()):
            if digit:
                yield at, at + 1, digit if whole else " "


def _composed(view: View) -> View:
    if unicodedata.is_normalized("NFC", view.text):
        return view
    marks = "".join(char for char in set(view.text) if char > "~" and unicodedata.category(char) in ("Mn", "Mc"))
    if not marks:
        return view
    stacks: Iterable[re.Match[str]] = re.finditer(f".[{re.escape(marks)}]{{1,{_MOST_MARKS}}}", view.text, re.DOTALL)
    composed = [(*stack.span(), unicodedata.normalize("NFC", stack[0])) for stack in stacks]
    return view.rewritten([place for place in composed if place[2] != view.text[place[0] : place[1]]])
