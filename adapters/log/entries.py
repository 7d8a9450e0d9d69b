"""The log as a list, from PostgreSQL: leaves in order, each with its record if stored."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from adapters.postgres.pool import PostgresPool
from adapters.postgres.records import require_readable
from domain.records.stored_json import parse_fields
from domain.refusals import Kind, Refusal
from domain.transparency.exports import entry_line
from domain.transparency.merkle import Edge, edge_of
from domain.transparency.tiles import TileError, subtree_from_tiles, tiles_for_edge

_SPAN = (
    "SELECT min(l.seq) AS first, max(l.seq) + 1 AS after FROM assay.record r"
    " JOIN assay.leaf l ON l.event_id = r.event_id AND l.tenant = r.tenant"
    " WHERE r.tenant = $1 AND l.seq < $2 AND r.recorded_at >= coalesce($3::timestamptz, '-infinity')"
    " AND r.recorded_at < coalesce($4::timestamptz, 'infinity')"
)
_ENTRIES = (
    "SELECT l.seq, l.event_id, l.digest, r.event_id IS NOT NULL AS whole, r.schema, r.tenant, r.kind, r.recorded_at,"
    " r.workflow_id, r.run_id, r.subject, r.fields, r.key_id, r.subject_key, r.ciphertext"
    " FROM assay.leaf l LEFT JOIN assay.record r ON r.event_id = l.event_id AND r.tenant = l.tenant"
    " WHERE l.tenant = $1 AND l.seq >= $2 AND l.seq < $3 ORDER BY l.seq"
)
_TILES = (
    "SELECT t.level, t.idx, t.hashes FROM unnest($2::smallint[], $3::bigint[]) AS wanted (level, idx)"
    " JOIN assay.tile t ON t.tenant = $1 AND t.level = wanted.level AND t.idx = wanted.idx"
)


class PostgresLogEntries:
    """``LogEntries`` over a login that reads records (``assay-reader`` or ``assay-auditor``)."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool."""
        self._pool = pool

    async def span(
        self, tenant: str, size: int, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[int, int]:
        """See ``LogEntries``."""
        if since is None and until is None:
            return 0, size
        await require_readable(self._pool, tenant, since, until)
        [row] = await self._pool.fetch(_SPAN, tenant, size, since, until, tenant=tenant)
        if row["first"] is None:
            return size, size
        return 0 if since is None else int(row["first"]), size if until is None else int(row["after"])

    async def read(self, tenant: str, first: int, after: int) -> Sequence[Mapping[str, Any]]:
        """See ``LogEntries``."""
        return [_line(row) for row in await self._pool.fetch(_ENTRIES, tenant, first, after, tenant=tenant)]

    async def edge(self, tenant: str, size: int) -> Edge:
        """See ``LogEntries``."""
        tiles = tiles_for_edge(size)
        rows = await self._pool.fetch(_TILES, tenant, [level for level, _ in tiles], [idx for _, idx in tiles])
        found = {(int(row["level"]), int(row["idx"])): bytes(row["hashes"]) for row in rows}
        try:
            return edge_of(size, lambda level, idx: subtree_from_tiles(level, idx, found))
        except TileError:
            raise Refusal(Kind.INTERNAL, "the log's tree is damaged: a tile is missing") from None


def _line(row: asyncpg.Record) -> dict[str, Any]:
    try:
        record = {**row, "fields": parse_fields(row["fields"])} if row["whole"] else None
    except (ValueError, TypeError, RecursionError):
        raise Refusal(Kind.INTERNAL, f"record {row['event_id']} was changed after it was stored") from None
    return entry_line(row["seq"], row["event_id"], row["digest"], record)
