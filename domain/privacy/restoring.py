"""Restoration of values in an answer, at their placeholders.

Unknown placeholders are left unchanged. Placeholders in an address, or in anything else that may be fetched, stay,
unless the prompt contained that very address: an invented image or link of a manipulated model would exfiltrate the
value as soon as a program displays the answer.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import replace

from domain.inference.content import Content
from domain.inference.requests import InferenceRequest
from domain.inference.texts import Text, TextForm, map_answer, texts_of
from domain.privacy.guarded_parts import ADDRESS, Guarded, guarded_parts
from domain.privacy.placeholders import PLACEHOLDER, same_placeholder
from domain.text.json_text import change_strings, readable

_AROUND = "()[]{}<>.,;:!?'\"*_`"
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]{0,31}:)?//[^\s\"'`<>)]+", re.IGNORECASE)
_COMPARED = 64  # distinct addresses that are looked up in the prompt


def restore(content: Content, values: tuple[tuple[str, str], ...], request: InferenceRequest | None) -> Content:
    """Return an answer with ``values`` restored in all its texts but fixed ones.

    ``request`` is the one that the model saw. An answer in JSON is for a program, which reads each string by itself.
    Never raises.
    """
    if not values:
        return content
    asked = tuple(readable(text).text for text in texts_of(request)) if request else ()

    def change(text: Text) -> str:
        if text.fixed:
            return text.text
        if text.text.lstrip().startswith(("{", "[")):
            text = replace(text, form=TextForm.JSON)
        return change_strings(text, lambda said: put_back(said, values, asked))

    return map_answer(content, change)


def put_back(answer: str, values: tuple[tuple[str, str], ...], asked: Iterable[str]) -> str:
    """Return a text of the answer with ``values`` (placeholder, value) restored.

    ``asked`` are the texts of the request as the model saw them. Never raises.
    """
    known = {same_placeholder(placeholder): value for placeholder, value in values}
    matches = [match for match in PLACEHOLDER.finditer(answer) if same_placeholder(match[0]) in known]
    if not matches:
        return answer
    blocked, spaced = _parts(answer, matches, tuple(asked))
    parts: list[str] = []
    at = 0
    for match in matches:
        if _overlaps(blocked, match):
            continue
        space = " " if _overlaps(spaced, match) and answer[match.start() - 1] not in " \t\r\n" else ""
        parts += (answer[at : match.start()], space, known[same_placeholder(match[0])])
        at = match.end()
    return "".join([*parts, answer[at:]])


_Spans = list[tuple[int, int]]


def _parts(answer: str, matches: list[re.Match[str]], asked: tuple[str, ...]) -> tuple[_Spans, _Spans]:
    """Return the parts without restoration, and those with a space, in order and apart."""
    starts = [match.start() for match in matches]
    ends = [match.end() for match in matches]
    prompt = _Prompt(answer, asked)
    blocked: _Spans = []
    spaced: _Spans = []
    for part in guarded_parts(answer):
        if bisect_right(ends, part.start) >= bisect_left(starts, part.end):
            continue  # no placeholder in it
        if not prompt.contained(part):
            (blocked if part.spaced_after is None else spaced).append((part.start, part.end))
    return _merged(blocked), _merged(spaced)


class _Prompt:
    """The prompt's texts, in which addresses of the answer are looked up."""

    def __init__(self, answer: str, asked: tuple[str, ...]) -> None:
        self._answer = answer
        self._asked = asked
        self._known: dict[str, bool] = {}

    def contained(self, part: Guarded) -> bool:
        """Return True if the prompt contained the part, or its address. Of code: every address."""
        written = self._answer[part.start if part.spaced_after is None else part.spaced_after : part.end]
        if part.code:
            found = [url.strip(_AROUND) for url in _URL.findall(written)]
            return self._has(written) or (bool(found) and all(self._has(url) for url in found))
        bare = written.strip(_AROUND)
        return self._has(written) or (ADDRESS.match(bare) is not None and self._has(bare))

    def _has(self, address: str) -> bool:
        if address not in self._known:
            if len(self._known) >= _COMPARED:
                return False
            self._known[address] = any(address in text for text in self._asked)
        return self._known[address]


def _merged(spans: _Spans) -> _Spans:
    merged: _Spans = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _overlaps(spans: _Spans, match: re.Match[str]) -> bool:
    index = bisect_left(spans, (match.end(), 0)) - 1
    return index >= 0 and spans[index][1] > match.start()
