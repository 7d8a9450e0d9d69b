"""Events of a run in progress, for its waiters.

An event with an outcome is the last. Its content is for the caller alone: its text form shows none of it.
"""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class StageBegun:
    """A stage of the run started, or is retried."""

    stage: str


@dataclass(frozen=True, slots=True)
class RunHeld:
    """The run is held for review. Not published until reviews are enabled."""

    review: str


@dataclass(frozen=True, slots=True)
class OutcomeRecorded(Generic[ResultT]):
    """The outcome was committed to the log: the run's result is final, whatever happens to its workflow.

    ``caller`` is the keyed hash of the run's caller; empty if unknown.
    """

    result: ResultT = field(repr=False)
    caller: str = ""


RunEvent = StageBegun | RunHeld | OutcomeRecorded[ResultT]


class FeedClosed(Exception):
    """The feed ended before the run: the process stops, or the subscription was closed."""
