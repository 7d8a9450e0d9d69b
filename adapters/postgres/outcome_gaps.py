"""Missing outcomes and open reservations, from PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from adapters.postgres.pool import PostgresPool
from domain.records.reconciliation import OpenReservation


class PostgresGaps:
    """``OutcomeGaps`` over functions of ``migrations/0013_abandoned.sql`` and ``0022_first_runs.sql``."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool (role ``assay-writer``)."""
        self._pool = pool

    async def missing(self, events: Sequence[UUID]) -> frozenset[UUID]:
        """See ``OutcomeGaps``."""
        rows = await self._pool.fetch("SELECT id FROM assay.missing_events($1) AS id", list(events))
        return frozenset(row["id"] for row in rows)

    async def open_reservations(
        self, older_than: timedelta, after: UUID | None, most: int
    ) -> Sequence[OpenReservation]:
        """See ``OutcomeGaps``."""
        sql = "SELECT * FROM assay.open_reservations($1, $2, $3)"
        rows = await self._pool.fetch(sql, older_than.total_seconds(), after, most)
        return [OpenReservation(*row.values()) for row in rows]

    async def open_reservation(self, reservation_id: UUID) -> OpenReservation | None:
        """See ``OutcomeGaps``."""
        row = await self._pool.fetchrow("SELECT * FROM assay.held_reservation($1)", reservation_id)
        return OpenReservation(*row.values()) if row else None

    async def last_sweep(self) -> datetime | None:
        """See ``OutcomeGaps``."""
        row = await self._pool.fetchrow("SELECT assay.last_look() AS began")
        began: datetime | None = row["began"] if row else None
        return began

    async def record_sweep(self, began: datetime) -> None:
        """See ``OutcomeGaps``."""
        await self._pool.fetchrow("SELECT assay.looked($1)", began)
