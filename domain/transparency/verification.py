"""Verification of a tenant's log: rules over the content of a store and of Vault.

It shares nothing with the log's writers but the hashes of RFC 9162 (``domain/transparency/merkle.py``): tiles are
recomputed from the leaves, and compared with the stored ones.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import zip_longest
from typing import Any
from uuid import UUID

from domain.records.records import has_evidence, stored_digest
from domain.records.stored_json import parse_fields
from domain.transparency.checkpoints import Checkpoint
from domain.transparency.merkle import HASH_BYTES, Edge, edge_of, leaf_hash
from domain.transparency.tiles import TILE_HEIGHT, TILE_WIDTH, TileError, TileId, subtree_from_tiles


class Fault(StrEnum):
    """Faults of a log."""

    # a leaf and its record
    LEAF_MISSING = "leaf missing"
    LEAF_ADDED = "leaf added"
    RECORD_MISSING = "record missing"
    RECORD_CHANGED = "record changed"
    RECORD_MOVED = "record of another tenant"
    MONTH_DETACHED = "month detached"
    # records outside the tree
    NOT_RECORDED = "record never went through the log"
    PENDING_CHANGED = "pending entry changed"
    # the tree over the leaves
    TILE_CHANGED = "tile changed"
    HEAD_CHANGED = "head changed"
    # signed checkpoints
    CHECKPOINT_FORGED = "checkpoint forged"
    CHECKPOINT_BROKEN = "checkpoint does not hold"
    CHECKPOINT_MISSING = "checkpoint missing"
    ROLLED_BACK = "rolled back"
    FORKED = "forked"
    ANCHOR_MISSING = "checkpoint missing in Vault"
    # archived months
    MANIFEST_FORGED = "manifest forged"


@dataclass(frozen=True, slots=True)
class VerificationFinding:
    """A fault and its first position: a leaf's ``seq`` and event, or a checkpoint's ``size``."""

    fault: Fault
    detail: str
    seq: int | None = None
    event_id: UUID | None = None
    size: int | None = None

    def __str__(self) -> str:
        """Return fault and position as text."""
        place = (("seq", self.seq), ("event", self.event_id), ("checkpoint of size", self.size))
        where = ", ".join(f"{name} {value}" for name, value in place if value is not None)
        return f"{self.fault.value}{' at ' + where if where else ''}: {self.detail}"


@dataclass(slots=True)
class TenantAudit:
    """Verification result of a tenant's log. ``since`` is the first leaf read, ``root`` the root of the leaves.

    ``checkpoints`` is the number of those read, ``last_checkpoint`` the size of the last.

    ``archived`` is the number of records in files, ``beside`` that of records in months being archived. ``signed_size``
    is the size of the newest checkpoint in the store, ``proven`` that of the newest valid one.

    ``findings`` has the first of each fault, in order of detection. ``warnings`` are no faults.
    """

    tenant: str
    since: int = 0
    size: int = 0
    root: bytes = b""
    checkpoints: int = 0
    last_checkpoint: int = 0
    signed_size: int = 0
    proven: int = 0
    archived: int = 0
    beside: int = 0
    pending: int = 0
    findings: list[VerificationFinding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Return True if there is no fault."""
        return not self.findings

    def found(self, finding: VerificationFinding | None) -> None:
        """Add the finding, if there is one and it is the first of its fault."""
        if finding is not None and all(known.fault is not finding.fault for known in self.findings):
            self.findings.append(finding)


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf of the tree with its record, or None: its columns, ``fields`` as JSON text.

    ``lost`` means that the record's month is outside the log, and that archiving does not account for it.
    """

    seq: int
    event_id: UUID
    digest: bytes
    record: Mapping[str, Any] | None
    lost: bool = False


def check_entry(tenant: str, entry: Entry, *, archived: bool) -> VerificationFinding | None:
    """Return the fault of a leaf and its record, or None. The record of an ``archived`` leaf may be elsewhere."""
    if entry.record is None:
        fault = None if archived else Fault.RECORD_MISSING
        detail = "the tree contains this event, but its record is missing"
    elif entry.lost:
        fault, detail = (
            Fault.MONTH_DETACHED,
            "the month of this record was detached from the log: no reader finds it there",
        )
    elif entry.record["tenant"] != tenant:
        fault, detail = Fault.RECORD_MOVED, "the record at this leaf belongs to another tenant"
    else:
        same = _digest(entry.record) == entry.digest == entry.record["digest"]
        fault = None if same else Fault.RECORD_CHANGED
        detail = "the record is not the one its leaf was computed from"
    return VerificationFinding(fault, detail, seq=entry.seq, event_id=entry.event_id) if fault else None


def _digest(record: Mapping[str, Any]) -> bytes | None:
    """Return the digest of a stored record; None for one Assay can't have written."""
    try:
        fields = parse_fields(record["fields"])
        outside = {name: record[name] for name in ("content_mac", "stored_at")}
        if not has_evidence(fields, recorded_at=record["recorded_at"], **outside):
            return None
        columns = {name: value for name, value in record.items() if name not in {"digest", *outside}}
        return stored_digest(**{**columns, "fields": fields})
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


class Rebuilt:
    """The tree over leaves in order: its edge, and every tile that grows."""

    def __init__(self, size: int = 0, tiles: Mapping[TileId, bytes] | None = None) -> None:
        """Start with an empty tree, or with ``size`` leaves and their ``partial_tiles``.

        Raises:
            TileError: one of these is missing or too short.
        """
        tiles = tiles or {}
        self.edge = edge_of(size, lambda level, idx: subtree_from_tiles(level, idx, tiles))
        self._rows = list[list[bytes]]()
        self._idx = list[int]()
        while count := size >> len(self._rows) * TILE_HEIGHT:
            idx, width = divmod(count, TILE_WIDTH)
            self._rows.append(_hashes(tiles.get((len(self._idx), idx), b""))[:width])
            self._idx.append(idx)
            if len(self._rows[-1]) != width:
                raise TileError(f"the tile {(len(self._idx) - 1, idx)} is missing or too short")

    def append(self, hashes: Sequence[bytes]) -> list[tuple[TileId, bytes]]:
        """Append the next leaves' hashes; return the tiles that they complete."""
        self.edge = self.edge.append(hashes)
        return list(self._grow(0, hashes))

    def unfinished(self) -> list[tuple[TileId, bytes]]:
        """Return the tiles that are not full yet."""
        return [
            ((level, idx), b"".join(row))
            for level, (idx, row) in enumerate(zip(self._idx, self._rows, strict=True))
            if row
        ]

    def _grow(self, level: int, hashes: Iterable[bytes]) -> Iterator[tuple[TileId, bytes]]:
        if level == len(self._rows):
            self._rows.append([])
            self._idx.append(0)
        row = self._rows[level]
        row.extend(hashes)
        above = list[bytes]()
        while len(row) >= TILE_WIDTH:
            full = row[:TILE_WIDTH]
            del row[:TILE_WIDTH]
            yield (level, self._idx[level]), b"".join(full)
            self._idx[level] += 1
            above.append(Edge().append(full).root())
        if above:
            yield from self._grow(level + 1, above)


def first_difference(kept: bytes, computed: bytes) -> int | None:
    """Return the index of the first differing hash of a stored tile, or None."""
    if kept == computed:
        return None
    pairs = zip_longest(_hashes(kept), _hashes(computed))
    return next(place for place, (one, other) in enumerate(pairs) if one != other)


def _hashes(content: bytes) -> list[bytes]:
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


def check_tile(tile: TileId, kept: bytes, computed: bytes, size: int) -> VerificationFinding | None:
    """Return the fault of a stored tile in a log of ``size`` leaves. ``computed`` may cover fewer."""
    level, idx = tile
    width = min(TILE_WIDTH, (size >> level * TILE_HEIGHT) - idx * TILE_WIDTH) * HASH_BYTES
    place = first_difference(kept[: len(computed)], computed)
    if place is None and len(kept) != max(width, len(computed)):
        place = len(computed) // HASH_BYTES
    if place is None:
        return None
    detail = f"hash {place} of tile {idx} at level {level} does not match the leaves"
    return VerificationFinding(Fault.TILE_CHANGED, detail, seq=None if level else idx * TILE_WIDTH + place)


def behind(anchor: Checkpoint, where: str, size: int) -> VerificationFinding:
    """Report an external checkpoint that covers more leaves than the store (rollback)."""
    detail = f"{where} covers {anchor.size} leaves, and the store has {size}: the newest were removed (rollback)"
    return VerificationFinding(Fault.ROLLED_BACK, detail, size=anchor.size)


def forked(anchor: Checkpoint, where: str) -> VerificationFinding:
    """Report an external checkpoint with another root than the store's leaves (fork)."""
    detail = f"{where} has another root than the store's leaves: an event before it was altered, removed or added"
    return VerificationFinding(Fault.FORKED, detail, size=anchor.size)


def missing_before(size: int, previous: int) -> VerificationFinding:
    """Report that the checkpoint before the one of ``size`` leaves is not stored."""
    detail = f"the checkpoint over {size} leaves was signed after one over {previous}, which was removed from the store"
    return VerificationFinding(Fault.CHECKPOINT_MISSING, detail, size=previous)


def unlike(checkpoint: Checkpoint, proven: int) -> VerificationFinding:
    """Report a stored checkpoint with another root than its leaves."""
    detail = (
        f"the leaves have another root: seq {proven} to {checkpoint.size - 1} differ from what was signed"
        if proven < checkpoint.size
        else "the leaves have another root"
    )
    return VerificationFinding(Fault.CHECKPOINT_BROKEN, detail, size=checkpoint.size)


def leaf_hashes(entries: Iterable[Entry]) -> list[bytes]:
    """The hashes of these leaves."""
    return [leaf_hash(entry.digest) for entry in entries]
