"""A log's tree for tests: sequenced and signed here, in PostgreSQL or in memory, by a key of the test's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.records.queries import RecordFilter
from domain.records.records import StoredRecord
from domain.refusals import Kind, Refusal
from domain.transparency.checkpoints import Checkpoint, Proof, Signature, key_id, signed_note, vkey
from domain.transparency.exports import entry_line
from domain.transparency.merkle import Edge, Subtree, consistency_path, edge_of, inclusion_path, leaf_hash
from domain.transparency.tiles import new_tiles, partial_tiles
from tests.doubles.ledger import MemoryLedger, matches

LOG_NAME = "assay.local"


@dataclass
class LogKey:
    """A log's signing key."""

    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    log_name: str = LOG_NAME

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    def vkey(self, tenant: str) -> str:
        return vkey(f"{self.log_name}/{tenant}", self.public)

    def sign(self, tenant: str, size: int, root: bytes) -> str:
        """The signed note of a checkpoint."""
        origin = f"{self.log_name}/{tenant}"
        text = Checkpoint(origin, size, root).text()
        signature = Signature(origin, key_id(origin, self.public), self.private.sign(text.encode()))
        return signed_note(text, [signature])


async def sequence(connection: asyncpg.Connection, most: int = 1000) -> None:
    """Move what is pending into the trees, as a sequencer does, without signing."""
    async with connection.transaction():
        rows = await connection.fetch("SELECT * FROM assay.sequence($1) ORDER BY tenant, seq", most)
        grown: dict[str, list[asyncpg.Record]] = {}
        for row in rows:
            grown.setdefault(row["tenant"], []).append(row)
        for tenant, leaves in grown.items():
            await _grow(connection, tenant, leaves[0]["seq"], [leaf_hash(row["digest"]) for row in leaves])


async def _grow(connection: asyncpg.Connection, tenant: str, old: int, hashes: list[bytes]) -> None:
    """Write the tiles and the edge of a tree that has grown."""
    partial = {}
    for level, idx in partial_tiles(old):
        sql = "SELECT hashes FROM assay.tile WHERE tenant = $1 AND level = $2 AND idx = $3"
        partial[level, idx] = await connection.fetchval(sql, tenant, level, idx)
    tiles = new_tiles(old, hashes, partial)
    await connection.executemany(
        "INSERT INTO assay.tile VALUES ($1, $2, $3, $4) ON CONFLICT (tenant, level, idx) DO UPDATE"
        " SET hashes = excluded.hashes",
        [(tenant, level, idx, data) for (level, idx), data in tiles.items()],
    )
    edge = await connection.fetchval("SELECT edge FROM assay.log_head WHERE tenant = $1", tenant)
    grown = Edge.from_bytes(old, edge).append(hashes)
    await connection.execute("UPDATE assay.log_head SET edge = $2 WHERE tenant = $1", tenant, grown.to_bytes())


async def sign(connection: asyncpg.Connection, key: LogKey, tenant: str) -> None:
    """Sign the head of a tenant's tree, if no checkpoint is of that size."""
    head = await connection.fetchrow("SELECT size, edge FROM assay.log_head WHERE tenant = $1", tenant)
    root = Edge.from_bytes(head["size"], head["edge"]).root()
    await connection.execute(
        "INSERT INTO assay.checkpoint (tenant, size, root, note) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        *(tenant, head["size"], root, key.sign(tenant, head["size"], root)),
    )


class MemoryProofs:
    """``LogProofs`` over a ``MemoryLedger``: records are sequenced by ``sequence`` and sealed by ``seal``."""

    def __init__(self, ledger: MemoryLedger, key: LogKey | None = None) -> None:
        self._ledger = ledger
        self.key = key or LogKey()
        self._entries: dict[str, dict[UUID, bytes]] = {}
        self._notes: dict[str, tuple[int, str]] = {}
        self.outage: Refusal | None = None

    def sequence(self) -> None:
        """Move what was recorded into the trees."""
        for record in self._ledger.records.values():
            self._entries.setdefault(record.tenant, {}).setdefault(
                record.event_id, self._ledger.digest(record.event_id)
            )

    def seal(self, tenant: str) -> None:
        """Sign the head of a tenant's tree."""
        size = len(self._entries.get(tenant, {}))
        root = edge_of(size, self._subtree(tenant)).root()
        self._notes[tenant] = (size, self.key.sign(tenant, size, root))

    def stored(self, tenant: str) -> list[StoredRecord]:
        """The records in a tenant's tree, in their order."""
        return [self._ledger.stored(event_id) for event_id in self._entries.get(tenant, {})]

    async def checkpoint(self, tenant: str) -> str | None:
        self._require_store()
        return self._notes[tenant][1] if tenant in self._notes else None

    async def sealed(self, tenant: str, event_id: UUID) -> Proof | None:
        self._require_store()
        events: Mapping[UUID, bytes] = self._entries.get(tenant, {})
        size, note = self._notes.get(tenant, (0, ""))
        index = list(events).index(event_id) if event_id in events else size
        if index >= size:
            return None
        return Proof(index, tuple(inclusion_path(size, index, self._subtree(tenant))), note)

    async def consistency(self, tenant: str, old: int, new: int) -> list[bytes]:
        self._require_store()
        if not 0 <= old <= new:
            raise Refusal(Kind.INVALID_REQUEST, "must not be above 'to'", field="from")
        if new > self._notes.get(tenant, (0, ""))[0]:
            raise Refusal(Kind.INVALID_REQUEST, "no checkpoint has that many entries yet", field="to")
        return consistency_path(old, new, self._subtree(tenant))

    def _subtree(self, tenant: str) -> Subtree:
        hashes = [leaf_hash(digest) for digest in self._entries.get(tenant, {}).values()]

        def subtree(level: int, idx: int) -> bytes:
            return Edge().append(hashes[idx << level : idx + 1 << level]).root()

        return subtree

    def _require_store(self) -> None:
        if self.outage is not None:
            raise self.outage


class MemoryEntries:
    """``LogEntries`` over the trees of a ``MemoryProofs``."""

    def __init__(self, proofs: MemoryProofs) -> None:
        self._proofs = proofs

    async def span(
        self, tenant: str, size: int, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[int, int]:
        records = self._proofs.stored(tenant)[:size]
        where = RecordFilter(since=since, until=until)
        found = [seq for seq, record in enumerate(records) if matches(record, where)]
        if not found:
            return size, size
        return 0 if since is None else found[0], size if until is None else found[-1] + 1

    async def read(self, tenant: str, first: int, after: int) -> Sequence[Mapping[str, Any]]:
        records = self._proofs.stored(tenant)[first:after]
        return [
            entry_line(seq, record.event_id, record.digest, {name: getattr(record, name) for name in record.__slots__})
            for seq, record in enumerate(records, start=first)
        ]

    async def edge(self, tenant: str, size: int) -> Edge:
        return Edge().append([leaf_hash(record.digest) for record in self._proofs.stored(tenant)[:size]])
