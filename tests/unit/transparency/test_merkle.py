"""The log's tree: the known values of RFC 9162's tree of seven, and what each function refuses."""

import hashlib

import pytest

from domain.transparency.merkle import (
    EMPTY_ROOT,
    Edge,
    consistency_path,
    edge_of,
    inclusion_path,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

# The entries and the roots of their first 1..8, as the test vectors of Certificate Transparency give them.
ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
H = bytes(32)


def subtree(level: int, idx: int) -> bytes:
    """A perfect subtree of the eight."""
    if level == 0:
        return LEAVES[idx]
    return node_hash(subtree(level - 1, 2 * idx), subtree(level - 1, 2 * idx + 1))


def root(size: int) -> bytes:
    return bytes.fromhex(ROOTS[size - 1]) if size else EMPTY_ROOT


def test_the_empty_tree_hashes_nothing():
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT == Edge().root()


def test_leaves_and_nodes_are_told_apart():
    assert leaf_hash(H + H) != node_hash(H, H)
    assert leaf_hash(b"") == hashlib.sha256(b"\0").digest()
    assert node_hash(H, H) == hashlib.sha256(b"\1" + H + H).digest()


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int):
    assert Edge().append(LEAVES[:size]).root() == root(size)
    assert edge_of(size, subtree) == Edge().append(LEAVES[:size])
    assert Edge().append(LEAVES[: size // 2]).append(LEAVES[size // 2 : size]).root() == root(size)


def test_the_tree_of_seven_of_the_rfc():
    """RFC 9162, section 2.1.5: the figure's hash names, and the proofs that it lists."""
    a, b, c, d, e, f, j = LEAVES[:7]
    g, h, i, k = node_hash(a, b), node_hash(c, d), node_hash(e, f), node_hash(node_hash(a, b), node_hash(c, d))
    assert inclusion_path(7, 0, subtree) == [b, h, node_hash(i, j)]
    assert inclusion_path(7, 3, subtree) == [c, g, node_hash(i, j)]
    assert inclusion_path(7, 4, subtree) == [f, j, k]
    assert inclusion_path(7, 6, subtree) == [i, k]
    assert consistency_path(3, 7, subtree) == [c, d, g, node_hash(i, j)]
    assert consistency_path(4, 7, subtree) == [node_hash(i, j)]
    assert consistency_path(6, 7, subtree) == [i, j, k]


@pytest.mark.parametrize("size", range(1, 9))
def test_every_proof_of_small_trees_holds_for_itself_alone(size: int):
    for index in range(size):
        path = inclusion_path(size, index, subtree)
        held = [
            (entry, at, of)
            for entry in range(8)
            for at in range(size + 1)
            for of in range(1, 9)
            if verify_inclusion(ENTRIES[entry], at, of, path, root(size))
        ]
        assert (index, index, size) in held
        assert all(entry == index for entry, _, _ in held)
    for old in range(size + 1):
        path = consistency_path(old, size, subtree)
        assert verify_consistency(old, size, root(old), root(size), path)
        for other in range(1, 9):
            if other not in (old, 0) and old > 0:
                assert not verify_consistency(old, size, root(other), root(size), path)
            if other != size and old > 0:
                assert not verify_consistency(old, size, root(old), root(other), path)


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [(-1, 1, []), (1, 1, []), (0, 0, []), (0, 1, [H]), (0, 2, []), (0, 2, [LEAVES[1], H]), (0, 2, [LEAVES[1][:31]])],
)
def test_what_proves_no_inclusion(index: int, size: int, path: list[bytes]):
    assert not verify_inclusion(ENTRIES[0], index, size, path, root(2))
    assert not verify_inclusion(ENTRIES[0], index, size, path, root(1))


@pytest.mark.parametrize(
    ("old", "new", "old_root", "new_root", "path"),
    [
        (2, 1, root(2), root(1), []),
        (-1, 1, root(1), root(1), []),
        (1, 1, root(1), root(2), []),
        (1, 1, root(1), root(1), [H]),
        (0, 1, root(1), root(1), []),
        (0, 1, EMPTY_ROOT, root(1), [root(1)]),
        (0, 0, root(1), root(1), []),
        (1, 2, root(1), root(2), []),
        (3, 4, root(3), root(4), []),
        (1, 2, root(1), root(2), [LEAVES[1], H]),
        (1, 2, root(1), root(2), [LEAVES[1][:31]]),
        (1, 1, b"", b"", []),
        (3, 16, root(3), root(7), consistency_path(3, 7, subtree)),
    ],
)
def test_what_proves_no_consistency(old: int, new: int, old_root: bytes, new_root: bytes, path: list[bytes]):
    assert not verify_consistency(old, new, old_root, new_root, path)


def test_proofs_that_can_t_be_made():
    for size, index in ((0, 0), (3, 3), (3, -1)):
        with pytest.raises(ValueError, match="no leaf"):
            inclusion_path(size, index, subtree)
    for old, new in ((3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="extend"):
            consistency_path(old, new, subtree)


@pytest.mark.parametrize(("size", "hashes"), [(-1, (H,)), (1, ()), (0, (H,)), (3, (H,)), (2, (H, H)), (1, (H[:31],))])
def test_an_edge_fits_its_size(size: int, hashes: tuple[bytes, ...]):
    with pytest.raises(ValueError, match="not the edge"):
        Edge(size, hashes)
    with pytest.raises(ValueError, match="not the edge"):
        Edge.from_bytes(size, b"".join(hashes))


def test_an_edge_as_bytes():
    edge = Edge().append(LEAVES[:7])
    assert Edge.from_bytes(7, edge.to_bytes()) == edge
    assert edge.append([]) is not None
    assert edge.append([]) == edge
