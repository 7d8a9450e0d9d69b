"""Sanitising: removal of hidden characters, and Unicode normalisation; nothing else changes.

Text is converted to Unicode's NFKC (UAX #15), except superscripts, subscripts and fractions, whose compatibility form
has another meaning (2² is not 22, 1½ is not 11/2). Line ends become ``\\n``. Hidden characters are removed (see
``hidden_characters`` for the legitimate ones), and so are marks beyond 30 on a letter (the limit of UAX #15's
Stream-Safe Text Format), which keeps the normalisation linear. Nothing is guessed or decoded here.
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from domain.inference.requests import InferenceRequest
from domain.inference.texts import Text, TextForm, UnchangeableText, map_texts
from domain.refusals import Kind, Refusal
from domain.text.hidden_characters import Category, find_hidden
from domain.text.json_text import change_strings

__all__ = ["Category", "Removal", "SanitisePolicy", "SanitisedText", "sanitise", "sanitise_request"]

SHELL_METACHARACTERS = "`$&|;<>\\"

_MAX_MARKS = 30
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_MEANT = re.compile("([\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u208e\u2150-\u215f\u2189]+)")
_SHELL = re.compile("[" + re.escape(SHELL_METACHARACTERS) + "]")
_NOT_PLAIN = "must be in Unicode's form NFKC, without characters that hide"
_HALFWIDTH_MARKS = "\uff9e\uff9f"


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
    text = _LINE_END.sub("\n", text)
    while True:
        text = _normalise(_limit_marks(text, counts))
        cleaned = _remove_hidden(_limit_marks(text, counts), counts)
        if policy.remove_shell_metacharacters:
            cleaned, removed = _SHELL.subn("", cleaned)
            counts[Category.SHELL] += removed
        if cleaned == text:
            break
        text = cleaned  # separated characters may be adjacent now, and compose
    return SanitisedText(text, _removals(counts))


def sanitise_request(request: InferenceRequest, policy: SanitisePolicy) -> tuple[InferenceRequest, tuple[Removal, ...]]:
    """Sanitise every text of a request, whatever its role; removals are summed over the texts.

    A signed text is left unchanged: the screening, which reads originals, finds hidden characters in it.

    Raises:
        Refusal: INVALID_REQUEST with the text's field, if no visible text remains, or if an identifier would change.
    """
    counts: Counter[Category] = Counter()

    def clean(said: str) -> str:
        sanitised = sanitise(said, policy)
        for removal in sanitised.removed:
            counts[removal.category] += removal.count
        return sanitised.text

    def change(text: Text) -> str:
        if text.form is TextForm.SIGNED:
            return text.text
        cleaned = change_strings(text, clean)
        whole = text.address.message is not None and text.address.part is None
        if not cleaned.strip() and (whole or text.text.strip()):
            raise Refusal(Kind.INVALID_REQUEST, "must contain visible text", field=text.address.dotted)
        return cleaned

    try:
        return map_texts(request, change), _removals(counts)
    except UnchangeableText as fixed:
        raise Refusal(Kind.INVALID_REQUEST, _NOT_PLAIN, field=fixed.address.dotted) from None


def _removals(counts: Counter[Category]) -> tuple[Removal, ...]:
    return tuple(Removal(category, counts[category]) for category in Category if counts[category])


def _normalise(text: str) -> str:
    if text.isascii():
        return text
    parts = _MEANT.split(text)
    parts[::2] = [unicodedata.normalize("NFKC", part) for part in parts[::2]]
    return "".join(parts)


def _limit_marks(text: str, counts: Counter[Category]) -> str:
    if text.isascii():
        return text
    kept: list[str] = []
    run = 0
    for char in text:
        marks = char > "\u02ff" and (unicodedata.category(char)[0] == "M" or char in _HALFWIDTH_MARKS)
        run = run + 1 if marks else 0
        if run <= _MAX_MARKS:
            kept.append(char)
    counts[Category.MARKS] += len(text) - len(kept)
    return "".join(kept)


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
