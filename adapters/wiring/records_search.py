"""Records for a person's commands: as the auditor's role, each row's digest verified, nothing decrypted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from adapters.postgres.pool import PostgresPool
from adapters.postgres.records import PostgresRecords
from adapters.postgres.sealing.sealer import RecordSealer
from adapters.postgres.sealing.subject_keys import PostgresSubjectKeys
from adapters.system.clock import SystemClock
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.session import ServiceSession
from config import roles
from config.settings import Settings
from domain.identity import subject_hash
from domain.records.ports import EVERY_RECORD
from domain.records.queries import RecordFilter, is_subject_hash
from domain.records.records import StoredRecord
from domain.refusals import Kind, Refusal


async def recent_records(
    session: ServiceSession,
    settings: Settings,
    *,
    tenant: str | None,
    workflow_id: str | None,
    limit: int,
    where: RecordFilter = EVERY_RECORD,
    person: str | None = None,
) -> list[dict[str, Any]]:
    """Records as JSON values, newest first, without their sealed part.

    ``person`` is whom they are about: a name, which is told apart by tenant, or the keyed hash that stands for it.

    Raises:
        Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE; INTERNAL for a row that was changed after it was stored;
            INVALID_REQUEST for a person's name without a tenant.
    """
    async with _reader(session, settings) as reader:
        if person is not None:
            where = replace(where, subject=await _subject(session, settings, tenant, person))
        found = await reader.search(tenant=tenant, workflow_id=workflow_id, where=where, limit=limit)
    return [_as_values(record) for record in found]


async def one_record(session: ServiceSession, settings: Settings, event_id: UUID) -> dict[str, Any] | None:
    """The record of an event, or None. Raises as ``recent_records``."""
    async with _reader(session, settings) as reader:
        found = await reader.get(event_id)
    return None if found is None else _as_values(found)


@asynccontextmanager
async def _reader(session: ServiceSession, settings: Settings) -> AsyncIterator[PostgresRecords]:
    pool = PostgresPool(session, settings.database, roles.AUDITOR_LOGIN.name, mount=settings.vault.database_mount)
    await pool.start()
    try:
        keyring = ServiceKeyRing(session, settings.vault, SystemClock())
        identities = VaultIdentity(session, kv_mount=settings.vault.kv_mount)
        yield PostgresRecords(pool, RecordSealer(keyring, identities, PostgresSubjectKeys(pool, keyring)))
    finally:
        await pool.close()


async def _subject(session: ServiceSession, settings: Settings, tenant: str | None, person: str) -> str:
    if is_subject_hash(person):
        return person
    if tenant is None:
        raise Refusal(Kind.INVALID_REQUEST, "required with a data subject, who belongs to one tenant", field="tenant")
    identity = await VaultIdentity(session, kv_mount=settings.vault.kv_mount).tenant_key(tenant)
    return subject_hash(identity, tenant, person)


def _as_values(record: StoredRecord) -> dict[str, Any]:
    return {
        "event_id": str(record.event_id),
        "recorded_at": record.recorded_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "tenant": record.tenant,
        "kind": record.kind.value,
        "decision": record.fields.get("decision"),
        "refusal": record.fields.get("refusal"),
        "run": record.workflow_id,
        "subject": record.subject,
        "fields": dict(record.fields),
        "digest": record.digest.hex(),
        "key_id": record.key_id,
    }
