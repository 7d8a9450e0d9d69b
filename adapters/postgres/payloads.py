"""Large payloads in PostgreSQL, by content hash."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import asyncpg

from adapters.postgres.errors import unavailable
from adapters.postgres.pool import PostgresPool
from domain.refusals import Kind, Refusal


class PostgresPayloads:
    """``PayloadStore`` over the functions of ``migrations/0006_payloads.sql``."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool (role ``assay-writer``, or ``assay-api`` for ``put`` and ``get``)."""
        self._pool = pool

    async def put(self, tenant: str, workflow_id: str, content: bytes) -> bytes:
        """See ``PayloadStore``. PostgreSQL computes the hash itself."""
        row = await self._pool.fetchrow("SELECT assay.put_payload($1, $2, $3) AS digest", tenant, workflow_id, content)
        if row is None:
            raise unavailable()
        digest: bytes = row["digest"]
        return digest

    async def get(self, digest: bytes) -> bytes | None:
        """See ``PayloadStore``."""
        row = await self._pool.fetchrow("SELECT assay.get_payload($1) AS content", digest)
        content: bytes | None = row["content"] if row else None
        return content

    async def old_workflows(self, older_than: timedelta, after: str, most: int) -> Sequence[str]:
        """See ``PayloadStore``."""
        sql = "SELECT workflow_id FROM assay.old_payload_workflows($1, $2, $3) AS workflow_id"
        with _guarded():
            rows = await self._pool.fetch(sql, older_than.total_seconds(), after, most)
        return [row["workflow_id"] for row in rows]

    async def purge(self, older_than: timedelta, workflow_ids: Sequence[str]) -> int:
        """See ``PayloadStore``."""
        sql = "SELECT assay.purge_payloads($1, $2) AS removed"
        with _guarded():
            row = await self._pool.fetchrow(sql, older_than.total_seconds(), list(workflow_ids))
        return int(row["removed"]) if row else 0


@contextmanager
def _guarded() -> Iterator[None]:
    try:
        yield
    except asyncpg.PostgresError as error:
        raise Refusal(Kind.INTERNAL, "payloads of runs that may still be open can't be purged") from error
