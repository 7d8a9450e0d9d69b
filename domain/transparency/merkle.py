"""The Merkle tree of the audit log: RFC 9162, section 2.1, over SHA-256.

A tree is described by its *perfect* subtrees, those of a power of two leaves: the one at ``(level, idx)`` spans the
leaves ``idx * 2**level`` up to ``(idx + 1) * 2**level``. They never change once they are full, so they can be stored
(``domain/transparency/tiles.py``) while the tree grows.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()
"""The root of a tree without leaves."""

Subtree = Callable[[int, int], bytes]
"""The root of the perfect subtree at ``(level, idx)``."""

_LEAF, _NODE = b"\x00", b"\x01"


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf with this entry."""
    return hashlib.sha256(_LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(_NODE + left + right).digest()


def pair_up(row: Sequence[bytes]) -> list[bytes]:
    """Return the nodes above an even number of nodes, in one pass: the hot loop of a growing log."""
    sha256 = hashlib.sha256
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=True)]


@dataclass(frozen=True, slots=True)
class Edge:
    """Right edge of a tree of ``size`` leaves: the roots of its perfect subtrees, largest first.

    Appending needs only the edge, one hash for each bit of the size.

    Raises:
        ValueError: if the number of hashes is wrong, or one does not have 32 bytes.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """See the class."""
        if self.size < 0 or len(self.hashes) != self.size.bit_count() or not _are_hashes(self.hashes):
            raise ValueError(f"not the edge of a tree of {self.size} leaves")

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> "Edge":
        """Return the edge with the concatenated hashes in ``data``. Raises ``ValueError``: see the class."""
        return cls(size, tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)))

    def to_bytes(self) -> bytes:
        """Return the concatenated hashes."""
        return b"".join(self.hashes)

    def append(self, leaf_hashes: Iterable[bytes]) -> "Edge":
        """Return the edge after appending these leaves."""
        row, edge, kept = list(leaf_hashes), list(self.hashes), list[bytes]()
        size, left_over = self.size + len(row), self.size
        while row:
            if left_over & 1:
                row.insert(0, edge.pop())
            if len(row) & 1:
                kept.append(row.pop())
            row = pair_up(row)
            left_over >>= 1
        return Edge(size, (*edge, *reversed(kept)))

    def root(self) -> bytes:
        """The root of the tree."""
        return _fold(self.hashes) if self.hashes else EMPTY_ROOT


def edge_of(size: int, subtree: Subtree) -> Edge:
    """Return the edge of the tree of the first ``size`` leaves, from perfect subtrees."""
    return Edge(size, tuple(_perfect(0, size, subtree)))


def inclusion_path(size: int, index: int, subtree: Subtree) -> list[bytes]:
    """Return the inclusion proof of leaf ``index`` in the tree of ``size`` leaves (section 2.1.3.1).

    Raises:
        ValueError: if the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size} leaves")
    path, low, high = list[bytes](), 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_root(middle, high, subtree))
            high = middle
        else:
            path.append(_root(low, middle, subtree))
            low = middle
    return path[::-1]


def consistency_path(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """Return the proof that ``new`` leaves extend the first ``old`` (section 2.1.4.1).

    Empty for trees of the same size, and for an empty old one, which every tree extends.

    Raises:
        ValueError: if the new tree is the smaller one.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves doesn't extend one of {old}")
    path, low, high = list[bytes](), 0, new
    while old not in (0, high):
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_root(middle, high, subtree))
            high = middle
        else:
            path.append(_root(low, middle, subtree))
            low = middle
    if low > 0:  # the rest is a part of the old tree whose root the verifier can't know
        path.append(_root(low, high, subtree))
    return path[::-1]


def verify_inclusion(entry: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Verify the inclusion of ``entry`` as leaf ``index`` in the tree (section 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes(path):
        return False
    number, last, found = index, size - 1, leaf_hash(entry)
    for sibling in path:
        if last == 0:
            return False
        if number & 1 or number == last:
            found = node_hash(sibling, found)
            number, last = _up_to_right_child(number, last)
        else:
            found = node_hash(found, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Verify that ``path`` proves that the new tree extends the old one (section 2.1.4.2)."""
    if not 0 <= old_size <= new_size or not _are_hashes([old_root, new_root, *path]):
        return False
    if any(root != EMPTY_ROOT for size, root in ((old_size, old_root), (new_size, new_root)) if size == 0):
        return False
    if old_size in (0, new_size):
        return not path and (old_size < new_size or old_root == new_root)
    if old_size.bit_count() == 1:
        path = [old_root, *path]
    if not path:
        return False
    number, last = _up_to_left_child(old_size - 1, new_size - 1)
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            number, last = _up_to_right_child(number, last)
        else:
            new = node_hash(new, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


def _up_to_right_child(number: int, last: int) -> tuple[int, int]:
    """Go up from a left child to the first level with a left sibling."""
    while number and not number & 1:
        number, last = number >> 1, last >> 1
    return number, last


def _up_to_left_child(number: int, last: int) -> tuple[int, int]:
    while number & 1:
        number, last = number >> 1, last >> 1
    return number, last


def _split(width: int) -> int:
    """Return the largest power of two below ``width``, at least 2: the number of leaves of the left child."""
    return 1 << (width - 1).bit_length() - 1


def _perfect(low: int, high: int, subtree: Subtree) -> list[bytes]:
    """Return the perfect subtrees of a range, largest first. It starts at a subtree of the tree."""
    hashes = list[bytes]()
    while low < high:
        level = (high - low).bit_length() - 1
        hashes.append(subtree(level, low >> level))
        low += 1 << level
    return hashes


def _root(low: int, high: int, subtree: Subtree) -> bytes:
    return _fold(_perfect(low, high, subtree))


def _fold(hashes: Sequence[bytes]) -> bytes:
    *others, root = hashes
    for left in reversed(others):
        root = node_hash(left, root)
    return root


def _are_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
