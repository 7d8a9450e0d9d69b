"""Sanitising: removal of hidden characters; nothing else changes.

A sanitised text differs from the text as sent only by characters that are invisible where they stand (see
``hidden_characters``), and each category of them is named. No normalisation form is applied: compatibility forms have
meanings of their own (25㎡ is not 25m2), and are folded only in the view for detectors (``normalise``) and in that for
the search for personal data (``compatibility``). Nothing is guessed or decoded here.
"""

import re
from collections import Counter
from dataclasses import dataclass

from domain.inference.content import Speaker
from domain.inference.requests import InferenceRequest
from domain.inference.texts import Text, TextForm, UnchangeableText, map_texts
from domain.ports import NO_TEXT_CACHE, TextCache
from domain.refusals import Kind, Refusal
from domain.text.hidden_characters import Category, find_hidden
from domain.text.json_text import change_strings

__all__ = ["Category", "Removal", "SanitisePolicy", "SanitisedText", "sanitise", "sanitise_request"]

SHELL_METACHARACTERS = "`$&|;<>\\"

_SHELL = re.compile("[" + re.escape(SHELL_METACHARACTERS) + "]")
_NOT_PLAIN = "must not contain hidden characters"


@dataclass(frozen=True, slots=True)
class SanitisePolicy:
    """``remove_shell_metacharacters``: also remove characters that are special to shells.

    Off by default: a prompt is no shell command, and removing them damages code, prices and mathematics.
    """

    remove_shell_metacharacters: bool = False


@dataclass(frozen=True, slots=True)
class Removal:
    """Number of removed characters of one category."""

    category: Category
    count: int


@dataclass(frozen=True, slots=True)
class SanitisedText:
    """The remaining text, and the removals in the order of ``Category``."""

    text: str
    removed: tuple[Removal, ...] = ()


def sanitise(text: str, policy: SanitisePolicy) -> SanitisedText:
    """Sanitise one text. Idempotent, linear in the text, and never raises."""
    counts: Counter[Category] = Counter()
    while True:
        cleaned = _remove_hidden(text, counts)
        if policy.remove_shell_metacharacters:
            cleaned, removed = _SHELL.subn("", cleaned)
            counts[Category.SHELL] += removed
        if cleaned == text:
            break
        text = cleaned  # other characters may be beside each other now
    return SanitisedText(text, _removals(counts))


def sanitise_request(
    request: InferenceRequest, policy: SanitisePolicy, cache: TextCache = NO_TEXT_CACHE
) -> tuple[InferenceRequest, tuple[Removal, ...]]:
    """Sanitise every text of a request, whatever its role; removals are summed over the texts.

    A signed text is left unchanged: the screening, which reads originals, finds hidden characters in it.

    Raises:
        Refusal: INVALID_REQUEST with the text's field, if no visible text remains, or if an identifier would change.
    """
    counts: Counter[Category] = Counter()

    def change(text: Text) -> str:
        if text.form is TextForm.SIGNED:
            return text.text
        changed, removed = cache.recall("sanitise", (text.form, text.text), lambda: _cleaned(text, policy), _length)
        for removal in removed:
            counts[removal.category] += removal.count
        cleaned = text.text if changed is None else changed
        asked = text.address.message is not None and text.address.part is None and text.role is not Speaker.ASSISTANT
        if not cleaned.strip() and (asked or text.text.strip()):
            raise Refusal(Kind.INVALID_REQUEST, "must contain visible text", field=text.address.dotted)
        return cleaned

    try:
        return map_texts(request, change), _removals(counts)
    except UnchangeableText as fixed:
        raise Refusal(Kind.INVALID_REQUEST, _NOT_PLAIN, field=fixed.address.dotted) from None


def _cleaned(text: Text, policy: SanitisePolicy) -> tuple[str | None, tuple[Removal, ...]]:
    """Return the text without hidden characters, None if it has none, and the removals."""
    counts: Counter[Category] = Counter()

    def clean(said: str) -> str:
        sanitised = sanitise(said, policy)
        for removal in sanitised.removed:
            counts[removal.category] += removal.count
        return sanitised.text

    cleaned = change_strings(text, clean)
    return None if cleaned == text.text else cleaned, _removals(counts)


def _length(cleaned: tuple[str | None, tuple[Removal, ...]]) -> int:
    return len(cleaned[0] or "")


def _removals(counts: Counter[Category]) -> tuple[Removal, ...]:
    return tuple(Removal(category, counts[category]) for category in Category if counts[category])


def _remove_hidden(text: str, counts: Counter[Category]) -> str:
    hidden = find_hidden(text)
    if not hidden:
        return text
    counts.update(character.category for character in hidden)
    parts: list[str] = []
    start = 0
    for character in hidden:
        parts.append(text[start : character.index])
        start = character.index + 1
    return "".join([*parts, text[start:]])
