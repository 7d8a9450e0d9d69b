"""Browser access to the codec endpoint: a ticket, valid once, is exchanged for a session of some minutes.

Both are signed tokens of separate types. Neither is an access token, and no access token is one of them.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.access.principals import Principal

TICKET_SECONDS = 60
"""Lifetime of a ticket."""


class SessionUse(StrEnum):
    """Uses of a session token."""

    TICKET = "ticket"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """Claims of a verified session token.

    Attributes:
        principal: the principal it was issued to.
        jti: its unique ID.
        issued_at: time of issue, aware, UTC, to the second.
        run: the run to show once the session is open, if one was named.
    """

    principal: Principal
    jti: str
    issued_at: datetime
    run: str | None = None
