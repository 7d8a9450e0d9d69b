"""OAuth clients, the tokens that are made for them, and teams: clients that start runs from workflows of their own."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ClientEntry:
    """An OAuth client (RFC 6749 section 2). The secret is kept as a keyed hash only."""

    client_id: str
    tenant: str
    subject: str
    roles: tuple[str, ...]
    secret_hash: str
    created_at: str
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class TeamEntry:
    """A team that starts runs of its tenant itself. It proves to hold the tenant's key; who it is stands here."""

    tenant: str
    client_id: str
    subject: str
    roles: tuple[str, ...]
    created_at: str


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token, and the seconds it lives."""

    access_token: str = field(repr=False)
    expires_in: int
    scope: str
