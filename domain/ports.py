"""The ports: what the rules need from the world. Adapters are named after port and technology.

Every method may raise ``Refusal`` with STORE_UNAVAILABLE or VAULT_UNAVAILABLE when its server can't be reached in time:
the caller of the port decides what that means, and the default is to fail closed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from domain.principals import Principal
from domain.records import Record, StoredRecord
from domain.refusals import Kind
from domain.requests import Message


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


@dataclass(frozen=True, slots=True)
class Rate:
    """``limit`` requests in ``window_seconds``, of which all may come at once."""

    limit: int
    window_seconds: int


@dataclass(frozen=True, slots=True)
class RateDecision:
    """Whether a request passes. ``retry_after`` (seconds) is 0 where it does; ``reset_after`` until full again."""

    allowed: bool
    remaining: int
    retry_after: float
    reset_after: float


class RateLimiter(Protocol):
    """Requests per caller, shared by every process, on the store's clock."""

    async def take(self, tenant: str, caller: str, rate: Rate) -> RateDecision:
        """Spend one request of the caller's, if there is one. A refused request spends nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Reservation:
    """Tokens to be held for a run, against a limit per caller and UTC day. ``reservation_id`` makes it happen once."""

    reservation_id: UUID
    tenant: str
    caller: str
    tokens: int
    daily_limit: int


@dataclass(frozen=True, slots=True)
class Appended:
    """A record in the log. ``repeated`` tells that it was there already, with the same content."""

    event_id: UUID
    digest: bytes
    recorded_at: datetime
    repeated: bool


@dataclass(frozen=True, slots=True)
class QuotaState:
    """A caller's budget of the day, in tokens. ``resets_in`` is the seconds to the next UTC midnight, store's clock."""

    limit: int
    used: int
    reserved: int
    resets_in: float


@dataclass(frozen=True, slots=True)
class Admitted:
    """The reservation and its record exist: the model may be called."""

    appended: Appended


@dataclass(frozen=True, slots=True)
class QuotaSpent:
    """Nothing was reserved, nothing was recorded."""

    quota: QuotaState


class Ledger(Protocol):
    """Budgets and records, in shared transactions."""

    async def admit(self, reservation: Reservation, record: Record) -> Admitted | QuotaSpent:
        """Reserve and record "admitted", both or neither; at most once by reservation ID.

        Raises:
            RecordConflict: an event of that ID exists with other content.
        """
        ...

    async def close(self, reservation_id: UUID | None, actual_tokens: int, record: Record) -> Appended:
        """Settle a reservation to what was used (0 refunds it) and record the outcome, both or neither.

        The first outcome committed wins: a repeat with the same content gives the stored row. Without a reservation
        only the record is made.

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


class RecordConflict(Exception):
    """An event of this ID is recorded with other content. ``kind`` is the stored row's kind of event."""

    def __init__(self, event_id: UUID, kind: str) -> None:
        super().__init__(f"event {event_id} is recorded already, as '{kind}', with other content")
        self.event_id = event_id
        self.kind = kind


class RecordReader(Protocol):
    """Reading the log."""

    async def search(
        self, *, tenant: str | None = None, workflow_id: str | None = None, limit: int = 50
    ) -> Sequence[StoredRecord]:
        """The newest records first."""
        ...

    async def unseal(self, record: StoredRecord) -> Mapping[str, Any]:
        """The sealed fields of a record, authenticated.

        Raises:
            Refusal: INTERNAL if the ciphertext does not authenticate.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model that can be asked for. Prices are per million tokens, in the policy's currency."""

    alias: str
    provider: str
    upstream: str
    base_url: str
    key_path: str
    context_tokens: int
    input_price: float
    output_price: float


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call of a model. ``call_id`` is the same in every attempt, for providers that honour idempotency."""

    model: ModelEntry
    messages: tuple[Message, ...]
    temperature: float
    max_tokens: int
    call_id: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens spent. ``estimated`` where the provider has not said."""

    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False

    @property
    def total(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A model's answer."""

    content: str
    finish_reason: str
    usage: Usage


class ProviderFailure(Exception):
    """A model could not be had. ``retryable`` is for this same call; ``retry_after`` is the provider's, in seconds."""

    def __init__(self, kind: Kind, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after


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


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token, and the seconds it lives."""

    access_token: str = field(repr=False)
    expires_in: int
    scope: str


class TokenIssuer(Protocol):
    """Makes access tokens."""

    async def issue(self, entry: ClientEntry, scope: str, now: datetime, jti: str) -> IssuedToken:
        """A signed access token for a client, in the JWT profile of RFC 9068; ``jti`` is a random name for it.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
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
