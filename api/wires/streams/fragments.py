"""Fragments of an answer, in the order in which a stream gives them.

The parts of an answer follow each other, none begins before the one before has ended. Parts are JSON objects as in
``assay_temporal.contracts.Answer``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from assay_temporal.contracts import Answer

CHUNK_CHARS: Final = 48
"""Code points of a delta, for texts that do not need more than ``MOST_CHUNKS``."""
MOST_CHUNKS: Final = 512


@dataclass(frozen=True, slots=True)
class PartBegun:
    """The beginning of a part: its ``type``, and what is known by then, such as a call's ``call_id`` and ``name``."""

    index: int
    part: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PartDelta:
    """More of a part: of its text, or of a call's arguments. Never empty."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class PartEnded:
    """The end of a part, with the whole part."""

    index: int
    part: Mapping[str, Any]


Fragment = PartBegun | PartDelta | PartEnded

_GROWING: Final[Mapping[str, str]] = {"text": "text", "refusal": "text", "tool_call": "arguments"}
"""The member that is given in deltas, by the part's type. Other parts are given whole, by their end."""


def parts_of(answer: Answer) -> tuple[Mapping[str, Any], ...]:
    """Return the parts of an answer: its text, if it has no others."""
    return answer.parts or ({"type": "text", "text": answer.content},)


def fragments_of(answer: Answer) -> Iterator[Fragment]:
    """Return the fragments of a whole answer."""
    for index, part in enumerate(parts_of(answer)):
        growing = _GROWING.get(part["type"], "")
        yield PartBegun(index, {name: value for name, value in part.items() if name != growing})
        for text in _chunks(part.get(growing, "")):
            yield PartDelta(index, text)
        yield PartEnded(index, part)


def _chunks(text: str) -> Iterator[str]:
    size = max(CHUNK_CHARS, -(-len(text) // MOST_CHUNKS))
    for start in range(0, len(text), size):
        yield text[start : start + size]
