"""JSON texts as guards read and change them: arguments of tool calls, schemas.

A model and its provider read what a string says, not how it is escaped: so guards look at a view without escapes, and
places in it map back to the text as it came. Changes keep everything but the strings that they change.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable

from domain.inference.texts import Text, TextForm, is_json
from domain.ports import NO_TEXT_CACHE, TextCache
from domain.text.view import Replacement, View

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ESCAPE = re.compile(r'\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|["\\/bfnrt])')


def readable(text: Text) -> View:
    """Return a text as guards read it: a plain one unchanged, JSON without its escapes."""
    if text.form is not TextForm.JSON or "\\" not in text.text:
        return View(text.text)
    replacements: list[Replacement] = []
    for escape in _ESCAPE.finditer(text.text):
        decoded = json.loads(f'"{escape[0]}"')
        if not "\ud800" <= decoded <= "\udfff":  # half a character stays escaped: no encoding has it
            replacements.append((*escape.span(), decoded))
    return View(text.text).rewritten(replacements)


def readable_text(text: Text, cache: TextCache = NO_TEXT_CACHE) -> str:
    """Return a text as guards read it, without the map of ``readable``."""
    if text.form is not TextForm.JSON or "\\" not in text.text:
        return text.text
    return cache.recall("readable", (text.text,), lambda: readable(text).text, len)


def span_in(view: View, start: int, end: int) -> tuple[int, int]:
    """Map a position in the view to the original text, also an empty one."""
    if not view.steps:
        return start, end
    if start < end:
        return view.span(start, end)
    at = view.span(start - 1, start)[1] if start else 0
    return at, at


def change_strings(text: Text, change: Callable[[str], str]) -> str:
    """Change a plain text as a whole, and each string of JSON separately."""
    if text.form is not TextForm.JSON or not is_json(text.text):
        return change(text.text)

    def changed(string: re.Match[str]) -> str:
        said = json.loads(string[0])
        new = change(said)
        return string[0] if new == said else json.dumps(new, ensure_ascii=False)

    return _STRING.sub(changed, text.text)


def replace_places(text: Text, replacements: Iterable[Replacement]) -> str:
    """Replace positions of a text, in order, without overlaps. Replacements outside of JSON's strings are quoted."""
    json_text = text.form is TextForm.JSON and is_json(text.text)
    strings = [found.span() for found in _STRING.finditer(text.text)] if json_text else []
    parts: list[str] = []
    at = 0
    for start, end, instead in replacements:
        index = bisect_right(strings, start, key=lambda span: span[0]) - 1
        within = not json_text or (index >= 0 and end <= strings[index][1])
        parts += (text.text[at:start], instead if within else json.dumps(instead))
        at = end
    return "".join([*parts, text.text[at:]])
