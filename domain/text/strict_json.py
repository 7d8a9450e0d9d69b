"""Strict JSON (RFC 8259): UTF-8 alone, each name once, no NaN.

Readers differ on everything else, so that two of them could see different documents in the same signed bytes.
"""

import json
import re
from typing import Any

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def read_strictly(data: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Parse JSON. A byte order mark is ignored. Strings may have unpaired surrogates: see ``is_storable``.

    Raises:
        ValueError: for anything else than strict JSON.
        RecursionError: nested too deeply.
    """
    return json.loads(data.decode("utf-8-sig"), parse_constant=_reject_constant, object_pairs_hook=_without_duplicates)


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
