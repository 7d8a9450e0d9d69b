"""A tenant's log of any size in a store of its own: sealed records, leaves, tiles, and signed checkpoints.

Rows are made up as long as those of production, and put into the tables at once, not one by one through ``append``:
what is measured on them is reading, and nothing is opened.
"""

import asyncio
import base64
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import hvac

from adapters.vault_calls import kv_write, read
from adapters.vault_client import new_client
from config.settings import EmbeddedSettings, Settings
from domain.checkpoints import Checkpoint, Signature, key_id, signed_note
from domain.identity import event_id
from domain.merkle import Edge, leaf_hash
from domain.records import canonical, stored_digest
from domain.tiles import TileId, new_tiles, partial_tiles
from embedded.bootstrap import TENANT, bootstrap
from embedded.files import write_private
from embedded.places import local_settings
from embedded.ports import unused_ports
from embedded.servers import EmbeddedServers

BATCH = 1_000
"""Events between two checkpoints."""

CIPHERTEXT_BYTES = 2_048
_FIELDS = {"model": "local", "decision": "allow", "prompt_tokens": 120, "completion_tokens": 80, "policy": "0" * 64}


@dataclass
class FilledLog:
    """The log of one tenant, and the stack that it lies in."""

    settings: Settings
    connection: asyncpg.Connection
    vault: hvac.Client
    edge: Edge = field(default_factory=Edge)
    tiles: dict[TileId, bytes] = field(default_factory=dict)
    events: list[tuple[UUID, bytes]] = field(default_factory=list)

    async def fill(self, size: int, seed: int = 1) -> None:
        """Let it grow to ``size`` events, each batch signed."""
        choose = random.Random(seed)
        while self.edge.size < size:
            rows = [_row(choose, number) for number in range(min(BATCH, size - self.edge.size))]
            await self._append(rows)
            await self._sign()
        await self.connection.execute("ANALYZE")

    async def _append(self, rows: Sequence[dict[str, Any]]) -> None:
        copy, begun = self.connection.copy_records_to_table, self.edge.size
        await copy("record", schema_name="assay", columns=list(rows[0]), records=[tuple(row.values()) for row in rows])
        added = [(row["event_id"], row["digest"]) for row in rows]
        leaves = [(TENANT, begun + place, *leaf) for place, leaf in enumerate(added)]
        await copy("leaf", schema_name="assay", records=leaves)
        hashes = [leaf_hash(digest) for _, digest in added]
        new = new_tiles(begun, hashes, {tile: self.tiles[tile] for tile in partial_tiles(begun)})
        await self.connection.executemany(
            "INSERT INTO assay.tile VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (tenant, level, idx) DO UPDATE SET hashes = excluded.hashes",
            [(TENANT, level, idx, content) for (level, idx), content in new.items()],
        )
        self.tiles |= new
        self.edge = self.edge.append(hashes)
        self.events += added
        await self.connection.execute(
            "INSERT INTO assay.log_head VALUES ($1, $2, $3)"
            " ON CONFLICT (tenant) DO UPDATE SET size = excluded.size, edge = excluded.edge",
            *(TENANT, self.edge.size, self.edge.to_bytes()),
        )

    async def _sign(self) -> None:
        checkpoint = Checkpoint(f"{self.settings.audit.log_name}/{TENANT}", self.edge.size, self.edge.root())
        note = await asyncio.to_thread(self._signed, checkpoint)
        await self.connection.execute(
            "INSERT INTO assay.checkpoint (tenant, size, root, note) VALUES ($1, $2, $3, $4)",
            *(TENANT, checkpoint.size, checkpoint.root, note),
        )

    def _signed(self, checkpoint: Checkpoint) -> str:
        body = {"input": base64.b64encode(checkpoint.text().encode()).decode()}
        answer: Any = self.vault.write_data("transit/sign/log-signing", data=body)
        public = _public_key(self.vault)
        made = base64.b64decode(answer["data"]["signature"].rpartition(":")[2])
        name = checkpoint.origin
        note = signed_note(checkpoint.text(), [Signature(name, key_id(name, public), made)])
        kept = {"size": checkpoint.size, "root": checkpoint.root.hex(), "note": note}
        kv_write(self.vault, self.settings.vault.kv_mount, f"log/{TENANT}", kept)
        return note


@asynccontextmanager
async def filled_log(directory: Path) -> AsyncIterator[FilledLog]:
    """An empty log in a PostgreSQL and an OpenBao of its own, below ``directory``."""
    postgres_port, vault_port, cluster_port = unused_ports(3)
    embedded = EmbeddedSettings(
        data_dir=directory, postgres_port=postgres_port, vault_port=vault_port, vault_cluster_port=cluster_port
    )
    settings = Settings(embedded=embedded)

    async def set_up(servers: EmbeddedServers) -> None:
        write_private(servers.layout.secrets / "model_api_key", b"there is no model")
        await bootstrap(servers, settings)

    async with EmbeddedServers(settings, bootstrap=set_up, only={"postgres", "openbao"}) as servers:
        local = local_settings(settings)
        vault = new_client(local.vault, servers.vault_root_token)
        connection = await asyncpg.connect(
            host=local.database.host,
            port=local.database.port,
            database=local.database.name,
            user=servers.postgres_superuser,
            password=servers.postgres_superuser_password,
        )
        try:
            await asyncio.to_thread(vault.write_data, "transit/keys/log-signing", data={"type": "ed25519"})
            yield FilledLog(local, connection, vault)
        finally:
            await connection.close()
            vault.adapter.close()


def _public_key(vault: hvac.Client) -> bytes:
    key = read(vault, "transit/keys/log-signing")
    if key is None:
        raise LookupError("the key that was just made is gone")
    return base64.b64decode(key["keys"][str(key["latest_version"])]["public_key"])


def _row(choose: random.Random, number: int) -> dict[str, Any]:
    """The columns of a record about a request, with random bytes in place of ciphertext."""
    workflow = f"inf.{TENANT}.{choose.randbytes(16).hex()}"
    shown: dict[str, Any] = {
        "event_id": event_id(time.time_ns() // 1_000_000, TENANT, workflow, str(number), "outcome"),
        "schema": 2,
        "tenant": TENANT,
        "kind": "completed",
        "recorded_at": datetime.now(UTC),
        "workflow_id": workflow,
        "run_id": choose.randbytes(16).hex(),
        "subject": choose.randbytes(32).hex(),
        "key_id": "0" * 32,
        "subject_key": UUID(bytes=choose.randbytes(16)),
        "ciphertext": choose.randbytes(CIPHERTEXT_BYTES),
    }
    digest = stored_digest(**shown, fields=_FIELDS)
    return {**shown, "fields": canonical(_FIELDS).decode(), "content_mac": choose.randbytes(32), "digest": digest}
