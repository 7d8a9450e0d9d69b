"""Ports of tokens, sessions, clients and teams. As in ``domain.ports``, any method may raise ``Refusal``."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.access.clients import ClientEntry, IssuedToken, TeamEntry
from domain.access.principals import Action, Principal
from domain.access.resources import AccessDecision, Resource
from domain.access.sessions import SessionClaims, SessionUse


class TokenVerifier(Protocol):
    """Verifies access tokens."""

    async def verify(self, token: str) -> Principal:
        """Return the principal of a token.

        Raises:
            Refusal: INVALID_TOKEN or EXPIRED_TOKEN, never naming the invalid part.
        """
        ...


class AccessDecider(Protocol):
    """Authorises every action. Another tenant's resource is refused whatever the rules permit."""

    async def require(self, principal: Principal, action: Action, resource: Resource) -> None:
        """Check that the principal may act on the resource.

        Raises:
            Refusal: FORBIDDEN, also when the decision can't be made.
        """
        ...


class AccessRules(Protocol):
    """Rules of an ``AccessDecider``, called by it alone, for resources of the principal's own tenant."""

    async def decide(self, principal: Principal, action: Action, resource: Resource) -> AccessDecision:
        """Return the decision. An exception refuses, as does anything but a permitting decision."""
        ...


class SessionTokens(Protocol):
    """Tickets and sessions of browsers, as signed tokens."""

    async def issue(
        self, use: SessionUse, principal: Principal, *, now: datetime, seconds: int, jti: str, run: str | None = None
    ) -> str:
        """Return a token for that use alone, valid for ``seconds``; ``jti`` is its random ID.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
        """
        ...

    async def verify(self, use: SessionUse, token: str) -> SessionClaims:
        """Return the claims of a token for that use.

        Raises:
            Refusal: INVALID_TOKEN or EXPIRED_TOKEN, never naming the invalid part.
        """
        ...


class ClientDirectory(Protocol):
    """OAuth clients."""

    async def get(self, client_id: str) -> ClientEntry | None:
        """Return the client with that ID, also if revoked."""
        ...

    async def put(self, entry: ClientEntry) -> None:
        """Create or replace a client."""
        ...

    async def list(self) -> Sequence[ClientEntry]:
        """Return all clients, by ID."""
        ...


class TeamDirectory(Protocol):
    """Teams whose own workflows may start runs."""

    async def get(self, tenant: str, client_id: str) -> TeamEntry | None:
        """Return the tenant's team with that name, or None if it is not registered."""
        ...


class TokenIssuer(Protocol):
    """Issues access tokens."""

    async def issue(self, entry: ClientEntry, scope: str, now: datetime, jti: str) -> IssuedToken:
        """Return a signed access token for a client, in the JWT profile of RFC 9068. ``jti`` is its random ID.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
        """
        ...
