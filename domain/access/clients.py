"""OAuth clients and their tokens, and teams: clients that start runs from their own workflows."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ClientEntry:
    """An OAuth client (RFC 6749 section 2). Its secret is stored as a keyed hash only."""

    client_id: str
    tenant: str
    subject: str
    roles: tuple[str, ...]
    secret_hash: str
    created_at: str
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class TeamEntry:
    """A team that starts runs of its tenant. It proves possession of the tenant's key; this entry is its identity."""

    tenant: str
    client_id: str
    subject: str
    roles: tuple[str, ...]
    created_at: str


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token, and its lifetime in seconds."""

    access_token: str = field(repr=False)
    expires_in: int
    scope: str
