"""Events of a run while it is under way, for those who wait for it.

An event with an outcome is the last. What it carries is the caller's alone: its text form shows nothing of it.
"""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class StageBegun:
    """A stage of the run was begun, or is tried again."""

    stage: str


@dataclass(frozen=True, slots=True)
class RunHeld:
    """The run waits for a person's review. Nothing publishes this before there are reviews."""

    review: str


@dataclass(frozen=True, slots=True)
class OutcomeRecorded(Generic[ResultT]):
    """The outcome was committed to the log: the run's result stands, whatever becomes of its workflow."""

    result: ResultT = field(repr=False)


RunEvent = StageBegun | RunHeld | OutcomeRecorded[ResultT]


class FeedClosed(Exception):
    """The feed ended before the run did: the process stops, or the subscription was closed."""
