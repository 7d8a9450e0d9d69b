"""Heads of the log, and whether one may follow another: a log only ever grows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from domain.transparency.checkpoints import Checkpoint
from domain.transparency.merkle import Edge, consistency_path, verify_consistency
from domain.transparency.tiles import TileError, TileId, subtree_from_tiles, tiles_for_consistency

TenantTile = tuple[str, TileId]
"""A tenant and one of its tiles."""


class RolledBack(ValueError):
    """A head does not extend the one that was signed last: the log was cut, or changed behind what is signed."""


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A tree's size and root."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class LogHead:
    """A tenant's tree as it lies in the store: its right edge, and the size of its newest checkpoint there.

    ``damaged`` says that the store's edge is that of no tree of its size; then ``edge`` is the empty one.
    """

    tenant: str
    edge: Edge
    signed: int = 0
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """A signed checkpoint for everybody to see."""

    tenant: str
    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class KeptCheckpoint:
    """The last checkpoint of a tenant's log: its note, what it says, and its version in the KV engine."""

    note: str
    checkpoint: Checkpoint
    version: int


def tiles_for_growth(old: TreeHead, new: TreeHead) -> list[TileId]:
    """The tiles that ``growth`` needs, of the tree that ``new`` is a head of."""
    return tiles_for_consistency(old.size, new.size) if 0 < old.size < new.size else []


def growth(old: TreeHead, new: TreeHead, tiles: Mapping[TileId, bytes]) -> list[bytes]:
    """The consistency proof (RFC 9162 section 2.1.4) from ``old`` to ``new``, verified.

    The proof is what counts: whoever changes leaves or tiles behind ``old`` can't make one that leads to its root.

    Raises:
        RolledBack: there is none: ``new`` is smaller, is another tree, or the tiles don't make it.
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
