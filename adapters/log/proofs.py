"""Proofs of the log from the tables in PostgreSQL: a statement for the item to prove, and one for the tiles.

A proof is verified before it is returned: a changed store can't prove anything, and is reported.
"""

from collections.abc import Iterable
from uuid import UUID

import structlog

from adapters.postgres.pool import PostgresPool
from domain.refusals import Kind, Refusal
from domain.transparency.checkpoints import Checkpoint, LogFormatError, Proof, parse_checkpoint, parse_note
from domain.transparency.merkle import (
    EMPTY_ROOT,
    Subtree,
    consistency_path,
    edge_of,
    inclusion_path,
    verify_consistency,
    verify_inclusion,
)
from domain.transparency.tiles import (
    TileError,
    TileId,
    subtree_from_tiles,
    tiles_for_consistency,
    tiles_for_edge,
    tiles_for_inclusion,
)

_log = structlog.get_logger()
_CHECKPOINT = "SELECT note FROM assay.checkpoint WHERE tenant = $1 ORDER BY size DESC LIMIT 1"
_SEALED = (
    "SELECT l.seq, l.digest, c.note FROM assay.leaf l, LATERAL ("
    "SELECT note FROM assay.checkpoint WHERE tenant = $1 ORDER BY size DESC LIMIT 1"
    ") c WHERE l.event_id = $2 AND l.tenant = $1"
)
_TILES = (
    "SELECT t.level, t.idx, t.hashes FROM unnest($2::smallint[], $3::bigint[]) AS wanted (level, idx)"
    " JOIN assay.tile t ON t.tenant = $1 AND t.level = wanted.level AND t.idx = wanted.idx"
)
_EMPTY = Checkpoint("none", 0, EMPTY_ROOT)


class PostgresLogProofs:
    """``LogProofs`` over the tables ``leaf``, ``tile``, ``log_head`` and ``checkpoint``."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take a pool that sees all tenants' leaves (``assay-api`` or ``assay-auditor``)."""
        self._pool = pool

    async def checkpoint(self, tenant: str) -> str | None:
        """See ``LogProofs``."""
        row = await self._pool.fetchrow(_CHECKPOINT, tenant)
        return None if row is None else str(row["note"])

    async def sealed(self, tenant: str, event_id: UUID) -> Proof | None:
        """See ``LogProofs``."""
        row = await self._pool.fetchrow(_SEALED, tenant, event_id)
        if row is None:
            return None
        seq, note = int(row["seq"]), str(row["note"])
        try:
            checkpoint = parse_checkpoint(parse_note(note).text)
            if seq >= checkpoint.size:
                return None
            subtree = await self._subtree(tenant, tiles_for_inclusion(checkpoint.size, seq))
            path = inclusion_path(checkpoint.size, seq, subtree)
        except (TileError, LogFormatError) as error:
            raise _damaged(tenant, str(error)) from None
        if not verify_inclusion(row["digest"], seq, checkpoint.size, path, checkpoint.root):
            raise _damaged(tenant, "a leaf is not included in the signed tree")
        return Proof(seq, tuple(path), note)

    async def consistency(self, tenant: str, old: int, new: int) -> list[bytes]:
        """See ``LogProofs``."""
        note = await self.checkpoint(tenant)
        try:
            newest = parse_checkpoint(parse_note(note).text) if note is not None else _EMPTY
            if not 0 <= old <= new:
                raise Refusal(Kind.INVALID_REQUEST, "must not be above 'to'", field="from")
            if new > newest.size:
                raise Refusal(Kind.INVALID_REQUEST, "no checkpoint has that many entries yet", field="to")
            edges = (tile for size in (old, new) for tile in tiles_for_edge(size))
            subtree = await self._subtree(tenant, (*tiles_for_consistency(old, new), *edges))
            path = consistency_path(old, new, subtree)
            old_root, new_root = (edge_of(size, subtree).root() for size in (old, new))
        except (TileError, LogFormatError) as error:
            raise _damaged(tenant, str(error)) from None
        signed = newest.root if new == newest.size else new_root
        if not verify_consistency(old, new, old_root, signed, path):
            raise _damaged(tenant, "the tree does not extend its earlier state")
        return path

    async def _subtree(self, tenant: str, wanted: Iterable[TileId]) -> Subtree:
        tiles = sorted(set(wanted))
        rows = await self._pool.fetch(_TILES, tenant, [level for level, _ in tiles], [idx for _, idx in tiles])
        found = {(int(row["level"]), int(row["idx"])): bytes(row["hashes"]) for row in rows}
        return lambda level, idx: subtree_from_tiles(level, idx, found)


def _damaged(tenant: str, why: str) -> Refusal:
    _log.error("log.proof_does_not_hold", security=True, tenant=tenant, why=why)
    return Refusal(Kind.INTERNAL, "the log's tree is damaged: its stored hashes were changed")
