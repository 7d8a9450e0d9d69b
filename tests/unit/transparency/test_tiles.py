"""Tiles are those of the specification: which there are, how long they are, and what is in them."""

import pytest

from domain.transparency.merkle import Edge, edge_of, inclusion_path, leaf_hash, verify_inclusion
from domain.transparency.tiles import (
    TileError,
    TileId,
    changed_tiles,
    new_tiles,
    partial_tiles,
    subtree_from_tiles,
    tiles_for_consistency,
    tiles_for_edge,
    tiles_for_inclusion,
)

SIZE = 70_000
LEAVES = [leaf_hash(number.to_bytes(32, "big")) for number in range(SIZE)]


@pytest.fixture(scope="module")
def tiles() -> dict[TileId, bytes]:
    return new_tiles(0, LEAVES, {})


def test_the_example_of_the_specification(tiles: dict[TileId, bytes]):
    """A tree of 70,000 leaves has 273 full tiles and four others, of these widths."""
    widths = {tile: len(content) // 32 for tile, content in tiles.items()}
    assert [level for level, _ in tiles] == [0] * 274 + [1] * 2 + [2]
    assert {tile: width for tile, width in widths.items() if width != 256} == {(0, 273): 112, (1, 1): 17, (2, 0): 1}
    assert partial_tiles(SIZE) == [(0, 273), (1, 1), (2, 0)]
    assert changed_tiles(0, SIZE) == sorted(tiles)


def test_a_tree_of_256_has_a_full_tile_and_one_above():
    tiles = new_tiles(0, LEAVES[:256], {})
    assert {tile: len(content) for tile, content in tiles.items()} == {(0, 0): 8192, (1, 0): 32}
    assert tiles[1, 0] == Edge().append(LEAVES[:256]).root()
    assert partial_tiles(256) == [(1, 0)]


def test_what_is_in_a_tile(tiles: dict[TileId, bytes]):
    assert tiles[0, 273] == b"".join(LEAVES[273 * 256 :])
    assert tiles[1, 1][:32] == Edge().append(LEAVES[256 * 256 : 257 * 256]).root()
    assert tiles[2, 0] == Edge().append(LEAVES[: 256 * 256]).root()


def test_proofs_are_made_from_the_tiles_named_and_no_others(tiles: dict[TileId, bytes]):
    root = Edge().append(LEAVES).root()
    for index in (0, 255, 256, 65_535, 65_536, SIZE - 1):
        some = {tile: tiles[tile] for tile in tiles_for_inclusion(SIZE, index)}
        assert len(some) <= 5
        path = inclusion_path(SIZE, index, lambda level, idx, some=some: subtree_from_tiles(level, idx, some))
        assert verify_inclusion(index.to_bytes(32, "big"), index, SIZE, path, root)
    assert tiles_for_edge(SIZE) == partial_tiles(SIZE)
    assert tiles_for_consistency(SIZE, SIZE) == tiles_for_edge(0) == []
    assert tiles_for_consistency(69_999, SIZE) == partial_tiles(SIZE)


def test_older_trees_are_read_from_longer_tiles(tiles: dict[TileId, bytes]):
    for size in (1, 255, 300, 65_536, 65_900):
        some = {tile: tiles[tile] for tile in tiles_for_edge(size)}
        edge = edge_of(size, lambda level, idx, some=some: subtree_from_tiles(level, idx, some))
        assert edge == Edge().append(LEAVES[:size])


@pytest.mark.parametrize("partial", [{}, {(0, 0): b""}, {(0, 0): bytes(64)}, {(0, 0): bytes(31)}])
def test_a_tree_doesn_t_grow_on_a_tile_of_another_length(partial: dict[TileId, bytes]):
    with pytest.raises(TileError, match=r"\(0, 0\)"):
        new_tiles(1, LEAVES[1:2], partial)


def test_a_subtree_beyond_its_tile():
    tiles = {(0, 0): b"".join(LEAVES[:3])}
    assert subtree_from_tiles(0, 2, tiles) == LEAVES[2]
    for level, idx in ((1, 1), (2, 0), (0, 3), (0, 256), (8, 0)):
        with pytest.raises(TileError, match="missing or too short"):
            subtree_from_tiles(level, idx, tiles)


def test_nothing_comes_of_nothing():
    assert new_tiles(5, [], {}) == {}
    assert changed_tiles(5, 5) == partial_tiles(0) == []
