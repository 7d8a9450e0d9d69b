"""Ports of the reconciliation sweep. As in ``domain.ports``, any method may raise ``Refusal``."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from domain.records.reconciliation import Beginning, ClosedRuns, EngineState, OpenReservation


class RunLists(Protocol):
    """What the workflow engine knows of runs. Raises ``Refusal`` with ENGINE_UNAVAILABLE while it does not answer."""

    async def closed(self, since: datetime | None, page: bytes, most: int) -> ClosedRuns:
        """Runs that have ended since then, in any order; those of the last seconds may be missing.

        ``page`` is ``next_page`` of the answer before, empty at first.
        """
        ...

    async def newest(self, workflow_id: str) -> str | None:
        """The ID of the workflow's newest run; None if it has none any more."""
        ...

    async def state(self, workflow_id: str, run_id: str) -> EngineState:
        """How a run stands now."""
        ...

    async def beginning(self, workflow_id: str, run_id: str) -> Beginning | None:
        """How a run began; None if its history is gone.

        Raises:
            KeyUnavailable: the keeper of its key is away.
        """
        ...


class OutcomeGaps(Protocol):
    """What the log and the ledger lack."""

    async def missing(self, events: Sequence[UUID]) -> frozenset[UUID]:
        """Those of at most 1000 events that are not recorded."""
        ...

    async def open_reservations(
        self, older_than: timedelta, after: UUID | None, most: int
    ) -> Sequence[OpenReservation]:
        """Reservations held for that long, in the order of their IDs: ``most`` (1000 at most) of those after that."""
        ...

    async def last_look(self) -> datetime | None:
        """When the last look that has seen all began; None if there was none."""
        ...

    async def looked(self, began: datetime) -> None:
        """A look that began then has seen all. One that began later counts more."""
        ...
