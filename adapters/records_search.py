"""The newest records for a person's command: as the auditor's role, each row's digest verified."""

from typing import Any

from adapters.clock_system import SystemClock
from adapters.identity_vault import VaultIdentity
from adapters.keyring_vault import VaultKeyRing
from adapters.pool_postgres import PostgresPool
from adapters.record_sealer import RecordSealer
from adapters.records_postgres import PostgresRecords
from adapters.subject_keys_postgres import PostgresSubjectKeys
from adapters.vault_session import VaultSession
from config.settings import Settings


async def recent_records(
    session: VaultSession, settings: Settings, *, tenant: str | None, workflow_id: str | None, limit: int
) -> list[dict[str, Any]]:
    """Records as JSON values, newest first, without their sealed part.

    Raises:
        Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE; INTERNAL for a row that was changed after it was stored.
    """
    pool = PostgresPool(session, settings.database, "assay-auditor", mount=settings.vault.database_mount)
    await pool.start()
    try:
        keyring = VaultKeyRing(session, settings.vault, SystemClock())
        identities = VaultIdentity(session, kv_mount=settings.vault.kv_mount)
        sealer = RecordSealer(keyring, identities, PostgresSubjectKeys(pool, keyring))
        records = await PostgresRecords(pool, sealer).search(tenant=tenant, workflow_id=workflow_id, limit=limit)
    finally:
        await pool.close()
    return [
        {
            "event_id": str(record.event_id),
            "recorded_at": record.recorded_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "tenant": record.tenant,
            "kind": record.kind.value,
            "decision": record.fields.get("decision"),
            "refusal": record.fields.get("refusal"),
            "run": record.workflow_id,
            "fields": dict(record.fields),
            "digest": record.digest.hex(),
            "key_id": record.key_id,
        }
        for record in records
    ]
