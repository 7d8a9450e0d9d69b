"""Removal of rows of rates and budgets in PostgreSQL."""

from datetime import timedelta

import asyncpg

from adapters.postgres.pool import PostgresPool
from domain.refusals import Kind, Refusal


class PostgresBudgetRetention:
    """``BudgetRetention`` over the functions of ``0017_retention.sql`` and ``0022_first_runs.sql``."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool (role ``assay-writer``)."""
        self._pool = pool

    async def prune_reservations(self, older_than: timedelta) -> int:
        """See ``BudgetRetention``."""
        return await self._removed("SELECT assay.prune_reservations($1) AS removed", older_than.total_seconds())

    async def prune_accounts(self, older_than: timedelta) -> int:
        """See ``BudgetRetention``."""
        return await self._removed("SELECT assay.prune_accounts($1) AS removed", older_than.total_seconds())

    async def prune_first_runs(self, older_than: timedelta) -> int:
        """See ``BudgetRetention``."""
        return await self._removed("SELECT assay.prune_first_runs($1) AS removed", older_than.total_seconds())

    async def prune_buckets(self) -> int:
        """See ``BudgetRetention``."""
        return await self._removed("SELECT assay.prune_buckets() AS removed")

    async def _removed(self, sql: str, *arguments: object) -> int:
        try:
            row = await self._pool.fetchrow(sql, *arguments)
        except asyncpg.PostgresError as error:
            raise Refusal(Kind.INTERNAL, "budgets of runs that may be open are not pruned") from error
        return int(row["removed"]) if row else 0
