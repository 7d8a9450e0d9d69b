"""A browser's way to the codec endpoint: a ticket, good once, buys a session, good for some minutes.

Both are signed tokens of types of their own. Neither is an access token, and no access token is one of them.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.access.principals import Principal

TICKET_SECONDS = 60
"""How long a ticket waits for its use."""


class SessionUse(StrEnum):
    """What a session token is for."""

    TICKET = "ticket"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """What a verified session token says.

    Attributes:
        principal: for whom it was issued.
        jti: its name, unique.
        issued_at: when it was issued, aware, UTC, to the second.
        run: the run to show once the session is open, if one was named.
    """

    principal: Principal
    jti: str
    issued_at: datetime
    run: str | None = None
