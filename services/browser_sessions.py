"""Browser sessions: an access token gets a ticket, a ticket gets a session."""

from collections.abc import Callable
from dataclasses import dataclass, field

from domain.access.ports import SessionTokens
from domain.access.principals import Principal
from domain.access.sessions import TICKET_SECONDS, SessionUse
from domain.budgets.ports import Ledger
from domain.ports import Clock
from domain.records.access_events import session_record
from domain.refusals import Kind, Refusal


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session's token, its lifetime, and the run to show."""

    token: str = field(repr=False)
    seconds: int
    run: str | None


class Sessions:
    """Tickets and sessions. The record of a ticket's use makes it valid once, in all processes."""

    def __init__(
        self, tokens: SessionTokens, ledger: Ledger, clock: Clock, random_tag: Callable[[], str], seconds: int
    ) -> None:
        """Take the ports; a session is valid for ``seconds``."""
        self._tokens = tokens
        self._ledger = ledger
        self._clock = clock
        self._random_tag = random_tag
        self._seconds = seconds

    @property
    def ticket_seconds(self) -> int:
        """Return the lifetime of a ticket."""
        return TICKET_SECONDS

    async def ticket(self, principal: Principal, run: str | None) -> str:
        """Return a ticket for the principal, valid once.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
        """
        return await self._tokens.issue(
            SessionUse.TICKET,
            principal,
            now=self._clock.now(),
            seconds=TICKET_SECONDS,
            jti=self._random_tag(),
            run=run,
        )

    async def open(self, ticket: str) -> OpenedSession:
        """Return the session for a ticket. It is recorded before it is returned.

        Raises:
            Refusal: INVALID_TOKEN, EXPIRED_TOKEN, also for a second use; STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
        """
        try:
            claims = await self._tokens.verify(SessionUse.TICKET, ticket)
        except Refusal as refusal:
            raise _unusable(refusal.kind) from None
        now = self._clock.now()
        # The log accepts an event once. If its response is lost, the ticket is used up: better than valid twice.
        if (await self._ledger.append(session_record(claims, now))).repeated:
            raise _unusable(Kind.INVALID_TOKEN)
        token = await self._tokens.issue(
            SessionUse.SESSION, claims.principal, now=now, seconds=self._seconds, jti=self._random_tag()
        )
        return OpenedSession(token, self._seconds, claims.run)

    async def principal(self, token: str) -> Principal:
        """Return the principal of a session.

        Raises:
            Refusal: INVALID_TOKEN, EXPIRED_TOKEN, VAULT_UNAVAILABLE.
        """
        return (await self._tokens.verify(SessionUse.SESSION, token)).principal


def _unusable(kind: Kind) -> Refusal:
    if kind not in (Kind.INVALID_TOKEN, Kind.EXPIRED_TOKEN):
        return Refusal(kind, "the ticket can't be checked now", retry_after=2)
    return Refusal(kind, "the link is valid once and for a minute: 'assay ui' makes another")
