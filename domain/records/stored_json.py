"""Reading of JSON that was stored: every reader of the text sees the same values, or it is refused."""

import json
from collections.abc import Sequence
from typing import Any

from domain.records.records import canonical


def parse_distinct(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON
    """Parse JSON whose objects have no name twice: of two values, readers would take different ones.

    Raises:
        ValueError, RecursionError: it is not such JSON.
    """
    return json.loads(text, object_pairs_hook=_distinct)


def parse_fields(text: str) -> dict[str, Any]:
    """Parse the open fields of a stored record: canonical JSON, as it was written, since searches read the text.

    Raises:
        ValueError, TypeError, RecursionError: it is another text.
    """
    found = parse_distinct(text)
    if not isinstance(found, dict) or canonical(found) != text.encode():
        raise ValueError("the fields are not the canonical JSON of an object")
    return found


def _distinct(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a name twice")
    return found
