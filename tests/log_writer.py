"""The log as its sequencer writes it, in a few lines of its own: what verification is tried on.

The tree is the one of ``domain/tiles.py``; who verifies lays it out anew.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import hvac

from adapters.vault_calls import kv_read, kv_write, read
from adapters.vault_ensure import ensure
from domain.checkpoints import Checkpoint, Signature, key_id, signed_note
from domain.merkle import Edge, leaf_hash
from domain.tiles import TileId, new_tiles, partial_tiles

LOG_NAME = "assay.local"


class LogWriter:
    """Sequences what is pending, as a superuser, and signs heads with Vault's root token."""

    def __init__(self, connection: asyncpg.Connection, client: hvac.Client) -> None:
        self.connection = connection
        self._client = client

    async def set_up(self) -> None:
        """Make the signing keys."""
        for key in ("log-signing", "archive-signing"):
            await asyncio.to_thread(ensure, self._client, f"transit/keys/{key}", {"type": "ed25519"})

    async def sequence(self) -> None:
        """Move what is pending into the trees."""
        async with self.connection.transaction():
            rows = await self.connection.fetch("SELECT * FROM assay.sequence(100000) ORDER BY tenant, seq")
            for tenant in dict.fromkeys(row["tenant"] for row in rows):
                mine = [row for row in rows if row["tenant"] == tenant]
                await self.grow(tenant, mine[0]["seq"], [row["digest"] for row in mine])

    async def grow(self, tenant: str, size: int, digests: Sequence[bytes]) -> None:
        """Write the tiles and the edge of a tree of ``size`` leaves that gets these."""
        hashes = [leaf_hash(digest) for digest in digests]
        kept = await self.connection.fetch("SELECT level, idx, hashes FROM assay.tile WHERE tenant = $1", tenant)
        tiles = {(row["level"], row["idx"]): row["hashes"] for row in kept}
        partial: Mapping[TileId, bytes] = {tile: tiles[tile] for tile in partial_tiles(size)}
        await self.connection.executemany(
            "INSERT INTO assay.tile VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (tenant, level, idx) DO UPDATE SET hashes = excluded.hashes",
            [(tenant, level, idx, content) for (level, idx), content in new_tiles(size, hashes, partial).items()],
        )
        edge = await self.connection.fetchval("SELECT edge FROM assay.log_head WHERE tenant = $1", tenant)
        grown = Edge.from_bytes(size, edge).append(hashes)
        await self.connection.execute(
            "UPDATE assay.log_head SET size = $2, edge = $3 WHERE tenant = $1", tenant, grown.size, grown.to_bytes()
        )

    async def sign(self, tenant: str) -> str:
        """Sign the tenant's head with Vault's key, keep the checkpoint in Vault, then in the store."""
        checkpoint = await self.head(tenant)
        note = await asyncio.to_thread(self._signed, checkpoint)
        await self.keep(tenant, checkpoint, note)
        await self.store(tenant, checkpoint, note)
        return note

    async def head(self, tenant: str) -> Checkpoint:
        """What the store's head says."""
        row = await self.connection.fetchrow("SELECT size, edge FROM assay.log_head WHERE tenant = $1", tenant)
        return Checkpoint(f"{LOG_NAME}/{tenant}", row["size"], Edge.from_bytes(row["size"], row["edge"]).root())

    @staticmethod
    def of(tenant: str, digests: Sequence[bytes]) -> Checkpoint:
        """The checkpoint of a tree of these leaves."""
        edge = Edge().append([leaf_hash(digest) for digest in digests])
        return Checkpoint(f"{LOG_NAME}/{tenant}", edge.size, edge.root())

    async def store(self, tenant: str, checkpoint: Checkpoint, note: str) -> None:
        """Put a checkpoint into the store."""
        await self.connection.execute(
            "INSERT INTO assay.checkpoint (tenant, size, root, note) VALUES ($1, $2, $3, $4)",
            *(tenant, checkpoint.size, checkpoint.root, note),
        )

    async def keep(self, tenant: str, checkpoint: Checkpoint, note: str) -> None:
        """Put a checkpoint into Vault."""
        kept = {"size": checkpoint.size, "root": checkpoint.root.hex(), "note": note}
        await asyncio.to_thread(kv_write, self._client, "assay", f"log/{tenant}", kept)

    async def kept(self, tenant: str) -> Mapping[str, Any]:
        """What Vault keeps of the tenant's log."""
        found = await asyncio.to_thread(kv_read, self._client, "assay", f"log/{tenant}")
        assert found is not None
        return found.data

    async def put_back(self, tenant: str, kept: Mapping[str, Any]) -> None:
        """Have Vault keep that again."""
        await asyncio.to_thread(kv_write, self._client, "assay", f"log/{tenant}", kept)

    def _signed(self, checkpoint: Checkpoint) -> str:
        text = checkpoint.text()
        body = {"input": base64.b64encode(text.encode()).decode()}
        answer: Any = self._client.write_data("transit/sign/log-signing", data=body)
        _, version, signature = answer["data"]["signature"].split(":")
        key = read(self._client, "transit/keys/log-signing")
        assert key is not None
        public = base64.b64decode(key["keys"][version.removeprefix("v")]["public_key"])
        name = checkpoint.origin
        return signed_note(text, [Signature(name, key_id(name, public), base64.b64decode(signature))])
