"""Runs that have ended without an outcome in the log: what is known of them, and what is recorded."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.refusals import Kind


class EngineState(StrEnum):
    """How a run stands for the workflow engine."""

    OPEN = "open"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"
    TIMED_OUT = "timed-out"
    GONE = "gone"
    """Its history was deleted, or never was."""


_ENDS = {
    EngineState.FAILED: Kind.INTERNAL,
    EngineState.COMPLETED: Kind.INTERNAL,
    EngineState.CANCELLED: Kind.RUN_CANCELLED,
}


def kind_for(end: EngineState) -> Kind:
    """What is recorded of a run that ended so and whose outcome is missing.

    One that recorded nothing itself was ended from outside. Where the engine says that it came to an end of its own,
    its record was lost: a fault of ours, whatever it was.

    Raises:
        ValueError: the run is open.
    """
    if end is EngineState.OPEN:
        raise ValueError("an open run has no end time")
    return _ENDS.get(end, Kind.RUN_TERMINATED)


@dataclass(frozen=True, slots=True)
class ClosedRun:
    """A run that has ended, from a list. ``started_at`` is the list's, which for a run that was reset is too late."""

    workflow_id: str
    run_id: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class ClosedRuns:
    """A page of a list, and where the next one begins; None after the last."""

    runs: tuple[ClosedRun, ...]
    next_page: bytes | None


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a run began.

    Attributes:
        started_at: the time in its event IDs.
        identities: the run IDs that stand in its event IDs. A run that was reset goes on under the ID of the run before
            if that had proven its start already; if not, both have an outcome of their own.
        argument: what it was started with; None if it can't be read.
    """

    started_at: datetime
    identities: tuple[str, ...]
    argument: Any


@dataclass(frozen=True, slots=True)
class OpenReservation:
    """Tokens that are still held, and the run that they are held for. Without an admission, the run is not known."""

    reservation_id: UUID
    tenant: str
    caller: str
    workflow_id: str | None
    run_id: str | None

    @property
    def started_ms(self) -> int:
        """When the run began, epoch milliseconds: the reservation's ID says so."""
        return self.reservation_id.int >> 80
