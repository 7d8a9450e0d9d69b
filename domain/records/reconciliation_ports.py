"""Ports of the reconciliation sweep. As in ``domain.ports``, any method may raise ``Refusal``."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from domain.records.reconciliation import Beginning, ClosedRuns, EngineState, OpenReservation


class RunLists(Protocol):
    """Run lists of the workflow engine. Raises ``Refusal`` with ENGINE_UNAVAILABLE while it does not answer."""

    async def closed(self, since: datetime | None, page: bytes, most: int) -> ClosedRuns:
        """Return runs that ended since then, in any order. Those of the last seconds may be missing.

        ``page`` is ``next_page`` of the answer before, empty at first.
        """
        ...

    async def newest(self, workflow_id: str) -> str | None:
        """Return the ID of the workflow's newest run; None if it has none any more."""
        ...

    async def state(self, workflow_id: str, run_id: str) -> EngineState:
        """Return a run's current state."""
        ...

    async def end_stuck(self, workflow_id: str, run_id: str) -> bool:
        """Terminate an open run whose workflow task keeps failing; False for any other."""
        ...

    async def beginning(self, workflow_id: str, run_id: str) -> Beginning | None:
        """Return the start of a run; None if its history was deleted.

        Raises:
            KeyUnavailable: the key store is unavailable.
        """
        ...


class OutcomeGaps(Protocol):
    """Missing outcomes and open reservations in the log and the ledger."""

    async def missing(self, events: Sequence[UUID]) -> frozenset[UUID]:
        """Return those of at most 1000 events that are not recorded."""
        ...

    async def open_reservations(
        self, older_than: timedelta, after: UUID | None, most: int
    ) -> Sequence[OpenReservation]:
        """Return reservations open for that long, ordered by ID: ``most`` (1000 at most) of those after that."""
        ...

    async def open_reservation(self, reservation_id: UUID) -> OpenReservation | None:
        """Return a reservation with its run; None if it is not open."""
        ...

    async def last_sweep(self) -> datetime | None:
        """Return the start of the last complete sweep; None if there was none."""
        ...

    async def record_sweep(self, began: datetime) -> None:
        """Store the start of a complete sweep. A later start takes precedence."""
        ...
