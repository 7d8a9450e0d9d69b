"""Deleted responses in PostgreSQL."""

from adapters.postgres.errors import unavailable
from adapters.postgres.pool import PostgresPool


class PostgresDeletedResponses:
    """``DeletedResponses`` over the functions of ``0029_deleted_responses.sql``."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool (role ``assay-api``)."""
        self._pool = pool

    async def add(self, tenant: str, run_id: str) -> None:
        """See ``DeletedResponses``."""
        await self._pool.fetchrow("SELECT assay.delete_response($1, $2)", tenant, run_id)

    async def has(self, tenant: str, run_id: str) -> bool:
        """See ``DeletedResponses``."""
        row = await self._pool.fetchrow("SELECT assay.response_deleted($1, $2) AS deleted", tenant, run_id)
        if row is None:
            raise unavailable()
        return bool(row["deleted"])
