"""Strict JSON (RFC 8259): UTF-8 alone, each name once, no NaN.

Readers differ on everything else, so that two of them could see different documents in the same signed bytes.
"""

import json
import re
from typing import Any, Final

MOST_DEPTH: Final = 128
"""Maximum nesting of a body."""
MOST_VALUES: Final = 400_000
"""Maximum number of values of a body: one of two bytes takes some hundred bytes once parsed."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_KEPT: Final = b'"[]{},'
_DROPPED: Final = bytes(byte for byte in range(256) if byte not in _KEPT)
_OPENING: Final = frozenset(b"[{")


def read_strictly(data: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Parse JSON. A byte order mark is ignored. Strings may have unpaired surrogates: see ``is_storable``.

    Raises:
        ValueError: for anything else than strict JSON.
        RecursionError: nested too deeply.
    """
    return json.loads(data.decode("utf-8-sig"), parse_constant=_reject_constant, object_pairs_hook=_without_duplicates)


class TooComplex(ValueError):
    """JSON of more values, or nested more deeply, than is parsed."""


def require_bounded(data: bytes) -> None:
    """Check the nesting and the number of values of JSON before it is parsed: in compiled steps, linear in the bytes.

    Malformed JSON is left to the parser.

    Raises:
        TooComplex: it exceeds ``MOST_DEPTH`` or ``MOST_VALUES``.
    """
    marks = data.replace(rb"\\", b"").replace(rb"\"", b"").translate(None, _DROPPED)
    if marks.count(b'"') > 4 * MOST_VALUES:  # two for each text, which is a value or the name of one
        raise TooComplex
    outside = b"".join(marks.split(b'"')[::2])
    if sum(map(outside.count, (b",", b"[", b"{"))) >= MOST_VALUES:
        raise TooComplex
    depth = 0
    for bracket in outside.translate(None, b","):
        depth += 1 if bracket in _OPENING else -1
        if depth > MOST_DEPTH:
            raise TooComplex


def is_storable(text: str) -> bool:
    """Return True for a text that UTF-8 and PostgreSQL can hold: no unpaired surrogate, no NUL."""
    return _UNSTORABLE.search(text) is None


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name occurs twice")
    return names
