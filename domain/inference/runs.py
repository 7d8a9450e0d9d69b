"""Run status, and the status each kind of problem ends in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
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


@dataclass(frozen=True, slots=True)
class RecordedStart:
    """Start of a run as the workflow engine recorded it.

    Attributes:
        started_at: the time of its first event.
        delay: how long its first task was held back, by a delay, a cron schedule, or the backoff of a retry.
        cron: whether it has a cron schedule.
    """

    started_at: datetime
    delay: timedelta
    cron: bool


_BLOCKS = frozenset({Kind.PROMPT_BLOCKED, Kind.SENSITIVE_DATA_BLOCKED, Kind.OUTPUT_BLOCKED})


def status_for(kind: Kind | None) -> Status:
    """Return the final status for a kind of problem; completed without one."""
    if kind is None:
        return Status.COMPLETED
    if kind is Kind.RUN_CANCELLED:
        return Status.CANCELLED
    if kind in _BLOCKS:
        return Status.BLOCKED
    return Status.FAILED if kind.nature is Nature.FAULT else Status.REFUSED


_PASSING = frozenset(
    {
        Kind.PROVIDER_UNAVAILABLE,
        Kind.PROVIDER_TIMEOUT,
        Kind.PROVIDER_RATE_LIMITED,
        Kind.PROVIDER_GARBLED,
        Kind.SCREENING_UNAVAILABLE,
        Kind.STORE_UNAVAILABLE,
        Kind.VAULT_UNAVAILABLE,
        Kind.ENGINE_UNAVAILABLE,
        Kind.QUOTA_SPENT,
    }
)
"""Kinds whose cause passes without a change by the caller or an operator. None of them gave an answer."""


def may_be_repeated(status: str, refusal: str | None) -> bool:
    """Test for a recorded end after which a further attempt may succeed."""
    return status in (Status.FAILED, Status.REFUSED) and refusal in _PASSING


def event_for(status: Status) -> EventKind:
    """Return the kind of event that records a final status.

    Raises:
        ValueError: the status is not final.
    """
    return EventKind(status.value)
