"""Somebody who owns the database: can change everything in it, switches triggers off, and has nothing of Vault's."""

# ruff: noqa: S608 - statements are put together from names in this file

import json
from collections.abc import Sequence
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.records.records import stored_digest
from domain.transparency.checkpoints import Checkpoint, Signature, parse_note, signed_note
from domain.transparency.merkle import Edge, leaf_hash
from domain.transparency.tiles import new_tiles
from tests.log_writer import LOG_NAME

TABLES = ("record", "pending", "leaf", "tile", "log_head", "checkpoint", "subject_key")
_TRIGGERS = """
SELECT t.tgrelid::regclass::text AS place, t.tgname, t.tgenabled FROM pg_trigger t
WHERE NOT t.tgisinternal AND (t.tgrelid = ANY (SELECT format('assay.%I', name)::regclass FROM unnest($1::text[]) name)
  OR t.tgrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'assay.record'::regclass))
"""


class Owner:
    """See the module."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self._switched_off: list[asyncpg.Record] = []

    async def switch_off_triggers(self) -> None:
        """Switch the triggers of the log's tables and their partitions off, those that always fire too."""
        self._switched_off = await self.connection.fetch(_TRIGGERS, list(TABLES))
        for trigger in self._switched_off:
            await self.connection.execute(f"ALTER TABLE {trigger['place']} DISABLE TRIGGER {trigger['tgname']}")

    async def switch_on_triggers(self) -> None:
        """Switch them on again, where their table is still there."""
        for trigger in self._switched_off:
            always = "ALWAYS" if trigger["tgenabled"] == b"A" else ""
            await self.connection.execute(
                f"ALTER TABLE IF EXISTS {trigger['place']} ENABLE {always} TRIGGER {trigger['tgname']}"
            )

    async def back_up(self, name: str) -> None:
        """Copy the log's tables into a schema of that name."""
        await self.connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}")
        for table in TABLES:
            await self.connection.execute(f"CREATE TABLE {name}.{table} AS SELECT * FROM assay.{table}")

    async def put_back(self, name: str) -> None:
        """Put the log back to what it was when it was backed up."""
        async with self.connection.transaction():
            for table in TABLES:
                await self.connection.execute(f"TRUNCATE assay.{table}")
                await self.connection.execute(
                    f"INSERT INTO assay.{table} OVERRIDING SYSTEM VALUE SELECT * FROM {name}.{table}"
                )

    async def event(self, tenant: str, seq: int) -> UUID:
        """The event of a leaf."""
        found = await self.connection.fetchval(
            "SELECT event_id FROM assay.leaf WHERE tenant = $1 AND seq = $2", tenant, seq
        )
        assert isinstance(found, UUID)
        return found

    async def remove(self, tenant: str, seq: int) -> UUID:
        """Remove a leaf and its record."""
        event = await self.event(tenant, seq)
        for table in ("record", "leaf"):
            await self.connection.execute(f"DELETE FROM assay.{table} WHERE event_id = $1", event)
        return event

    async def swap(self, one: tuple[str, int], other: tuple[str, int]) -> None:
        """Have two leaves change places."""
        find = "DELETE FROM assay.leaf WHERE tenant = $1 AND seq = $2 RETURNING event_id, digest"
        first, second = await self.connection.fetchrow(find, *one), await self.connection.fetchrow(find, *other)
        assert first is not None
        assert second is not None
        for place, leaf in ((one, second), (other, first)):
            await self.connection.execute("INSERT INTO assay.leaf VALUES ($1, $2, $3, $4)", *place, *leaf)

    async def forge_record(self, event: UUID) -> bytes:
        """Change a record, and give it the digest that it would have had; give that."""
        columns = (
            "event_id, schema, tenant, kind, recorded_at, workflow_id, run_id, subject, fields, key_id, subject_key"
        )
        row = await self.connection.fetchrow(
            f"SELECT {columns}, ciphertext FROM assay.record WHERE event_id = $1", event
        )
        assert row is not None
        digest = stored_digest(**{**dict(row), "fields": json.loads(row["fields"]), "run_id": "forged"})
        await self.connection.execute(
            "UPDATE assay.record SET run_id = 'forged', digest = $2 WHERE event_id = $1", event, digest
        )
        return digest

    async def slip_in(self, tenant: str, like: int) -> UUID:
        """Put a record beside the log: a copy of another, under an event ID of its own."""
        event = await self.event(tenant, like)
        other = UUID(int=event.int ^ 1)
        await self.connection.execute(
            "INSERT INTO assay.record SELECT $2, schema, tenant, kind, recorded_at, workflow_id, run_id, subject,"
            " fields, key_id, subject_key, ciphertext, content_mac, digest, stored_at"
            " FROM assay.record WHERE event_id = $1",
            *(event, other),
        )
        return other

    async def renumber(self, tenant: str) -> None:
        """Renumber the leaves without gaps."""
        leaves = await self.connection.fetch(
            "DELETE FROM assay.leaf WHERE tenant = $1 RETURNING seq, event_id, digest", tenant
        )
        await self.connection.executemany(
            "INSERT INTO assay.leaf VALUES ($1, $2, $3, $4)",
            [
                (tenant, seq, row["event_id"], row["digest"])
                for seq, row in enumerate(sorted(leaves, key=lambda row: int(row["seq"])))
            ],
        )

    async def rebuild(self, tenant: str) -> None:
        """Recompute tiles and head from the leaves: all that needs no key."""
        hashes = await self._hashes(tenant)
        edge = Edge().append(hashes)
        await self.connection.execute("DELETE FROM assay.tile WHERE tenant = $1", tenant)
        await self.connection.executemany(
            "INSERT INTO assay.tile VALUES ($1, $2, $3, $4)",
            [(tenant, level, idx, content) for (level, idx), content in new_tiles(0, hashes, {}).items()],
        )
        await self.connection.execute(
            "UPDATE assay.log_head SET size = $2, edge = $3 WHERE tenant = $1", tenant, edge.size, edge.to_bytes()
        )

    async def resign(self, tenant: str, sizes: Sequence[int]) -> None:
        """Put checkpoints of these sizes in place of all, signed with a key of one's own that says it is the log's."""
        (signed,) = await self.connection.fetch("SELECT note FROM assay.checkpoint WHERE tenant = $1 LIMIT 1", tenant)
        await self.connection.execute("DELETE FROM assay.checkpoint WHERE tenant = $1", tenant)
        own, name, hashes = Ed25519PrivateKey.generate(), f"{LOG_NAME}/{tenant}", await self._hashes(tenant)
        key = parse_note(signed["note"]).signatures[0].key_id
        for size in sizes:
            checkpoint = Checkpoint(name, size, Edge().append(hashes[:size]).root())
            note = signed_note(checkpoint.text(), [Signature(name, key, own.sign(checkpoint.text().encode()))])
            await self.connection.execute(
                "INSERT INTO assay.checkpoint (tenant, size, root, note) VALUES ($1, $2, $3, $4)",
                *(tenant, size, checkpoint.root, note),
            )

    async def root(self, tenant: str) -> bytes:
        """The root of the tenant's leaves."""
        return Edge().append(await self._hashes(tenant)).root()

    async def _hashes(self, tenant: str) -> list[bytes]:
        rows = await self.connection.fetch("SELECT digest FROM assay.leaf WHERE tenant = $1 ORDER BY seq", tenant)
        return [leaf_hash(row["digest"]) for row in rows]
