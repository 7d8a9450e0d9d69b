"""Proofs from the log in PostgreSQL: always against the newest signed checkpoint, so that whoever has the log's key can
check them."""

from uuid import UUID

from adapters.pool_postgres import PostgresPool
from domain.checkpoints import Proof, parse_checkpoint, parse_note
from domain.merkle import consistency_path, inclusion_path
from domain.refusals import Kind, Refusal
from domain.tiles import TileError, TileId, subtree_from_tiles, tiles_for_consistency, tiles_for_inclusion

_NEWEST = "SELECT note, size FROM assay.checkpoint WHERE tenant = $1 ORDER BY size DESC LIMIT 1"
_PLACE = (
    "SELECT l.seq, c.size, c.note FROM assay.leaf l JOIN LATERAL ("
    "SELECT k.size, k.note FROM assay.checkpoint k WHERE k.tenant = l.tenant ORDER BY k.size DESC LIMIT 1"
    ") c ON c.size > l.seq WHERE l.tenant = $1 AND l.event_id = $2"
)
_TILES = (
    "SELECT t.level, t.idx, t.hashes FROM assay.tile t JOIN unnest($2::smallint[], $3::bigint[]) AS w (level, idx)"
    " ON (t.level, t.idx) = (w.level, w.idx) WHERE t.tenant = $1"
)


class PostgresLogProofs:
    """``LogProofs`` over a login that may read the trees, such as ``assay-api``."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool."""
        self._pool = pool

    async def checkpoint(self, tenant: str) -> str | None:
        """See ``LogProofs``."""
        row = await self._pool.fetchrow(_NEWEST, tenant)
        return None if row is None else str(row["note"])

    async def sealed(self, tenant: str, event_id: UUID) -> Proof | None:
        """See ``LogProofs``."""
        row = await self._pool.fetchrow(_PLACE, tenant, event_id)
        if row is None:
            return None
        tiles = await self._tiles(tenant, tiles_for_inclusion(row["size"], row["seq"]))
        try:
            path = inclusion_path(row["size"], row["seq"], lambda level, idx: subtree_from_tiles(level, idx, tiles))
        except TileError:
            raise _damaged() from None
        return Proof(row["seq"], tuple(path), row["note"])

    async def consistency(self, tenant: str, old: int, new: int) -> list[bytes]:
        """See ``LogProofs``."""
        row = await self._pool.fetchrow(_NEWEST, tenant)
        size = 0 if row is None else parse_checkpoint(parse_note(row["note"]).text).size
        if not 0 <= old <= new <= size:
            raise Refusal(Kind.INVALID_REQUEST, f"sizes go from 0 to {size}, the old one first", field="from")
        tiles = await self._tiles(tenant, tiles_for_consistency(old, new))
        try:
            return consistency_path(old, new, lambda level, idx: subtree_from_tiles(level, idx, tiles))
        except TileError:
            raise _damaged() from None

    async def _tiles(self, tenant: str, wanted: list[TileId]) -> dict[TileId, bytes]:
        levels, places = [level for level, _ in wanted], [idx for _, idx in wanted]
        rows = await self._pool.fetch(_TILES, tenant, levels, places) if wanted else []
        return {(row["level"], row["idx"]): row["hashes"] for row in rows}


def _damaged() -> Refusal:
    return Refusal(Kind.INTERNAL, "the log's tree is damaged: it makes no proof")
