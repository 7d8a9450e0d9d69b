"""What goes into the search for runs without an outcome, and what comes out. IDs of runs, counts and times, no more.

Times are epoch milliseconds, UTC.
"""

from dataclasses import dataclass
from typing import Final

from activities.contracts.names import Stage

SETTLE_ABANDONED: Final = "SettleAbandoned"
"""The workflow's type."""


@dataclass(frozen=True)
class SweepStart:
    """When a look begins."""

    at_ms: int


@dataclass(frozen=True)
class SweepState:
    """How far a look has come.

    Attributes:
        began_ms: when it began.
        since_ms: runs that ended before that were seen by an earlier look; None if there was none.
        page: where the list of closed runs goes on, in base64; None once it was read to its end.
        after: the reservation that was seen last; None once all were.
        pages: after so many the look goes on as a new run, so that its history stays short.
        recorded: outcomes that were recorded.
        left: runs whose outcome can't be recorded.
    """

    began_ms: int
    since_ms: int | None = None
    page: str | None = ""
    after: str | None = ""
    pages: int = 1
    recorded: int = 0
    left: int = 0


@dataclass(frozen=True)
class Suspect:
    """A run that may lack its outcome. With a reservation it has proven its tenant, and began when that says."""

    workflow_id: str
    run_id: str
    reservation_id: str | None = None
    tenant: str | None = None
    caller: str | None = None


@dataclass(frozen=True)
class ClosedSuspects:
    """Of a page of closed runs, those without an outcome; and the next page."""

    suspects: tuple[Suspect, ...]
    page: str | None


@dataclass(frozen=True)
class HeldSuspects:
    """Runs whose reservations are held for long; and the last of these reservations."""

    suspects: tuple[Suspect, ...]
    after: str | None


@dataclass(frozen=True)
class Suspects:
    """Runs to be looked into."""

    suspects: tuple[Suspect, ...]


@dataclass(frozen=True)
class Settled:
    """What became of them."""

    recorded: int
    left: int


@dataclass(frozen=True)
class SweepMark:
    """The look that the next one goes on from."""

    began_ms: int


BEGIN_LOOK: Final = Stage("begin_look", SweepStart, SweepState)
FIND_CLOSED: Final = Stage("find_closed", SweepState, ClosedSuspects)
FIND_HELD: Final = Stage("find_held", SweepState, HeldSuspects)
SETTLE_RUNS: Final = Stage("settle_runs", Suspects, Settled)
END_LOOK: Final = Stage("end_look", SweepStart, SweepMark)

ALL: Final = (BEGIN_LOOK, FIND_CLOSED, FIND_HELD, SETTLE_RUNS, END_LOOK)
