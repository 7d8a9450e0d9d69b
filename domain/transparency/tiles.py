"""Tiles: storage of a growing Merkle tree (C2SP tlog-tiles).

The tile ``(level, idx)`` has up to 256 hashes, those of the perfect subtrees of ``256**level`` leaves each, from the
``idx * 256``-th on. A tile that is not full is *partial*; it only ever gets longer, so one that is read for an older
tree may be longer than that tree's. A full tile is one hash in the tile above it.
"""

from collections.abc import Callable, Iterable, Mapping

from domain.transparency.merkle import HASH_BYTES, Subtree, consistency_path, edge_of, inclusion_path, pair_up

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

TileId = tuple[int, int]
"""``(level, idx)``."""


class TileError(ValueError):
    """A tile is missing, or has the wrong length for the tree."""


def changed_tiles(old: int, new: int) -> list[TileId]:
    """Return the tiles added or extended between two tree sizes, lowest level first."""
    found = list[TileId]()
    level = 0
    while (before := old >> level * TILE_HEIGHT) < (after := new >> level * TILE_HEIGHT):
        found += [(level, idx) for idx in range(before >> TILE_HEIGHT, (after - 1 >> TILE_HEIGHT) + 1)]
        level += 1
    return found


def partial_tiles(size: int) -> list[TileId]:
    """Return the partial tiles of a tree of ``size`` leaves, needed for its growth."""
    found = list[TileId]()
    level = 0
    while count := size >> level * TILE_HEIGHT:
        if count % TILE_WIDTH:
            found.append((level, count >> TILE_HEIGHT))
        level += 1
    return found


def new_tiles(old_size: int, leaf_hashes: Iterable[bytes], partial: Mapping[TileId, bytes]) -> dict[TileId, bytes]:
    """Return the full content of each tile that changes with these new leaves.

    ``partial`` has the tiles of ``partial_tiles(old_size)``.

    Raises:
        TileError: if one of them is missing or has the wrong length.
    """
    tiles = dict[TileId, bytes]()
    level, before, row = 0, old_size, list(leaf_hashes)
    while row:
        first, width = before >> TILE_HEIGHT, before % TILE_WIDTH
        if width:
            row = _hashes(_partial(partial, (level, first), width)) + row
        for at in range(0, len(row), TILE_WIDTH):
            tiles[level, first + at // TILE_WIDTH] = b"".join(row[at : at + TILE_WIDTH])
        row = row[: len(row) & -TILE_WIDTH]
        for _ in range(TILE_HEIGHT):
            row = pair_up(row)
        level, before = level + 1, first
    return tiles


def subtree_from_tiles(level: int, idx: int, tiles: Mapping[TileId, bytes]) -> bytes:
    """Return the root of the tree's perfect subtree at ``(level, idx)``.

    Raises:
        TileError: if its tile is missing or too short.
    """
    tile, start, width = _place(level, idx)
    content = tiles.get(tile, b"")[start * HASH_BYTES : (start + width) * HASH_BYTES]
    if len(content) != width * HASH_BYTES:
        raise TileError(f"the tile {tile} is missing or too short")
    row = _hashes(content)
    while len(row) > 1:
        row = pair_up(row)
    return row[0]


def tiles_for_edge(size: int) -> list[TileId]:
    """Return the tiles for edge and root of the tree of the first ``size`` leaves."""
    return _touched(lambda subtree: edge_of(size, subtree))


def tiles_for_inclusion(size: int, index: int) -> list[TileId]:
    """Return the tiles for an inclusion proof. Raises ``ValueError`` if the tree has no such leaf."""
    return _touched(lambda subtree: inclusion_path(size, index, subtree))


def tiles_for_consistency(old: int, new: int) -> list[TileId]:
    """Return the tiles for a consistency proof. Raises ``ValueError`` if the new tree is the smaller one."""
    return _touched(lambda subtree: consistency_path(old, new, subtree))


def _touched(make: Callable[[Subtree], object]) -> list[TileId]:
    """Return the tiles that ``make`` reads: the proof's own code is run, so that the two can't diverge."""
    found = set[TileId]()

    def note(level: int, idx: int) -> bytes:
        found.add(_place(level, idx)[0])
        return bytes(HASH_BYTES)

    make(note)
    return sorted(found)


def _place(level: int, idx: int) -> tuple[TileId, int, int]:
    """Return a perfect subtree's tile, its first hash there, and their number."""
    tile_level, height = divmod(level, TILE_HEIGHT)
    first = idx << height
    return (tile_level, first >> TILE_HEIGHT), first % TILE_WIDTH, 1 << height


def _partial(partial: Mapping[TileId, bytes], tile: TileId, width: int) -> bytes:
    content = partial.get(tile, b"")
    if len(content) != width * HASH_BYTES:
        raise TileError(f"the tile {tile} must contain {width} hashes, and contains {len(content) / HASH_BYTES:g}")
    return content


def _hashes(content: bytes) -> list[bytes]:
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]
