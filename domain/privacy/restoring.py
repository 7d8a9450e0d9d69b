"""Restoration of values in an answer, at their placeholders.

Models change repeated text, so a placeholder is recognised in any case, with its underscores escaped or as spaces, and
without its brackets. Unknown ones are left unchanged.

Placeholders in an address stay, unless the prompt contained that very address: an invented image or link of a
manipulated model would exfiltrate the value as soon as a program displays the answer.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from domain.inference.content import Content
from domain.inference.requests import InferenceRequest
from domain.inference.texts import Text, map_answer, texts_of
from domain.privacy.policy import TAG_LENGTH, TAG_LETTERS, DataKind
from domain.text.json_text import change_strings, readable

_WORD = re.compile(r"\S+")
_TAG = re.compile(r"<(?=[A-Za-z/!])")
_ADDRESS = re.compile(r"\b(?:https?|ftp|wss?|data|javascript):|\bwww\.|[/\\]{2}|\]\(|\]:", re.IGNORECASE)
_TO_A_PERSON = re.compile(r"\]\(<?(?:mailto|tel):", re.IGNORECASE)
_GAP = r"\\?[_ -]"
_KINDS = "|".join(kind.value.upper().replace("_", _GAP) for kind in DataKind)
_NAME = rf"(?:{_KINDS}){_GAP}\d{{1,6}}{_GAP}[{TAG_LETTERS}]{{{TAG_LENGTH}}}"
_PLACEHOLDER = re.compile(
    rf"\[ ?{_NAME} ?\]|\\\[ ?{_NAME} ?\\\]|(?<![A-Z0-9_]){_NAME}(?![A-Z0-9_])", re.IGNORECASE | re.ASCII
)
_AROUND = "()[]{}<>.,;:!?'\"*_`"


def restore(content: Content, values: tuple[tuple[str, str], ...], request: InferenceRequest | None) -> Content:
    """Return an answer with ``values`` restored in all its texts but fixed ones.

    ``request`` is the one that the model saw. Never raises.
    """
    if not values:
        return content
    asked = tuple(readable(text).text for text in texts_of(request)) if request else ()

    def change(text: Text) -> str:
        return text.text if text.fixed else change_strings(text, lambda said: put_back(said, values, asked))

    return map_answer(content, change)


def put_back(answer: str, values: tuple[tuple[str, str], ...], asked: Iterable[str]) -> str:
    """A text of the answer with ``values`` (placeholder, value) restored.

    ``asked`` are the texts of the request as the model saw them. Never raises.
    """
    if not values:
        return answer
    known = {_key(placeholder): value for placeholder, value in values}
    asked = tuple(asked)
    addresses = _addresses(answer)
    address = next(addresses, None)
    meant = cache(lambda address: _meant(answer[slice(*address)], asked))  # one address may lead many placeholders
    parts: list[str] = []
    at = 0
    for match in _PLACEHOLDER.finditer(answer):
        while address and address[1] <= match.start():
            address = next(addresses, None)
        value = known.get(_key(match[0]))
        led = address is not None and address[0] < match.end() and not meant(address)
        if value is None or led:
            continue
        parts += (answer[at : match.start()], value)
        at = match.end()
    return "".join([*parts, answer[at:]])


def _key(placeholder: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", placeholder.upper())


def _addresses(answer: str) -> Iterator[tuple[int, int]]:
    """Yield positions of fetchable text, from an address to its word's or tag's end."""
    for start, end in _pieces(answer):
        if begin := _ADDRESS.search(answer, start, end):
            yield begin.start(), end


def _pieces(answer: str) -> Iterator[tuple[int, int]]:
    """Yield tags with their content, and the words between them."""
    at = 0
    while at < len(answer):
        tag = _TAG.search(answer, at)
        close = answer.find(">", tag.end()) if tag else -1
        end = tag.start() if tag and close >= 0 else len(answer)
        yield from (word.span() for word in _WORD.finditer(answer, at, end))
        if close < 0:
            return
        yield end, close + 1
        at = close + 1


def _meant(address: str, asked: tuple[str, ...]) -> bool:
    """Return True if an address was in the conversation, or is a person's own."""
    if (person := _TO_A_PERSON.match(address)) and not _ADDRESS.search(address, person.end()):
        return True
    bare = address.strip(_AROUND)
    return any(bare in message for message in asked)
