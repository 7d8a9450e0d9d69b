"""OAuth clients, and the tokens that are made for them."""

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
class IssuedToken:
    """An access token, and the seconds it lives."""

    access_token: str = field(repr=False)
    expires_in: int
    scope: str
