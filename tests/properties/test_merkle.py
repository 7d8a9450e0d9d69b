"""Invariants of every log, however it grew, and of every text that claims to be one."""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.transparency.checkpoints import (
    Checkpoint,
    LogFormatError,
    Proof,
    Signature,
    parse_checkpoint,
    parse_note,
    parse_proof,
    parse_vkey,
    signed_note,
    vkey,
)
from domain.transparency.merkle import (
    EMPTY_ROOT,
    Edge,
    Subtree,
    consistency_path,
    edge_of,
    inclusion_path,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from domain.transparency.tiles import (
    TileId,
    changed_tiles,
    new_tiles,
    partial_tiles,
    subtree_from_tiles,
    tiles_for_consistency,
    tiles_for_edge,
    tiles_for_inclusion,
)


def entry(number: int) -> bytes:
    return number.to_bytes(32, "big")


def naive_root(leaves: list[bytes]) -> bytes:
    """The tree hash as RFC 9162, section 2.1.1, defines it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


class Log:
    """A log that grows as the real one does: by its edge and its partial tiles alone."""

    def __init__(self) -> None:
        self.edge = Edge()
        self.tiles: dict[TileId, bytes] = {}
        self.leaves: list[bytes] = []
        self._subtrees: dict[tuple[int | TileId, ...], Subtree] = {}

    def append(self, count: int) -> None:
        size = self.edge.size
        leaves = [leaf_hash(entry(number)) for number in range(size, size + count)]
        partial = {tile: self.tiles[tile] for tile in partial_tiles(size)}
        grown = new_tiles(size, leaves, partial)
        assert sorted(grown) == changed_tiles(size, size + count)
        for tile, content in grown.items():
            assert content.startswith(self.tiles.get(tile, b""))
        self.tiles |= grown
        self.leaves += leaves
        self.edge = self.edge.append(leaves)

    def only(self, tiles: list[TileId]) -> Subtree:
        """Reads these tiles and no others. Proofs of many leaves need the same ones, and the same nodes of them."""
        key = (self.edge.size, *tiles)
        if key not in self._subtrees:
            self._subtrees[key] = self._read(tiles)
        return self._subtrees[key]

    def _read(self, tiles: list[TileId]) -> Subtree:
        some = {tile: self.tiles[tile] for tile in tiles}
        return cache(lambda level, idx: subtree_from_tiles(level, idx, some))


BATCHES = st.lists(
    st.one_of(st.integers(0, 5), st.integers(0, 300), st.sampled_from([1, 255, 256, 257, 512])), max_size=8
)


def grown(batches: list[int]) -> Iterator[Log]:
    """The log before the first batch and after each."""
    log = Log()
    yield log
    for count in batches:
        log.append(count)
        yield log


@settings(max_examples=150, deadline=None)
@given(BATCHES)
def test_every_prefix_is_consistent_with_what_comes_after_it(batches: list[int]):
    heads = [(log.edge.size, log.edge.root()) for log in grown(batches)]
    log = list(grown(batches))[-1]
    pairs = [*pairwise(heads), *((heads[at], heads[-1]) for at in range(len(heads)))]
    for (old, old_root), (new, new_root) in pairs:
        path = consistency_path(old, new, log.only(tiles_for_consistency(old, new)))
        assert verify_consistency(old, new, old_root, new_root, path)
        if old_root != new_root:
            assert old == 0 or not verify_consistency(old, new, new_root, new_root, path)
            assert old == 0 or not verify_consistency(old, new, old_root, old_root, path)


@settings(max_examples=150, deadline=None)
@given(BATCHES)
def test_roots_by_edge_by_tiles_and_by_definition_are_one(batches: list[int]):
    for log in grown(batches):
        size = log.edge.size
        assert log.edge.root() == naive_root(log.leaves)
        assert edge_of(size, log.only(tiles_for_edge(size))) == log.edge
        assert Edge.from_bytes(size, log.edge.to_bytes()) == log.edge
    assert new_tiles(0, log.leaves, {}) == log.tiles
    for size in range(0, log.edge.size, 37):
        assert edge_of(size, log.only(tiles_for_edge(size))).root() == naive_root(log.leaves[:size])


@settings(max_examples=25, deadline=None)
@given(BATCHES, st.data())
def test_every_leaf_is_included_and_nothing_else_is(batches: list[int], data: st.DataObject):
    log = list(grown(batches))[-1]
    size, root = log.edge.size, log.edge.root()
    for index in range(size):
        path = inclusion_path(size, index, log.only(tiles_for_inclusion(size, index)))
        assert len(path) <= (size - 1).bit_length()
        assert verify_inclusion(entry(index), index, size, path, root)
        other = data.draw(st.integers(0, size)) if index % 97 == 0 else index + 1
        if other != index:
            assert not verify_inclusion(entry(other), index, size, path, root)
            assert not verify_inclusion(entry(index), other, size, path, root)
        assert not verify_inclusion(log.leaves[index], index, size, path, root)
        assert not verify_inclusion(entry(index), index, size, path, EMPTY_ROOT)


def corrupt(path: list[bytes], data: st.DataObject) -> list[bytes]:
    """Something else in place of a proof's path, most of it the same."""
    ways = ["add", *(["drop", "flip", "cut"] if path else []), *(["swap"] if len(path) > 1 else [])]
    way, path = data.draw(st.sampled_from(ways)), list(path)
    at = data.draw(st.integers(0, max(0, len(path) - 1)))
    if way == "add":
        path.insert(at, data.draw(st.sampled_from([bytes(32), *path])))
    elif way == "drop":
        del path[at]
    elif way == "swap":
        path[at], path[at - 1] = path[at - 1], path[at]
    elif way == "cut":
        path[at] = path[at][: data.draw(st.integers(0, 31))]
    else:
        byte = data.draw(st.integers(0, 31))
        flipped = path[at][byte] ^ data.draw(st.integers(1, 255))
        path[at] = path[at][:byte] + bytes([flipped]) + path[at][byte + 1 :]
    return path


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 700), st.data())
def test_corrupted_proofs_never_hold(size: int, data: st.DataObject):
    log = list(grown([size]))[-1]
    subtree = log.only(list(log.tiles))
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(size, index, subtree)
    assert not verify_inclusion(entry(index), index, size, corrupt(path, data), log.edge.root())
    old = data.draw(st.integers(0, size))
    path, old_root = consistency_path(old, size, subtree), naive_root(log.leaves[:old])
    assert not verify_consistency(old, size, old_root, log.edge.root(), corrupt(path, data))


SIGNATURES = st.lists(
    st.builds(
        Signature,
        st.text(min_size=1)
        .filter(lambda name: "+" not in name and not any(map(str.isspace, name)))
        .filter(str.isprintable),
        st.binary(min_size=4, max_size=4),
        st.binary(min_size=1, max_size=80),
    ),
    min_size=1,
    max_size=5,
)
LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)
HASH = st.binary(min_size=32, max_size=32)
SIZE = st.integers(0, 2**63 - 1)
CHECKPOINTS = st.builds(Checkpoint, LINE, SIZE, HASH, st.lists(LINE, max_size=2).map(tuple))
NOTES = st.builds(signed_note, CHECKPOINTS.map(Checkpoint.text), SIGNATURES)
PROOFS = st.builds(Proof, SIZE, st.lists(HASH, max_size=63).map(tuple), NOTES, st.none() | st.binary())
VKEYS = st.builds(vkey, SIGNATURES.map(lambda made: made[0].name), HASH)


@given(CHECKPOINTS, PROOFS, SIGNATURES)
def test_what_is_written_is_read_as_it_was(checkpoint: Checkpoint, proof: Proof, signatures: list[Signature]):
    assert parse_checkpoint(checkpoint.text()) == checkpoint
    assert parse_proof(proof.text()) == proof
    note = parse_note(signed_note(checkpoint.text(), signatures))
    assert (note.text, note.signatures) == (checkpoint.text(), tuple(signatures))


@st.composite
def edited(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A text with a few slices of it replaced by others, or by a piece of itself."""
    text = draw(texts)
    for _ in range(draw(st.integers(0, 3))):
        at, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        pieces = st.one_of(st.text(max_size=3), st.sampled_from(["\n", "\n\n", " ", "+", "=", "\u2014 ", text[at:end]]))
        text = text[:at] + draw(pieces) + text[draw(st.sampled_from([at, at + 1, end])) :]
    return text


ANY_TEXT = st.text(st.characters())


@pytest.mark.parametrize(
    ("parse", "again", "valid"),
    [
        (parse_note, lambda note: signed_note(note.text, note.signatures), NOTES),
        (parse_checkpoint, Checkpoint.text, CHECKPOINTS.map(Checkpoint.text)),
        (parse_proof, Proof.text, PROOFS.map(Proof.text)),
        (parse_vkey, lambda key: vkey(key.name, key.public_key), VKEYS),
    ],
    ids=["note", "checkpoint", "proof", "vkey"],
)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_text_is_refused_or_gives_itself_again(
    parse: Callable[[str], Any], again: Callable[[Any], str], valid: st.SearchStrategy[str], data: st.DataObject
):
    text = data.draw(edited(valid) | ANY_TEXT)
    try:
        parsed = parse(text)
    except LogFormatError:
        return
    assert again(parsed) == text
