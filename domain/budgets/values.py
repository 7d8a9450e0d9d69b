"""Rates, budgets, and what the ledger says of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


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


@dataclass(frozen=True, slots=True)
class Reservation:
    """Tokens to be held for a run, against a limit per caller and UTC day. ``reservation_id`` makes it happen once."""

    reservation_id: UUID
    tenant: str
    caller: str
    tokens: int
    daily_limit: int


@dataclass(frozen=True, slots=True)
class QuotaState:
    """A caller's budget of the day, in tokens. ``resets_in`` is the seconds to the next UTC midnight, store's clock."""

    limit: int
    used: int
    reserved: int
    resets_in: float


@dataclass(frozen=True, slots=True)
class Appended:
    """A record in the log. ``repeated`` tells that it was there already, with the same content."""

    event_id: UUID
    digest: bytes
    recorded_at: datetime
    repeated: bool


@dataclass(frozen=True, slots=True)
class Admitted:
    """The reservation and its record exist: the model may be called."""

    appended: Appended


@dataclass(frozen=True, slots=True)
class QuotaSpent:
    """Nothing was reserved, nothing was recorded."""

    quota: QuotaState


class RecordConflict(Exception):
    """An event of this ID is recorded with other content. ``kind`` is the stored row's kind of event."""

    def __init__(self, event_id: UUID, kind: str) -> None:
        super().__init__(f"event {event_id} is recorded already, as '{kind}', with other content")
        self.event_id = event_id
        self.kind = kind
