"""Runs that ended without an outcome in the log: their known state, and their record."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.refusals import Kind


class EngineState(StrEnum):
    """Run states of the workflow engine."""

    OPEN = "open"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"
    TIMED_OUT = "timed-out"
    GONE = "gone"
    """Its history was deleted, or never existed."""


_ENDS = {
    EngineState.FAILED: Kind.INTERNAL,
    EngineState.COMPLETED: Kind.INTERNAL,
    EngineState.CANCELLED: Kind.RUN_CANCELLED,
}


def kind_for(end: EngineState) -> Kind:
    """Return the kind to record for a run that ended so without an outcome.

    A run that recorded nothing itself was terminated from outside. If the engine reports that it completed or failed by
    itself, its record was lost: an internal fault.

    Raises:
        ValueError: the run is open.
    """
    if end is EngineState.OPEN:
        raise ValueError("an open run has no end time")
    return _ENDS.get(end, Kind.RUN_TERMINATED)


@dataclass(frozen=True, slots=True)
class ClosedRun:
    """A run that has ended, from a list. ``started_at`` is the list's, which is too late for a run that was reset."""

    workflow_id: str
    run_id: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class ClosedRuns:
    """A page of a list, and the start of the next one. None after the last."""

    runs: tuple[ClosedRun, ...]
    next_page: bytes | None


@dataclass(frozen=True, slots=True)
class Beginning:
    """Start of a run.

    Attributes:
        started_at: the time in its event IDs.
        identities: the run IDs in its event IDs. A run that was reset continues with the ID of the run before
            if that had proven its start already; if not, both have an outcome of their own.
        argument: what it was started with; None if it can't be read.
    """

    started_at: datetime
    identities: tuple[str, ...]
    argument: Any


@dataclass(frozen=True, slots=True)
class OpenReservation:
    """Reserved tokens, and their run. Without an admission, the run is unknown."""

    reservation_id: UUID
    tenant: str
    caller: str
    workflow_id: str | None
    run_id: str | None

    @property
    def started_ms(self) -> int:
        """Return the start of the run in epoch milliseconds, from the reservation's ID."""
        return self.reservation_id.int >> 80
