"""A tenant's log of any size in a separate store: records, leaves, tiles, and signed checkpoints.

Rows are synthetic, as long as in production, and inserted at once, not one by one through ``append``: only reading is
measured, and nothing is decrypted. They are sequenced and signed as in production.
"""

import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from adapters.log.store import PostgresLogStore
from adapters.postgres.pool import PostgresPool
from adapters.vault.log_signer import VaultLogSigner
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from config import roles
from config.settings import EmbeddedSettings, Settings
from domain.identity import event_id
from domain.records.records import canonical, stored_digest
from embedded.bootstrap import TENANT, bootstrap, let_services_in
from embedded.places import local_settings
from embedded.process.files import write_private
from embedded.process.ports import unused_ports
from embedded.servers.group import EmbeddedServers
from services.sequencing.condition import LogCondition
from services.sequencing.head_signer import HeadSigner

BATCH = 1_000
"""Events between two checkpoints."""

CIPHERTEXT_BYTES = 2_048
_FIELDS = {"model": "local", "decision": "allow", "prompt_tokens": 120, "completion_tokens": 80, "policy": "0" * 64}


@dataclass
class FilledLog:
    """Log of one tenant, and its stack."""

    settings: Settings
    connection: asyncpg.Connection
    store: PostgresLogStore
    heads: HeadSigner
    events: list[tuple[UUID, bytes]] = field(default_factory=list)

    async def fill(self, size: int, seed: int = 1) -> None:
        """Extend it to ``size`` events, each batch signed."""
        choose = random.Random(seed)
        while len(self.events) < size:
            rows = [_row(choose, number) for number in range(min(BATCH, size - len(self.events)))]
            added = [(row["event_id"], row["digest"]) for row in rows]
            records = [tuple(row.values()) for row in rows]
            await self.connection.copy_records_to_table(
                "record", schema_name="assay", columns=list(rows[0]), records=records
            )
            await self.connection.copy_records_to_table(
                "pending",
                schema_name="assay",
                columns=["tenant", "event_id", "digest"],
                records=[(TENANT, *entry) for entry in added],
            )
            while await self.store.sequence(BATCH):
                pass
            await self.heads.sign()
            self.events += added
        await self.connection.execute("ANALYZE")


@asynccontextmanager
async def filled_log(directory: Path) -> AsyncIterator[FilledLog]:
    """Open an empty log in a separate PostgreSQL and OpenBao below ``directory``."""
    postgres_port, vault_port, cluster_port = unused_ports(3)
    embedded = EmbeddedSettings(
        data_dir=directory, postgres_port=postgres_port, vault_port=vault_port, vault_cluster_port=cluster_port
    )
    settings = Settings(embedded=embedded)
    local = local_settings(settings)

    async def set_up(servers: EmbeddedServers) -> None:
        write_private(servers.layout.secrets / "model_api_key", b"there is no model")
        await bootstrap(servers, settings)

    async with AsyncExitStack() as stack:
        servers = EmbeddedServers(settings, bootstrap=set_up, only={"postgres", "openbao"})
        await stack.enter_async_context(servers)
        let_services_in(servers, settings, (roles.SEQUENCER,))
        session = ServiceSession(local.vault, local.vault.approle(roles.SEQUENCER))
        stack.push_async_callback(session.close)
        await session.start()
        pool = PostgresPool(session, local.database, roles.SEQUENCER_LOGIN.name)
        stack.push_async_callback(pool.close)
        await pool.start()
        connection = await asyncpg.connect(
            host=local.database.host,
            port=local.database.port,
            database=local.database.name,
            user=servers.postgres_superuser,
            password=servers.postgres_superuser_password,
        )
        stack.push_async_callback(connection.close)
        store = PostgresLogStore(pool)
        signer = VaultLogSigner(session, VaultPublicKeys(session), log_name=local.audit.log_name)
        yield FilledLog(local, connection, store, HeadSigner(store, signer, LogCondition(), checkpoint_seconds=0))


def _row(choose: random.Random, number: int) -> dict[str, Any]:
    """Return the columns of a request's record, with random bytes in place of ciphertext."""
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
