"""The ``Prefer`` header (RFC 7240): how long a caller waits."""

import re
from dataclasses import dataclass

_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,6})\"?\Z")
MAX_WAIT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long to wait, and what to say of the preference in ``Preference-Applied``."""

    seconds: float
    applied: str | None = None


def waiting(headers: list[str], default_seconds: float) -> Waiting:
    """Read ``wait=SECONDS`` and ``respond-async``. What is not understood is ignored, as the RFC asks."""
    preferences = [part.strip().lower() for header in headers for part in header.split(",")]
    asked = next((int(match[1]) for part in preferences if (match := _WAIT.match(part))), None)
    is_async = "respond-async" in preferences
    if asked is not None:
        seconds = min(asked, MAX_WAIT_SECONDS)
        return Waiting(seconds, f"wait={seconds}" + (", respond-async" if is_async else ""))
    if is_async:
        return Waiting(0, "respond-async")
    return Waiting(default_seconds)
