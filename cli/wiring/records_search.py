"""Search of records by an operator's session, as the auditor's role."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.pool import PostgresPool
from adapters.postgres.records import PostgresRecords
from adapters.system.clock import SystemClock
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.session import ServiceSession
from config import roles
from config.settings import Settings
from domain.records.ports import EVERY_RECORD
from domain.records.queries import RecordFilter
from services.log.searching import RecordSearch


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
    """Records as JSON values, newest first. See ``RecordSearch.recent``."""
    async with _search(session, settings) as search:
        return await search.recent(tenant=tenant, workflow_id=workflow_id, limit=limit, where=where, person=person)


async def one_record(session: ServiceSession, settings: Settings, event_id: UUID) -> dict[str, Any] | None:
    """The record of an event, or None. See ``RecordSearch.one``."""
    async with _search(session, settings) as search:
        return await search.one(event_id)


@asynccontextmanager
async def _search(session: ServiceSession, settings: Settings) -> AsyncIterator[RecordSearch]:
    pool = PostgresPool(session, settings.database, roles.AUDITOR_LOGIN.name, mount=settings.vault.database_mount)
    await pool.start()
    try:
        keyring = ServiceKeyRing(session, settings.vault, SystemClock())
        identities = VaultIdentity(session, kv_mount=settings.vault.kv_mount)
        records = PostgresRecords(pool, RecordEncrypter(keyring, identities, PostgresSubjectKeys(pool, keyring)))
        yield RecordSearch(records, identities)
    finally:
        await pool.close()
