"""An ``OutcomeGaps`` in memory."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from domain.identity import event_id
from domain.records.reconciliation import OpenReservation
from tests.doubles.ledger import MemoryLedger


class MemoryGaps:
    """``OutcomeGaps`` over a ``MemoryLedger``. Every reservation is old enough."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger
        self.began: datetime | None = None

    async def missing(self, events: Sequence[UUID]) -> frozenset[UUID]:
        self._ledger.require_store()
        return frozenset(events) - self._ledger.records.keys()

    async def open_reservations(
        self, older_than: timedelta, after: UUID | None, most: int
    ) -> Sequence[OpenReservation]:
        self._ledger.require_store()
        held = sorted(id_ for id_, held in self._ledger.reservations.items() if held.state == "held")
        return [self._of(id_) for id_ in held if after is None or id_ > after][:most]

    async def open_reservation(self, reservation_id: UUID) -> OpenReservation | None:
        self._ledger.require_store()
        held = self._ledger.reservations.get(reservation_id)
        return self._of(reservation_id) if held is not None and held.state == "held" else None

    def _of(self, reservation_id: UUID) -> OpenReservation:
        held, began = self._ledger.reservations[reservation_id], reservation_id.int >> 80
        made = [(record.workflow_id or "", record.run_id or "") for record in self._ledger.records.values()]
        for workflow_id, run_id in made:
            if event_id(began, held.tenant, workflow_id, run_id, "reservation") == reservation_id:
                return OpenReservation(reservation_id, held.tenant, held.caller or "", workflow_id, run_id)
        return OpenReservation(reservation_id, held.tenant, held.caller or "", None, None)

    async def last_sweep(self) -> datetime | None:
        self._ledger.require_store()
        return self.began

    async def record_sweep(self, began: datetime) -> None:
        self._ledger.require_store()
        self.began = max(began, self.began or began)
