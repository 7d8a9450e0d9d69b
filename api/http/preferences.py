"""``Prefer`` header (RFC 7240): how long a caller waits, and for which state."""

import re
from dataclasses import dataclass

_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,6})\"?\Z")
MAX_WAIT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Waiting:
    """Maximum wait, whether to wait for a checkpoint, and the text for ``Preference-Applied``."""

    seconds: float
    applied: str | None = None
    sealed: bool = False


def waiting(headers: list[str], default_seconds: float) -> Waiting:
    """Parse ``wait=SECONDS``, ``respond-async`` and ``sealed``. Unknown preferences are ignored (RFC 7240)."""
    preferences = [part.strip().lower() for header in headers for part in header.split(",")]
    asked = next((int(match[1]) for part in preferences if (match := _WAIT.match(part))), None)
    applied: list[str] = [name for name in ("respond-async", "sealed") if name in preferences]
    seconds = 0 if "respond-async" in applied else default_seconds
    if asked is not None:
        seconds = min(asked, MAX_WAIT_SECONDS)
        applied.insert(0, f"wait={seconds}")
    return Waiting(seconds, ", ".join(applied) or None, "sealed" in applied)
