"""Server-sent events (WHATWG HTML, section 9.2) with JSON data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """An event. ``name``: its type, for formats that give one; ``data``: its JSON object, or a text as it is."""

    data: Mapping[str, Any] | str
    name: str | None = None

    def encoded(self) -> bytes:
        """Return the event's bytes. JSON in ASCII: some clients end lines at U+2028 or U+0085, too."""
        data = self.data if isinstance(self.data, str) else json.dumps(self.data, separators=(",", ":"))
        named = f"event: {self.name}\n" if self.name else ""
        return f"{named}data: {data}\n\n".encode()


COMMENT: Final = b": keep-alive\n\n"
"""A comment, which readers of events skip."""
