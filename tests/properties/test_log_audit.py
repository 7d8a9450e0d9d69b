"""The tree as verification lays it out, against the tree as the sequencer writes it, however either grows."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.transparency.merkle import Edge, leaf_hash
from domain.transparency.tiles import TileError, TileId, new_tiles, partial_tiles
from domain.transparency.verification import Fault, Rebuilt, check_tile, first_difference

MOST = 70_000
HASHES = [leaf_hash(number.to_bytes(4, "big")) for number in range(MOST)]
SIZES = st.lists(st.integers(0, 2_000) | st.sampled_from([255, 256, 257, 511, 512, 65_535, 65_536, 65_537]), max_size=6)


def written(size: int) -> dict[TileId, bytes]:
    return new_tiles(0, HASHES[:size], {})


def rebuilt(tree: Rebuilt, stops: Sequence[int]) -> dict[TileId, bytes]:
    """All tiles that come to be between the first stop and the last."""
    found = dict[TileId, bytes]()
    for before, after in pairwise(stops):
        found |= tree.append(HASHES[before:after])
    return found | dict(tree.unfinished())


@settings(deadline=None, max_examples=30)
@given(SIZES)
def test_its_tiles_and_its_root_are_those_of_the_tree(sizes: list[int]) -> None:
    tree, stops = Rebuilt(), [0, *sorted(sizes)]
    assert rebuilt(tree, stops) == written(stops[-1])
    assert tree.edge == Edge().append(HASHES[: stops[-1]])


@settings(deadline=None, max_examples=30)
@given(SIZES, st.integers(0, 3_000))
def test_it_goes_on_from_the_tiles_of_any_tree(sizes: list[int], begun: int) -> None:
    stops = [begun, *(begun + size for size in sorted(sizes))]
    whole = written(stops[-1])
    tree = Rebuilt(begun, whole)
    found = rebuilt(tree, stops)
    assert found == {tile: whole[tile] for tile in found}
    assert tree.edge == Edge().append(HASHES[: stops[-1]])


@pytest.mark.parametrize("size", [1, 255, 300, 65_536 + 300])
def test_it_does_not_begin_without_the_tiles_that_it_needs(size: int) -> None:
    whole = written(size)
    for tile in partial_tiles(size):
        for less in ({**whole, tile: whole[tile][:-1]}, {key: whole[key] for key in whole if key != tile}):
            with pytest.raises(TileError):
                Rebuilt(size, less)


@given(st.integers(1, 8), st.integers(0, 7), st.binary(min_size=32, max_size=32))
def test_the_first_hash_that_differs_is_named(width: int, place: int, other: bytes) -> None:
    computed = b"".join(HASHES[:width])
    kept = b"".join([*HASHES[: min(place, width)], other, *HASHES[place + 1 : width]])
    found = check_tile((0, 3), kept, computed, 3 * 256 + width)
    if kept == computed:
        assert found is None
    else:
        assert found is not None
        assert (found.fault, found.seq) == (Fault.TILE_CHANGED, 3 * 256 + min(place, width))


@given(st.integers(0, 8), st.integers(0, 300))
def test_a_tile_may_be_longer_by_what_the_log_grew_and_no_more(more: int, grown: int) -> None:
    kept, computed = b"".join(HASHES[: 10 + more]), b"".join(HASHES[:10])
    assert (check_tile((0, 0), kept, computed, 10 + grown) is None) == (more == min(grown, 246))


def test_above_the_leaves_a_place_is_no_leaf() -> None:
    found = check_tile((1, 0), b"", hashlib.sha256().digest(), 256)
    assert found is not None
    assert found.seq is None
    assert "tile 0 at level 1" in found.detail
    assert first_difference(b"", b"") is None
