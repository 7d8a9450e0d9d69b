"""Mapping of PostgreSQL's errors to refusals, by SQLSTATE (PostgreSQL, appendix A), never by text."""

import asyncpg

from domain.refusals import Kind, Refusal

STORE_ERRORS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""Exceptions that an asyncpg call may raise."""

CONFLICT = "AS001"
KEY_ERASED = "AS005"
HELD = "AS006"
SAME_PERSON = "AS008"
TENANT_ERASED = "AS010"
OTHER_STEP = "AS011"
RECORDED = "AS013"
ADMITTED = "AS014"
TOO_MANY_KEYS = "AS015"
KEY_ENDED = "AS017"
RETRY_AFTER_SECONDS = 1.0

# Connections, resources, operator intervention, the system, rolled back transactions, locks, logins; and errors that a
# migration or a grant would correct: missing objects and rights.
_AWAY_CLASSES = frozenset({"08", "28", "40", "53", "55", "57", "58", "3F"})
_AWAY_STATES = frozenset({"25006", "3D000", "42501", "42P01", "42883"})


def is_lost_connection(error: Exception) -> bool:
    """Return True if the connection failed, rather than the call."""
    if isinstance(error, asyncpg.PostgresError):
        state = str(error.sqlstate)
        return state[:2] == "08" or state in ("57P01", "57P02", "57P03")
    return isinstance(error, (ConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError))


def is_rejected_login(error: Exception) -> bool:
    """Return True if the credentials are not accepted (any more)."""
    return isinstance(error, asyncpg.PostgresError) and str(error.sqlstate)[:2] == "28"


def unavailable(detail: str = "the database can't be reached") -> Refusal:
    """Return the refusal for an unavailable PostgreSQL."""
    return Refusal(Kind.STORE_UNAVAILABLE, detail, retry_after=RETRY_AFTER_SECONDS)


def as_refusal(error: Exception) -> Refusal:
    """Translate an error of a call. PostgreSQL's text is not passed on: it may quote values."""
    if isinstance(error, asyncpg.PostgresError):
        state = str(error.sqlstate)
        if state[:2] not in _AWAY_CLASSES and state not in _AWAY_STATES:
            return Refusal(Kind.INTERNAL, "the database rejected a statement")
    return unavailable()
