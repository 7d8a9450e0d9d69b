"""How a run stands, and which kinds of problem lead where."""

from enum import StrEnum

from domain.records.records import EventKind
from domain.refusals import Kind, Nature


class Status(StrEnum):
    """A run's status: in answers, and as the values of the search attribute ``AssayDecision``."""

    RUNNING = "running"
    HELD = "held"
    COMPLETED = "completed"
    BLOCKED = "blocked"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


_BLOCKS = frozenset({Kind.PROMPT_BLOCKED, Kind.SENSITIVE_DATA_BLOCKED, Kind.OUTPUT_BLOCKED})


def status_for(kind: Kind | None) -> Status:
    """The status in which a run ends for a problem of this kind; completed where there is none."""
    if kind is None:
        return Status.COMPLETED
    if kind is Kind.RUN_CANCELLED:
        return Status.CANCELLED
    if kind in _BLOCKS:
        return Status.BLOCKED
    return Status.FAILED if kind.nature is Nature.FAULT else Status.REFUSED


def event_for(status: Status) -> EventKind:
    """The kind of event that records the end in this status.

    Raises:
        ValueError: the status is no end.
    """
    return EventKind(status.value)
