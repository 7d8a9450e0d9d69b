"""Our trees, tiles and notes are those of implementations that we did not write, both ways: theirs and ours agree on
roots, proofs and tiles, and each verifies what the other made."""

import importlib
import sys
from types import ModuleType

import pytest
import scitt_cose
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.transparency.checkpoints import (
    Checkpoint,
    Signature,
    VerifierKey,
    key_id,
    open_checkpoint,
    parse_checkpoint,
    parse_vkey,
    signed_note,
    vkey,
)
from domain.transparency.merkle import (
    Edge,
    consistency_path,
    edge_of,
    inclusion_path,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from domain.transparency.tiles import TileId, new_tiles, subtree_from_tiles

SIZES = [1, 2, 3, 5, 7, 8, 100, 255, 256, 257, 300]
ENTRIES = [number.to_bytes(32, "big") for number in range(300)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
TILES = new_tiles(0, LEAVES, {})
ORIGIN = "assay.local/acme"
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = PRIVATE.public_key().public_bytes_raw()


def subtree(level: int, idx: int) -> bytes:
    return subtree_from_tiles(level, idx, TILES)


def root(size: int) -> bytes:
    return edge_of(size, subtree).root()


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def hexed(hashes: list[bytes]) -> list[str]:
    return [value.hex() for value in hashes]


def some(size: int) -> list[int]:
    """Indices at both ends and between."""
    return sorted({0, 1, size // 3, size // 2, size - 2, size - 1} & set(range(size)))


@pytest.mark.parametrize("size", SIZES)
def test_scitt_cose_has_the_same_trees_and_proofs(size: int):
    entries = hexed(ENTRIES[:size])
    head = scitt_cose.merkle_root(entries)
    assert head == root(size).hex()
    for index in some(size):
        theirs = scitt_cose.inclusion_proof(entries, index)
        assert theirs == hexed(inclusion_path(size, index, subtree))
        for other in some(size):
            ours = verify_inclusion(ENTRIES[other], index, size, [bytes.fromhex(step) for step in theirs], root(size))
            assert scitt_cose.verify_inclusion(entries[other], index, size, theirs, head) == ours == (other == index)
    for old in (0, *(known for known in SIZES if known <= size)):
        theirs = scitt_cose.consistency_proof(entries, old, size)
        assert theirs == hexed(consistency_path(old, size, subtree))
        assert scitt_cose.verify_consistency(root(old).hex(), head, old, size, theirs)
        for claimed in (old, *(known for known in SIZES if 0 < old < known)):
            ours = verify_consistency(old, size, root(claimed), root(size), [bytes.fromhex(step) for step in theirs])
            assert scitt_cose.verify_consistency(root(claimed).hex(), head, old, size, theirs) == ours
            assert ours == (claimed == old)


@pytest.fixture(scope="module")
def tlog() -> ModuleType:
    """A second implementation, of all four formats. The lock has it wherever it can be installed."""
    if sys.version_info < (3, 12):
        pytest.skip("aics-tlog needs Python 3.12 or newer")
    return importlib.import_module("aics_tlog")


def path_of(tile: TileId, content: bytes) -> str:
    """The path of a tile by C2SP tlog-tiles; there are fewer than a thousand of them here."""
    width = len(content) // 32
    return f"tile/{tile[0]}/{tile[1]:03d}" + (f".p/{width}" if width < 256 else "")


@pytest.mark.parametrize("size", [*SIZES, 70_000])
def test_aics_tlog_writes_the_same_tiles_and_makes_the_same_proofs_of_them(tlog: ModuleType, size: int):
    entries = [number.to_bytes(32, "big") for number in range(size)]
    tiles = new_tiles(0, (leaf_hash(entry) for entry in entries), {})
    ours = {path_of(tile, content): content for tile, content in tiles.items()}
    theirs = tlog.TileWriter(entries).materialise()
    assert ours == {path: content for path, content in theirs.items() if not path.startswith("tile/entries/")}

    def read(level: int, idx: int) -> bytes:
        return subtree_from_tiles(level, idx, tiles)

    reader, head = tlog.MemoryTileReader(ours), edge_of(size, read).root()
    assert tlog.tree_root_from_tiles(reader, size) == head
    for index in some(size):
        path = inclusion_path(size, index, read)
        assert path == tlog.inclusion_proof_from_tiles(reader, index, size)
        assert tlog.verify_leaf_inclusion(entries[index], index, size, path, head)
        assert not tlog.verify_leaf_inclusion(b"other", index, size, path, head)
    for old in (0, *(known for known in SIZES if known <= size)):
        path = consistency_path(old, size, read)
        assert path == tlog.consistency_proof_from_tiles(reader, old, size)
        assert tlog.verify_consistency(old, size, edge_of(old, read).root(), head, path)


def test_aics_tlog_reads_our_checkpoints_and_we_read_its(tlog: ModuleType):
    head = Edge().append(LEAVES)
    text = Checkpoint(ORIGIN, head.size, head.root()).text()
    ours = signed_note(text, [Signature(ORIGIN, key_id(ORIGIN, PUBLIC), PRIVATE.sign(text.encode()))])
    theirs = tlog.sign_checkpoint(tlog.Checkpoint(ORIGIN, head.size, head.root()), PRIVATE, ORIGIN)
    assert theirs.serialise() == ours
    assert tlog.parse_checkpoint(tlog.parse_note(ours).text).root == head.root()
    assert tlog.verify_note(tlog.parse_note(ours), [tlog.parse_vkey(vkey(ORIGIN, PUBLIC))])
    key = tlog.format_vkey(tlog.vkey_from_ed25519(ORIGIN, PRIVATE.public_key()))
    assert key == vkey(ORIGIN, PUBLIC)
    assert parse_vkey(key) == VerifierKey(ORIGIN, PUBLIC)
    assert open_checkpoint(theirs.serialise(), [parse_vkey(key)], verify) == parse_checkpoint(text)
