"""Ports of tokens, sessions, clients and teams. As in ``domain.ports``, any method may raise ``Refusal``."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.access.clients import ClientEntry, IssuedToken, TeamEntry
from domain.access.principals import Action, Principal
from domain.access.resources import AccessDecision, Resource
from domain.access.sessions import SessionClaims, SessionUse


class TokenVerifier(Protocol):
    """Checks access tokens."""

    async def verify(self, token: str) -> Principal:
        """The principal behind a token.

        Raises:
            Refusal: INVALID_TOKEN or EXPIRED_TOKEN, never saying which part was wrong.
        """
        ...


class AccessDecider(Protocol):
    """The one way to authorise. Another tenant's resource is refused whatever the rules permit."""

    async def require(self, principal: Principal, action: Action, resource: Resource) -> None:
        """Pass if the principal may act on the resource.

        Raises:
            Refusal: FORBIDDEN, also when the decision can't be made.
        """
        ...


class AccessRules(Protocol):
    """The rules behind an ``AccessDecider``, which alone asks them, about resources of the principal's own tenant."""

    async def decide(self, principal: Principal, action: Action, resource: Resource) -> AccessDecision:
        """The decision. An exception refuses, as does anything else than a decision that permits."""
        ...


class SessionTokens(Protocol):
    """Tickets and sessions of browsers, as signed tokens."""

    async def issue(
        self, use: SessionUse, principal: Principal, *, now: datetime, seconds: int, jti: str, run: str | None = None
    ) -> str:
        """A token for that use alone, good for ``seconds``; ``jti`` is a random name for it.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
        """
        ...

    async def verify(self, use: SessionUse, token: str) -> SessionClaims:
        """What a token of that use says.

        Raises:
            Refusal: INVALID_TOKEN or EXPIRED_TOKEN, never saying which part was wrong.
        """
        ...


class ClientDirectory(Protocol):
    """OAuth clients."""

    async def get(self, client_id: str) -> ClientEntry | None:
        """The client of that ID, revoked ones included."""
        ...

    async def put(self, entry: ClientEntry) -> None:
        """Create or replace."""
        ...

    async def list(self) -> Sequence[ClientEntry]:
        """All clients, by ID."""
        ...


class TeamDirectory(Protocol):
    """Teams whose own workflows may start runs."""

    async def get(self, tenant: str, client_id: str) -> TeamEntry | None:
        """The tenant's team of that name, or None: it was never let in, or no longer is."""
        ...


class TokenIssuer(Protocol):
    """Makes access tokens."""

    async def issue(self, entry: ClientEntry, scope: str, now: datetime, jti: str) -> IssuedToken:
        """A signed access token for a client, in the JWT profile of RFC 9068; ``jti`` is a random name for it.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
        """
        ...
