"""The stored log as an auditor reads it, in pages of bounded size.

Each page is one statement, and so one snapshot. The log only grows: later reads can be newer, never older.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from uuid import UUID

import asyncpg

from adapters.postgres.errors import unavailable
from adapters.postgres.pool import PostgresPool
from domain.transparency.stored_log import EventPosition, Signed, StoredHead
from domain.transparency.tiles import TileId
from domain.transparency.verification import Entry

PAGE = 1024  # leaves
_PAGE_BYTES = 8 << 20  # of ciphertext, if there is more than one leaf
_RECORDS = 4096

# Each tenant once, by an index scan that skips from one to the next: there may be millions of rows of each.
_TENANTS = """
WITH RECURSIVE leaf_tenant AS (
  (SELECT tenant FROM assay.leaf ORDER BY tenant LIMIT 1)
  UNION ALL
  SELECT (SELECT l.tenant FROM assay.leaf l WHERE l.tenant > t.tenant ORDER BY l.tenant LIMIT 1)
  FROM leaf_tenant t WHERE t.tenant IS NOT NULL
), signed_tenant AS (
  (SELECT tenant FROM assay.checkpoint ORDER BY tenant LIMIT 1)
  UNION ALL
  SELECT (SELECT c.tenant FROM assay.checkpoint c WHERE c.tenant > t.tenant ORDER BY c.tenant LIMIT 1)
  FROM signed_tenant t WHERE t.tenant IS NOT NULL
)
SELECT tenant FROM leaf_tenant WHERE tenant IS NOT NULL
UNION SELECT tenant FROM signed_tenant WHERE tenant IS NOT NULL
UNION SELECT tenant FROM assay.log_head
UNION SELECT tenant FROM assay.pending
"""
_HEAD = """
SELECT
  (SELECT max(l.seq) + 1 FROM assay.leaf l WHERE l.tenant = $1) AS leaves,
  (SELECT min(l.seq) FROM assay.leaf l WHERE l.tenant = $1) AS first,
  (SELECT h.size FROM assay.log_head h WHERE h.tenant = $1) AS size,
  (SELECT h.edge FROM assay.log_head h WHERE h.tenant = $1) AS edge,
  (SELECT max(c.size) FROM assay.checkpoint c WHERE c.tenant = $1) AS signed
"""
_RECORD = (
    *("event_id", "schema", "tenant", "kind", "recorded_at", "workflow_id", "run_id", "subject", "fields", "key_id"),
    *("subject_key", "ciphertext", "digest", "content_mac", "stored_at"),
)
_LEAVES = f"""
SELECT * FROM (
  SELECT l.seq, l.event_id AS leaf_event, l.digest AS leaf_digest, {", ".join(f"r.{name}" for name in _RECORD)},
    sum(octet_length(r.ciphertext)) OVER (ORDER BY l.seq) - octet_length(r.ciphertext) AS before
  FROM assay.leaf l LEFT JOIN assay.record r ON r.event_id = l.event_id
  WHERE l.tenant = $1 AND l.seq >= $2 AND l.seq < $3
  ORDER BY l.seq LIMIT {PAGE}
) page WHERE coalesce(before, 0) <= {_PAGE_BYTES} ORDER BY seq
"""  # noqa: S608 - constants
# A month leaves the log 40 days after its end at the earliest (migration 0014). An event's ID begins with its time in
# milliseconds.
_HERE = f"""
SELECT {", ".join(_RECORD)},
  (date_trunc('month', to_timestamp(('x' || left(replace(event_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
    AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC' > clock_timestamp() - interval '40 days' AS lost
FROM assay.records_here($1)
"""  # noqa: S608 - constants
_COUNT = "SELECT count(*) FROM assay.leaf l WHERE l.tenant = $1 AND l.seq >= $2 AND l.seq < $3"
_TILES = """
SELECT w.level, w.idx, t.hashes, (SELECT h.size FROM assay.log_head h WHERE h.tenant = $1) AS size
FROM unnest($2::smallint[], $3::bigint[]) AS w (level, idx)
LEFT JOIN assay.tile t ON t.tenant = $1 AND t.level = w.level AND t.idx = w.idx
"""
_CHECKPOINTS = """
SELECT size, root, note FROM assay.checkpoint WHERE tenant = $1 AND size > $2 AND size <= $3
ORDER BY size LIMIT 256
"""
# One snapshot of three tables: append() writes record and pending entry in one transaction, sequence() moves the entry.
_UNPLACED = f"""
WITH page AS MATERIALIZED (
  SELECT r.event_id, r.tenant FROM assay.record r WHERE r.event_id > $1 ORDER BY r.event_id LIMIT {_RECORDS}
)
SELECT p.event_id, p.tenant, false AS last FROM page p
WHERE ($2::text IS NULL OR p.tenant = $2)
  AND NOT EXISTS (SELECT FROM assay.leaf l WHERE l.event_id = p.event_id)
  AND NOT EXISTS (SELECT FROM assay.pending q WHERE q.event_id = p.event_id)
UNION ALL (SELECT p.event_id, p.tenant, true FROM page p ORDER BY p.event_id DESC LIMIT 1)
"""  # noqa: S608 - constants
_NEWEST = "SELECT note FROM assay.checkpoint WHERE tenant = $1 ORDER BY size DESC LIMIT 1"
_PLACE = """
SELECT l.tenant, l.seq, l.digest, p.tenant AS pending_tenant, p.digest AS pending_digest,
  extract(epoch FROM clock_timestamp() - p.added_at)::double precision AS age
FROM (SELECT $1::uuid AS event_id) e
LEFT JOIN assay.leaf l ON l.event_id = e.event_id
LEFT JOIN assay.pending p ON p.event_id = e.event_id
LIMIT 1
"""
_MANIFESTS = "SELECT manifest FROM assay.archive WHERE tenant = $1 ORDER BY month"
_PENDING = """
SELECT p.event_id, extract(epoch FROM clock_timestamp() - p.added_at)::double precision AS age,
  CASE
    WHEN l.event_id IS NOT NULL THEN 'it is already in the tree'
    WHEN r.event_id IS NULL THEN 'its record is missing'
    WHEN r.tenant <> p.tenant THEN 'its record belongs to another tenant'
    WHEN r.digest <> p.digest THEN 'its record has another digest'
  END AS wrong
FROM assay.pending p
LEFT JOIN assay.record r ON r.event_id = p.event_id
LEFT JOIN assay.leaf l ON l.event_id = p.event_id
WHERE p.tenant = $1
"""
_WAITING = f"SELECT count(*) AS waiting, coalesce(max(age), 0) AS oldest FROM ({_PENDING}) pending"  # noqa: S608
_WRONG = f"SELECT event_id, wrong FROM ({_PENDING}) pending WHERE wrong IS NOT NULL LIMIT 1"  # noqa: S608


class PostgresAuditedLog:
    """``StoredLog`` over the login ``assay-auditor``."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool."""
        self._pool = pool

    async def tenants(self) -> set[str]:
        """See ``StoredLog``."""
        return {row["tenant"] for row in await self._pool.fetch(_TENANTS)}

    async def head(self, tenant: str) -> StoredHead:
        """See ``StoredLog``."""
        row = await self._row(_HEAD, tenant)
        return StoredHead(
            row["first"] or 0, row["leaves"] or 0, row["size"] or 0, row["edge"] or b"", row["signed"] or 0
        )

    async def leaves(self, tenant: str, start: int, end: int) -> AsyncIterator[list[Entry]]:
        """See ``StoredLog``."""
        while start < end and (rows := await self._pool.fetch(_LEAVES, tenant, start, end)):
            yield [_entry(row) for row in rows]
            start = rows[-1]["seq"] + 1

    async def beside(self, missing: Sequence[Entry]) -> list[Entry]:
        """See ``StoredLog``."""
        rows = await self._pool.fetch(_HERE, [entry.event_id for entry in missing])
        found = {row["event_id"]: row for row in rows}
        return [_found(entry, found.get(entry.event_id)) for entry in missing]

    async def count(self, tenant: str, start: int, end: int) -> int:
        """See ``StoredLog``."""
        return int((await self._row(_COUNT, tenant, start, end))[0])

    async def tiles(self, tenant: str, wanted: Sequence[TileId]) -> tuple[dict[TileId, bytes], int]:
        """See ``StoredLog``."""
        levels, indices = [level for level, _ in wanted], [idx for _, idx in wanted]
        rows = await self._pool.fetch(_TILES, tenant, levels, indices)
        found = {(row["level"], row["idx"]): row["hashes"] for row in rows if row["hashes"] is not None}
        return found, (rows[0]["size"] or 0) if rows else 0

    async def event(self, tenant: str, seq: int) -> UUID | None:
        """See ``StoredLog``."""
        row = await self._pool.fetchrow("SELECT event_id FROM assay.leaf WHERE tenant = $1 AND seq = $2", tenant, seq)
        return row["event_id"] if row else None

    async def checkpoints(self, tenant: str, after: int, upto: int) -> AsyncIterator[Signed]:
        """See ``StoredLog``."""
        while rows := await self._pool.fetch(_CHECKPOINTS, tenant, after, upto):
            for row in rows:
                yield Signed(row["size"], row["root"], row["note"])
            after = rows[-1]["size"]

    async def unplaced(self, tenant: str | None) -> AsyncIterator[tuple[str, UUID]]:
        """See ``StoredLog``."""
        after = UUID(int=0)
        while rows := await self._pool.fetch(_UNPLACED, after, tenant):
            for row in rows:
                if not row["last"]:
                    yield row["tenant"], row["event_id"]
            after = next(row["event_id"] for row in rows if row["last"])

    async def place(self, event: UUID) -> EventPosition | None:
        """See ``StoredLog``."""
        row = await self._row(_PLACE, event)
        if row["seq"] is not None:
            return EventPosition(row["tenant"], row["digest"], row["seq"], 0.0)
        if row["pending_digest"] is not None:
            return EventPosition(row["pending_tenant"], row["pending_digest"], None, row["age"])
        return None

    async def newest_checkpoint(self, tenant: str) -> str | None:
        """See ``StoredLog``."""
        row = await self._pool.fetchrow(_NEWEST, tenant)
        return row["note"] if row else None

    async def manifests(self, tenant: str) -> list[str]:
        """See ``StoredLog``."""
        return [row["manifest"] for row in await self._pool.fetch(_MANIFESTS, tenant)]

    async def announcements(self) -> list[str]:
        """See ``StoredLog``."""
        return [row["statement"] for row in await self._pool.fetch("SELECT statement FROM assay.archiving")]

    async def waiting(self, tenant: str) -> tuple[int, float]:
        """See ``StoredLog``."""
        row = await self._row(_WAITING, tenant)
        return row["waiting"], row["oldest"]

    async def wrong_pending(self, tenant: str) -> tuple[UUID, str] | None:
        """See ``StoredLog``."""
        row = await self._pool.fetchrow(_WRONG, tenant)
        return (row["event_id"], row["wrong"]) if row else None

    async def _row(self, sql: str, *arguments: object) -> asyncpg.Record:
        row = await self._pool.fetchrow(sql, *arguments)
        if row is None:
            raise unavailable()
        return row


def _found(entry: Entry, row: asyncpg.Record | None) -> Entry:
    return entry if row is None else replace(entry, record={name: row[name] for name in _RECORD}, lost=row["lost"])


def _entry(row: asyncpg.Record) -> Entry:
    record = {name: row[name] for name in _RECORD} if row["event_id"] is not None else None
    return Entry(row["seq"], row["leaf_event"], row["leaf_digest"], record)
