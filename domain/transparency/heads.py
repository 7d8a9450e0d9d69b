"""Tree heads, and the rule that a log only grows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from domain.transparency.checkpoints import Checkpoint
from domain.transparency.merkle import Edge, consistency_path, verify_consistency
from domain.transparency.tiles import TileError, TileId, subtree_from_tiles, tiles_for_consistency

TenantTile = tuple[str, TileId]
"""A tenant and one of its tiles."""


class RolledBack(ValueError):
    """A head does not extend the last signed one: the log was truncated or changed."""


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A tree's size and root."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class LogHead:
    """A tenant's stored tree: its right edge, and the size of its newest checkpoint in the store.

    ``damaged`` means that the stored edge matches no tree of its size; then ``edge`` is the empty one.
    """

    tenant: str
    edge: Edge
    signed: int = 0
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """A signed checkpoint to be published."""

    tenant: str
    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class KeptCheckpoint:
    """Last checkpoint of a tenant's log: its note, its content, and its version in the KV engine."""

    note: str
    checkpoint: Checkpoint
    version: int


def tiles_for_growth(old: TreeHead, new: TreeHead) -> list[TileId]:
    """Return the tiles that ``growth`` needs, of the tree with the head ``new``."""
    return tiles_for_consistency(old.size, new.size) if 0 < old.size < new.size else []


def growth(old: TreeHead, new: TreeHead, tiles: Mapping[TileId, bytes]) -> list[bytes]:
    """Return the verified consistency proof (RFC 9162 section 2.1.4) from ``old`` to ``new``.

    The proof is decisive: changed leaves or tiles before ``old`` can't produce one that leads to its root.

    Raises:
        RolledBack: there is none: ``new`` is smaller, is another tree, or does not match the tiles.
    """
    if new.size < old.size:
        raise RolledBack("the log is smaller than its signed checkpoint")
    try:
        path = consistency_path(old.size, new.size, partial(_subtree, tiles))
    except TileError:
        raise RolledBack("the log's tiles are incomplete") from None
    if not verify_consistency(old.size, new.size, old.root, new.root, path):
        raise RolledBack("the log differs from the signed one")
    return path


def _subtree(tiles: Mapping[TileId, bytes], level: int, idx: int) -> bytes:
    return subtree_from_tiles(level, idx, tiles)
