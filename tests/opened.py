"""Records with their sealed part open, as Assay's own login sees them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.pool import PostgresPool
from adapters.system.clock import SystemClock
from adapters.vault.errors import new_client
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.session import ServiceSession
from adapters.vault.setup.setup import issue_secret_id
from config.settings import AppRoleSettings
from domain.records.records import EventKind, StoredRecord
from embedded.operator_access import operator_session
from tests.gateway import Gateway

_COLUMNS = ("event_id", "schema", "tenant", "recorded_at", "workflow_id", "run_id", "subject", "key_id", "subject_key")


@asynccontextmanager
async def opening(gateway: Gateway, directory: Path) -> AsyncIterator[RecordEncrypter]:
    """Decryption of records. ``directory`` keeps its credentials."""
    root = new_client(gateway.local.vault, gateway.servers.vault_root_token)
    issued = issue_secret_id(root, "assay-api", "60s")
    root.adapter.close()
    role, secret = directory / "role", directory / "secret"
    role.write_text(issued.role_id)
    secret.write_text(issued.wrapping_token)
    session = ServiceSession(gateway.local.vault, AppRoleSettings(role_id_file=role, secret_id_file=secret))
    await session.start()
    keyring = ServiceKeyRing(session, gateway.local.vault, SystemClock())
    async with operator_session(gateway.local) as operator:
        pool = PostgresPool(operator, gateway.local.database, "assay-auditor")
        await pool.start()
        yield RecordEncrypter(keyring, VaultIdentity(session), PostgresSubjectKeys(pool, keyring))
        await pool.close()
    await session.close()


async def opened(gateway: Gateway, encrypter: RecordEncrypter, run_id: str) -> list[dict[str, Any]]:
    """The sealed part of each of a run's records, in the order in which they were stored.

    Raises:
        Refusal: NOT_FOUND if a key is erased.
    """
    rows = await gateway.superuser("SELECT * FROM assay.record WHERE workflow_id = $1 ORDER BY stored_at", run_id)
    records = [
        StoredRecord(
            **{name: row[name] for name in (*_COLUMNS, "ciphertext", "digest")},
            kind=EventKind(row["kind"]),
            fields=json.loads(row["fields"]),
        )
        for row in rows
    ]
    return [json.loads(await encrypter.unseal(record)) for record in records]
