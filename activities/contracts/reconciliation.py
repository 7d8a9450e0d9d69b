"""Arguments and results of the reconciliation sweep: IDs of runs, counts and times only.

Times are epoch milliseconds, UTC. A ``proof`` is of the steps before, and in a result of this one as well.
"""

from dataclasses import dataclass
from typing import Final

from activities.contracts.names import Stage
from activities.contracts.stages import PROOF_FIELD

SETTLE_ABANDONED: Final = "SettleAbandoned"
"""Type name of the workflow."""


@dataclass(frozen=True)
class SweepStart:
    """Start of a sweep."""

    at_ms: int
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True)
class SweepState:
    """Progress of a sweep.

    Attributes:
        began_ms: its start.
        since_ms: runs that ended before that were covered by an earlier sweep; None if there was none.
        page: next page of the list of closed runs, in base64; None once it was read to its end.
        after: the last reservation read; None once all were.
        pages: number of pages after which the sweep continues as a new run, so that its history stays short.
        recorded: number of recorded outcomes.
        left: number of runs whose outcome can't be recorded.
    """

    began_ms: int
    since_ms: int | None = None
    page: str | None = ""
    after: str | None = ""
    pages: int = 1
    recorded: int = 0
    left: int = 0
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True)
class Suspect:
    """A run that may lack its outcome.

    With a reservation its tenant is proven and its start known: both are read again from the ledger, by its ID.
    """

    workflow_id: str
    run_id: str
    reservation_id: str | None = None
    tenant: str | None = None
    caller: str | None = None


@dataclass(frozen=True)
class ClosedSuspects:
    """Those of a page of closed runs without an outcome; and the next page."""

    suspects: tuple[Suspect, ...]
    page: str | None
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True)
class HeldSuspects:
    """Runs with old open reservations; and the last of these reservations."""

    suspects: tuple[Suspect, ...]
    after: str | None
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True)
class Suspects:
    """Runs to be examined."""

    suspects: tuple[Suspect, ...]
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True)
class Settled:
    """Results for the examined runs."""

    recorded: int
    left: int
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True)
class SweepMark:
    """The sweep that the next one continues from."""

    began_ms: int


BEGIN_LOOK: Final = Stage("begin_look", SweepStart, SweepState)
FIND_CLOSED: Final = Stage("find_closed", SweepState, ClosedSuspects)
FIND_HELD: Final = Stage("find_held", SweepState, HeldSuspects)
SETTLE_RUNS: Final = Stage("settle_runs", Suspects, Settled)
END_LOOK: Final = Stage("end_look", SweepStart, SweepMark)

ALL: Final = (BEGIN_LOOK, FIND_CLOSED, FIND_HELD, SETTLE_RUNS, END_LOOK)
