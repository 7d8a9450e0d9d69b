"""The tree of the log in PostgreSQL: it grows by pending records, with leaves, tiles and edges in one transaction."""

from collections.abc import Collection, Mapping, Sequence

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from adapters.postgres.pool import PostgresPool
from domain.transparency.heads import LogHead, Published, TenantTile
from domain.transparency.merkle import HASH_BYTES, Edge, edge_of, leaf_hash
from domain.transparency.tiles import TileError, TileId, new_tiles, partial_tiles, subtree_from_tiles, tiles_for_edge

# One row per tenant, with its new leaves' entries in one value: decoding a row for each leaf would cost more than
# hashing it.
_SEQUENCE = (
    "SELECT tenant, min(seq) AS first, string_agg(digest, ''::bytea ORDER BY seq) AS entries"
    " FROM assay.sequence($1) GROUP BY tenant"
)
_EDGES_AND_TILES = (
    "SELECT tenant, NULL::smallint AS level, size AS idx, edge AS hashes FROM assay.log_head WHERE tenant = ANY($1)"
    " UNION ALL SELECT t.tenant, t.level, t.idx, t.hashes FROM assay.tile t"
    " JOIN unnest($2::text[], $3::smallint[], $4::bigint[]) AS w(tenant, level, idx) USING (tenant, level, idx)"
)
_TILES = (
    "SELECT t.tenant, t.level, t.idx, t.hashes FROM assay.tile t"
    " JOIN unnest($1::text[], $2::smallint[], $3::bigint[]) AS w(tenant, level, idx) USING (tenant, level, idx)"
)
_WRITE = (
    "WITH kept AS ("
    "INSERT INTO assay.tile (tenant, level, idx, hashes)"
    " SELECT * FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::bytea[])"
    " ON CONFLICT (tenant, level, idx) DO UPDATE SET hashes = excluded.hashes)"
    "UPDATE assay.log_head h SET edge = n.edge FROM unnest($5::text[], $6::bytea[]) AS n(tenant, edge)"
    " WHERE h.tenant = n.tenant"
)
_HEADS = (
    "SELECT h.tenant, h.size, h.edge, coalesce(c.size, 0) AS signed FROM assay.log_head h LEFT JOIN LATERAL ("
    "SELECT k.size FROM assay.checkpoint k WHERE k.tenant = h.tenant ORDER BY k.size DESC LIMIT 1) c ON true"
)
_UNSIGNED = f"{_HEADS} WHERE h.size > coalesce(c.size, 0)"
_PUBLISH = (
    "INSERT INTO assay.checkpoint (tenant, size, root, note)"
    " SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::text[]) ON CONFLICT (tenant, size) DO NOTHING"
)
_UNCOSIGNED = (
    "SELECT c.tenant, c.size, c.root, c.note FROM assay.log_head h CROSS JOIN LATERAL ("
    "SELECT * FROM assay.checkpoint k WHERE k.tenant = h.tenant ORDER BY k.size DESC LIMIT 1) c"
    " WHERE position($1 IN c.note) = 0 ORDER BY c.signed_at LIMIT $2"
)

_NO_EDGE = b""  # the edge of no tree with a leaf, so that it is never signed: see ``LogHead``


class PostgresLogStore:
    """``TreeStore``, over the login ``assay-sequencer``."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool."""
        self._pool = pool

    async def sequence(self, most: int) -> int:
        """See ``TreeStore``."""
        async with self._pool.transaction() as connection:
            rows = await connection.fetch(_SEQUENCE, most)
            if not rows:
                return 0
            grown = {row["tenant"]: (row["first"], _split(row["entries"])) for row in rows}
            edges, tiles = await _state(connection, {tenant: first for tenant, (first, _) in grown.items()})
            new_edges, changed = dict[str, bytes](), dict[TenantTile, bytes]()
            for tenant, (first, entries) in grown.items():
                partial = {tile: tiles.get((tenant, tile), b"") for tile in partial_tiles(first)}
                try:
                    new_edges[tenant], found = _grow(first, entries, *edges[tenant], partial)
                except ValueError:
                    new_edges[tenant] = _NO_EDGE
                    continue
                changed |= {(tenant, tile): data for tile, data in found.items()}
            await connection.execute(
                _WRITE, *_columns(changed), list(changed.values()), list(new_edges), list(new_edges.values())
            )
        return sum(len(entries) for _, entries in grown.values())

    async def unsigned(self) -> Sequence[LogHead]:
        """See ``TreeStore``."""
        return [_head(row) for row in await self._pool.fetch(_UNSIGNED)]

    async def heads(self) -> Sequence[LogHead]:
        """See ``TreeStore``."""
        return [_head(row) for row in await self._pool.fetch(_HEADS)]

    async def tiles(self, wanted: Sequence[TenantTile]) -> Mapping[str, Mapping[TileId, bytes]]:
        """See ``TreeStore``."""
        found = dict[str, dict[TileId, bytes]]()
        for row in await self._pool.fetch(_TILES, *_columns(wanted)) if wanted else ():
            found.setdefault(row["tenant"], {})[row["level"], row["idx"]] = row["hashes"]
        return found

    async def root_at(self, tenant: str, size: int) -> bytes:
        """Return the root of the tenant's tree at that size, from tiles.

        Raises:
            Refusal: STORE_UNAVAILABLE.
            TileError: the tree never was that large.
        """
        tiles = (await self.tiles([(tenant, tile) for tile in tiles_for_edge(size)])).get(tenant, {})
        return edge_of(size, lambda level, idx: subtree_from_tiles(level, idx, tiles)).root()

    async def publish(self, checkpoints: Sequence[Published]) -> None:
        """See ``TreeStore``."""
        rows = [(made.tenant, made.size, made.root, made.note) for made in checkpoints]
        await self._pool.fetch(_PUBLISH, *(list(column) for column in zip(*rows, strict=True)))

    async def uncosigned(self, cosigner: str, most: int) -> Sequence[Published]:
        """See ``TreeStore``."""
        rows = await self._pool.fetch(_UNCOSIGNED, f"\n\u2014 {cosigner} ", most)
        return [Published(row["tenant"], row["size"], row["root"], row["note"]) for row in rows]

    async def add_cosignature(self, tenant: str, size: int, line: str) -> bool:
        """See ``TreeStore``."""
        row = await self._pool.fetchrow("SELECT assay.add_cosignature($1, $2, $3) AS added", tenant, size, line)
        return bool(row and row["added"])

    async def newest_size(self, tenant: str) -> int:
        """See ``TreeStore``."""
        row = await self._pool.fetchrow("SELECT max(size) AS size FROM assay.checkpoint WHERE tenant = $1", tenant)
        return int(row["size"] or 0) if row else 0

    async def lag(self) -> tuple[int, float]:
        """See ``TreeStore``."""
        row = await self._pool.fetchrow("SELECT waiting, oldest FROM assay.log_lag()")
        return (0, 0.0) if row is None else (row["waiting"], row["oldest"])

    async def stuck(self) -> set[str]:
        """See ``TreeStore``."""
        return {row["tenant"] for row in await self._pool.fetch("SELECT tenant FROM assay.stuck_log")}

    async def note_refused(self, tenants: Collection[str]) -> None:
        """See ``TreeStore``."""
        await self._pool.fetch("SELECT assay.note_refused($1)", sorted(tenants))

    async def make_months(self, ahead: int) -> int:
        """See ``TreeStore``."""
        row = await self._pool.fetchrow("SELECT assay.make_months($1) AS made", ahead)
        return 0 if row is None else int(row["made"])


async def _state(
    connection: "PoolConnectionProxy[asyncpg.Record]", sizes: Mapping[str, int]
) -> tuple[dict[str, tuple[int, bytes]], dict[TenantTile, bytes]]:
    """Return edges with their heads' current sizes, and partial tiles of trees of these sizes."""
    wanted = [(tenant, tile) for tenant, size in sizes.items() for tile in partial_tiles(size)]
    edges, tiles = dict[str, tuple[int, bytes]](), dict[TenantTile, bytes]()
    for row in await connection.fetch(_EDGES_AND_TILES, list(sizes), *_columns(wanted)):
        if row["level"] is None:
            edges[row["tenant"]] = (row["idx"], row["hashes"])
        else:
            tiles[row["tenant"], (row["level"], row["idx"])] = row["hashes"]
    return edges, tiles


def _grow(
    first: int, entries: Sequence[bytes], size: int, edge: bytes, partial: Mapping[TileId, bytes]
) -> tuple[bytes, dict[TileId, bytes]]:
    """Return the edge and the changed tiles after these entries. Raises ``ValueError`` for damaged tiles."""
    hashes = [leaf_hash(entry) for entry in entries]
    if size != first + len(hashes):
        raise TileError("the head's size differs from the number of its leaves")
    return Edge.from_bytes(first, edge).append(hashes).to_bytes(), new_tiles(first, hashes, partial)


def _columns(tiles: Mapping[TenantTile, bytes] | Sequence[TenantTile]) -> tuple[list[str], list[int], list[int]]:
    return [tenant for tenant, _ in tiles], [level for _, (level, _) in tiles], [idx for _, (_, idx) in tiles]


def _split(entries: bytes) -> list[bytes]:
    return [entries[at : at + HASH_BYTES] for at in range(0, len(entries), HASH_BYTES)]


def _head(row: asyncpg.Record) -> LogHead:
    try:
        return LogHead(row["tenant"], Edge.from_bytes(row["size"], row["edge"]), row["signed"])
    except ValueError:
        return LogHead(row["tenant"], Edge(), row["signed"], damaged=True)
