"""Rates, budgets, and results of the ledger."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Rate:
    """``limit`` requests per ``window_seconds``, also as one burst."""

    limit: int
    window_seconds: int


@dataclass(frozen=True, slots=True)
class RateDecision:
    """Decision on a request. ``retry_after`` (seconds) is 0 if it passes; ``reset_after`` until the full rate is
    available.
    """

    allowed: bool
    remaining: int
    retry_after: float
    reset_after: float


@dataclass(frozen=True, slots=True)
class Reservation:
    """Tokens to reserve for a run, against a limit per caller and UTC day. ``reservation_id`` makes it happen once."""

    reservation_id: UUID
    tenant: str
    caller: str
    tokens: int
    daily_limit: int


@dataclass(frozen=True, slots=True)
class QuotaState:
    """Budget of a caller and day, in tokens. ``resets_in`` is the seconds to the next UTC midnight, store's clock."""

    limit: int
    used: int
    reserved: int
    resets_in: float


@dataclass(frozen=True, slots=True)
class Appended:
    """A record in the log. ``repeated``: it existed already, with the same content."""

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
    """Nothing was reserved or recorded."""

    quota: QuotaState


@dataclass(frozen=True, slots=True)
class BegunCalls:
    """Calls of models that began under a reservation of ``tokens``."""

    calls: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class AlreadyAdmitted:
    """Another run of the same workflow ID is admitted and has no outcome yet. Nothing was reserved or recorded."""

    run_id: str


@dataclass(frozen=True, slots=True)
class AlreadyRecorded:
    """Recorded outcome of the first run of a workflow ID: of another run, or of this one before a reset.

    Attributes:
        run_id: the run ID in the outcome's event.
        event_id: the outcome's event.
        kind: its kind of event, which is the run's final status.
        refusal: its kind of refusal; None for an outcome without one.
    """

    run_id: str
    event_id: UUID
    kind: str
    refusal: str | None = None


class RecordConflict(Exception):
    """An event with this ID is recorded with other content. ``kind`` is the stored row's kind of event."""

    def __init__(self, event_id: UUID, kind: str) -> None:
        super().__init__(f"event {event_id} is recorded already, as '{kind}', with other content")
        self.event_id = event_id
        self.kind = kind


class OutcomeOfAnotherRun(RecordConflict):
    """Recorded outcome of another run of the workflow ID; this one was not admitted."""

    def __init__(self, recorded: AlreadyRecorded) -> None:
        super().__init__(recorded.event_id, recorded.kind)
        self.recorded = recorded
