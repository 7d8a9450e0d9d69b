"""The ports: what the rules need from the world. Adapters are named after port and technology.

Those for reading the audit log are written in ``domain/log_ports.py``.

Every method may raise ``Refusal`` with STORE_UNAVAILABLE or VAULT_UNAVAILABLE when its server can't be reached in time:
the caller of the port decides what that means, and the default is to fail closed.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from domain.access import Resource
from domain.archive import MonthReport
from domain.budgets import Admitted, Appended, QuotaSpent, QuotaState, Rate, RateDecision, Reservation
from domain.clients import ClientEntry, IssuedToken, TeamEntry
from domain.log_ports import LogProofs as LogProofs  # noqa: PLC0414 - they are ports as well
from domain.log_ports import RecordReader as RecordReader  # noqa: PLC0414
from domain.models import ModelAnswer, ModelCall
from domain.principals import Action, Principal
from domain.records import Record
from domain.sessions import SessionClaims, SessionUse


class Clock(Protocol):
    """The time, injected."""

    def now(self) -> datetime:
        """The current time, aware, UTC."""
        ...


class PolicyStore(Protocol):
    """Policies by content hash: append-only."""

    async def put(self, document: bytes) -> str:
        """Keep a canonical policy document; give its SHA-256, hexadecimal. A repeat is a no-op."""
        ...

    async def get(self, policy_hash: str) -> bytes | None:
        """The document of that hash, or None."""
        ...

    async def make_current(self, policy_hash: str) -> None:
        """Pin runs whose start names no policy to this one from now on. Recorded for ``system`` once, or not made."""
        ...

    async def current(self) -> str | None:
        """The hash of the policy that was made current last, or None if none ever was."""
        ...


class PayloadStore(Protocol):
    """Large payloads of workflows, encrypted already, by content hash. What is read is to be checked against it."""

    async def put(self, tenant: str, workflow_id: str, content: bytes) -> bytes:
        """Keep a content of the workflow's; give its SHA-256. A repeat keeps it for longer."""
        ...

    async def get(self, digest: bytes) -> bytes | None:
        """The content of that hash, or None."""
        ...

    async def old_workflows(self, older_than: timedelta, after: str, most: int) -> Sequence[str]:
        """Workflows with contents stored that long ago: in the order of their IDs, ``most`` of those beyond ``after``.

        Raises:
            Refusal: INTERNAL if ``older_than`` is less than four days: such runs may still be open.
        """
        ...

    async def purge(self, older_than: timedelta, workflow_ids: Sequence[str]) -> int:
        """Remove contents of these workflows that were stored that long ago; give how many were removed.

        Raises:
            Refusal: INTERNAL as above.
        """
        ...


class RateLimiter(Protocol):
    """Requests per caller, shared by every process, on the store's clock."""

    async def take(self, tenant: str, caller: str, rate: Rate) -> RateDecision:
        """Spend one request of the caller's, if there is one. A refused request spends nothing."""
        ...


class Ledger(Protocol):
    """Budgets and records, in shared transactions."""

    async def admit(self, reservation: Reservation, record: Record) -> Admitted | QuotaSpent:
        """Reserve and record "admitted", both or neither; at most once by reservation ID.

        Raises:
            RecordConflict: an event of that ID exists with other content.
        """
        ...

    async def close(
        self,
        reservation_id: UUID | None,
        actual_tokens: int,
        record: Record,
        meanwhile: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> Appended:
        """Settle a reservation to what was used (0 refunds it) and record the outcome, both or neither.

        The first outcome committed wins: a repeat with the same content gives the stored row. Without a reservation
        only the record is made. ``meanwhile`` is awaited with the digest that is about to be stored, while the store
        commits: what it makes is worth nothing until ``close`` has returned that very digest.

        Raises:
            RecordConflict: an outcome of that ID exists with other content.
        """
        ...

    async def append(self, record: Record) -> Appended:
        """Record an event of its own. Exactly once by event ID.

        Raises:
            RecordConflict: an event of that ID exists with other content.
        """
        ...

    async def quota(self, tenant: str, caller: str, daily_limit: int) -> QuotaState:
        """The caller's budget today."""
        ...


class ModelProvider(Protocol):
    """Any OpenAI-compatible endpoint."""

    async def complete(self, call: ModelCall) -> ModelAnswer:
        """Ask once, without retries.

        Raises:
            ProviderFailure: by class of error.
        """
        ...


class SecretReader(Protocol):
    """Secrets by path."""

    async def read(self, path: str) -> Mapping[str, str]:
        """The newest version of the secret at ``path`` (below the KV mount).

        Raises:
            Refusal: VAULT_UNAVAILABLE; NOT_FOUND if there is none.
        """
        ...


class IdentityKeys(Protocol):
    """The stable secret behind hashes of callers and clients' secrets, run IDs, commitments and content MACs."""

    async def tenant_key(self, tenant: str) -> bytes:
        """32 bytes of the tenant's own, the same for ever.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
        """
        ...

    async def hash_client_secret(self, client_id: str, secret: str) -> str:
        """The keyed hash (hexadecimal) under which a client's secret is kept: secrets are 256 random bits.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
        """
        ...


class StatementSigner(Protocol):
    """Signs with a key that never leaves its keeper. ``key_name`` says which."""

    async def sign(self, key_name: str, typ: str, claims: Mapping[str, Any]) -> str:
        """A compact JWS (RFC 7515) with ``alg`` EdDSA (RFC 8037) and the key's name and version as ``kid``."""
        ...

    async def public_keys(self, key_name: str) -> Mapping[str, Mapping[str, str]]:
        """The JWK (RFC 8037) of each version of the key, by ``kid``."""
        ...


class TokenVerifier(Protocol):
    """Checks access tokens."""

    async def verify(self, token: str) -> Principal:
        """The principal behind a token.

        Raises:
            Refusal: INVALID_TOKEN or EXPIRED_TOKEN, never saying which part was wrong.
        """
        ...


class AccessDecider(Protocol):
    """Whether a principal may act on something. It can only narrow: another tenant's is refused whatever it says."""

    async def require(self, principal: Principal, action: Action, resource: Resource) -> None:
        """Pass if the principal may.

        Raises:
            Refusal: FORBIDDEN, also when the decision can't be made.
        """
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


class MonthArchiver(Protocol):
    """Moves old months of the audit log into files and back. ``docs/retention.md`` tells how."""

    async def due(self) -> Sequence[date]:
        """The months that the policy lets go, by their first days, oldest first."""
        ...

    async def archive(self, month: date) -> MonthReport:
        """Archive a month, or say why it stays. May be repeated.

        Raises:
            ArchiveInvalid: what was written, read back, does not hold; nothing was dropped.
        """
        ...


class Dependency(Protocol):
    """A server that readiness depends on."""

    @property
    def name(self) -> str:
        """Short name for readiness reports, such as ``vault``."""
        ...

    async def check(self) -> None:
        """Pass if it can serve now.

        Raises:
            Refusal: if it can't.
        """
        ...
