"""Spelling of placeholders: ``[EMAIL_382_BCDF]``, the kind, a number, and a tag.

Models change repeated text, so a placeholder is recognised in any case, with its underscores escaped or as spaces, and
without its brackets.
"""

import re
from collections.abc import Iterator

from domain.privacy.policy import DataKind

TAG_LENGTH = 4
TAG_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""Letters of the tag of a placeholder. No vowels, so that it is no word."""
MOST_NUMBERS = 999
"""Greatest number of a placeholder: with the tag there are 160 million of a kind."""

_GAP = r"\\?[_ -]"
_KINDS = "|".join(kind.value.upper().replace("_", _GAP) for kind in DataKind)
_NAME = rf"(?:{_KINDS}){_GAP}\d{{1,6}}{_GAP}[{TAG_LETTERS}]{{{TAG_LENGTH}}}"
PLACEHOLDER = re.compile(
    rf"\[ ?{_NAME} ?\]|\\\[ ?{_NAME} ?\\\]|(?<![A-Z0-9_]){_NAME}(?![A-Z0-9_])", re.IGNORECASE | re.ASCII
)
"""Any spelling of any placeholder."""
_WITHIN = re.compile(rf"(?=({_NAME}))", re.IGNORECASE | re.ASCII)


def placeholder_of(kind: DataKind, number: int, tag: str) -> str:
    """Return the placeholder for a value, in the spelling that the model receives."""
    return f"[{kind.value.upper()}_{number}_{tag}]"


def same_placeholder(placeholder: str) -> str:
    """Return a key that all spellings of one placeholder share."""
    return re.sub(r"[^A-Z0-9]", "", placeholder.upper())


def named_in(text: str) -> Iterator[str]:
    """Yield each placeholder in a text: in any spelling, also within another word."""
    return (found[1] for found in _WITHIN.finditer(text))
