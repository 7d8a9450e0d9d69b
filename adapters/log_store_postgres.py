"""The tree of the log in PostgreSQL: it grows by what is pending, leaves, tiles and edges in one transaction."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from adapters.pool_postgres import PostgresPool
from domain.merkle import Edge, edge_of, leaf_hash
from domain.tiles import TileId, new_tiles, partial_tiles, subtree_from_tiles, tiles_for_edge

_SEQUENCE = "SELECT tenant, seq, digest FROM assay.sequence($1)"
_HEADS = "SELECT tenant, size, edge FROM assay.log_head WHERE tenant = ANY($1::text[])"
_TILES = (
    "SELECT t.tenant, t.level, t.idx, t.hashes FROM assay.tile t"
    " JOIN unnest($1::text[], $2::smallint[], $3::bigint[]) AS w (tenant, level, idx)"
    " ON (t.tenant, t.level, t.idx) = (w.tenant, w.level, w.idx)"
)
_PUT_TILES = (
    "INSERT INTO assay.tile AS t (tenant, level, idx, hashes)"
    " SELECT * FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::bytea[])"
    " ON CONFLICT (tenant, level, idx) DO UPDATE SET hashes = excluded.hashes"
)
_PUT_EDGES = (
    "UPDATE assay.log_head h SET edge = w.edge FROM unnest($1::text[], $2::bytea[]) AS w (tenant, edge)"
    " WHERE h.tenant = w.tenant"
)
_UNSIGNED = (
    "SELECT h.tenant, h.size, h.edge FROM assay.log_head h LEFT JOIN LATERAL ("
    "SELECT c.size FROM assay.checkpoint c WHERE c.tenant = h.tenant ORDER BY c.size DESC LIMIT 1) c ON true"
    " WHERE h.size > coalesce(c.size, 0)"
)
_PUT_CHECKPOINT = (
    "INSERT INTO assay.checkpoint (tenant, size, root, note) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
)
_ALL = "SELECT tenant, size, edge FROM assay.log_head"
_LAG = "SELECT waiting, oldest FROM assay.log_lag()"


@dataclass(frozen=True, slots=True)
class LogHead:
    """A tenant's tree as it lies in the store: its right edge."""

    tenant: str
    edge: Edge


class PostgresLogStore:
    """The sequencer's store, over the login ``assay-sequencer``."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool."""
        self._pool = pool

    async def sequence(self, most: int) -> int:
        """Move at most so many records from pending into their tenants' trees; give how many were.

        None, too, while another sequencer is at it.

        Raises:
            Refusal: STORE_UNAVAILABLE. Nothing was moved then.
            TileError, ValueError: the store's tiles are not those of its tree. Nothing was moved.
        """
        async with self._pool.transaction() as connection:
            rows = await connection.fetch(_SEQUENCE, most)
            if not rows:
                return 0
            added: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
            for row in rows:
                added[row["tenant"]].append((row["seq"], row["digest"]))
            heads = await connection.fetch(_HEADS, list(added))
            sizes = {row["tenant"]: row["size"] - len(added[row["tenant"]]) for row in heads}
            wanted = [(tenant, *tile) for tenant, size in sizes.items() for tile in partial_tiles(size)]
            stored = _by_tenant(await connection.fetch(_TILES, *_columns(wanted))) if wanted else {}
            tiles: list[tuple[str, int, int, bytes]] = []
            edges: list[tuple[str, bytes]] = []
            for row in heads:
                tenant, before = row["tenant"], sizes[row["tenant"]]
                leaves = [leaf_hash(digest) for _, digest in sorted(added[tenant])]
                grown = new_tiles(before, leaves, stored.get(tenant, {}))
                tiles += [(tenant, level, idx, hashes) for (level, idx), hashes in grown.items()]
                edges.append((tenant, Edge.from_bytes(before, row["edge"]).append(leaves).to_bytes()))
            await connection.execute(_PUT_TILES, *_columns(tiles))
            await connection.execute(_PUT_EDGES, *_columns(edges))
            return len(rows)

    async def unsigned(self) -> Sequence[LogHead]:
        """The trees that have grown since their newest checkpoint.

        Raises:
            Refusal: STORE_UNAVAILABLE.
        """
        return [_head(row) for row in await self._pool.fetch(_UNSIGNED)]

    async def heads(self) -> Sequence[LogHead]:
        """Every tree.

        Raises:
            Refusal: STORE_UNAVAILABLE.
        """
        return [_head(row) for row in await self._pool.fetch(_ALL)]

    async def root_at(self, tenant: str, size: int) -> bytes:
        """The root that the tenant's tree had at that size, from tiles.

        Raises:
            Refusal: STORE_UNAVAILABLE.
            TileError: the tree never was that large.
        """
        wanted = [(tenant, *tile) for tile in tiles_for_edge(size)]
        tiles = _by_tenant(await self._pool.fetch(_TILES, *_columns(wanted))) if wanted else {}
        return edge_of(size, lambda level, idx: subtree_from_tiles(level, idx, tiles.get(tenant, {}))).root()

    async def publish(self, tenant: str, size: int, root: bytes, note: str) -> None:
        """Keep a signed checkpoint. A repeat is a no-op.

        Raises:
            Refusal: STORE_UNAVAILABLE.
        """
        await self._pool.fetch(_PUT_CHECKPOINT, tenant, size, root, note)

    async def lag(self) -> tuple[int, float]:
        """How many records wait for the tree, and for how many seconds the oldest does.

        Raises:
            Refusal: STORE_UNAVAILABLE.
        """
        row = await self._pool.fetchrow(_LAG)
        return (0, 0.0) if row is None else (row["waiting"], row["oldest"])

    async def make_months(self, ahead: int) -> int:
        """Make the partitions of the months to come; give how many were missing.

        Raises:
            Refusal: STORE_UNAVAILABLE.
        """
        row = await self._pool.fetchrow("SELECT assay.make_months($1) AS made", ahead)
        return 0 if row is None else int(row["made"])


def _head(row: asyncpg.Record) -> LogHead:
    return LogHead(row["tenant"], Edge.from_bytes(row["size"], row["edge"]))


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _by_tenant(rows: Sequence[asyncpg.Record]) -> dict[str, dict[TileId, bytes]]:
    found: dict[str, dict[TileId, bytes]] = defaultdict(dict)
    for row in rows:
        found[row["tenant"]][row["level"], row["idx"]] = row["hashes"]
    return found
