"""Erasure of tenants by an operator's session: each step by a database login of its own, opened when needed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from adapters.postgres.custody import erase_tenant, was_erased
from adapters.postgres.encryption.encrypter import without_encrypted_part
from adapters.postgres.pool import PostgresPool
from adapters.vault.identity import VaultIdentity
from adapters.vault.session import ServiceSession
from adapters.vault.tenant_keys import VaultTenantKeys
from config import roles
from config.settings import Settings
from domain.access.principals import SYSTEM_TENANT, require_tenant
from domain.records.records import Record
from services.tenant_erasure import TenantErasure


class OperatorErasures:
    """``TenantErasures`` by the database roles ``assay-custodian`` and ``assay-auditor``."""

    def __init__(self, session: ServiceSession, settings: Settings) -> None:
        """Take the operator's session."""
        self._session = session
        self._settings = settings

    async def erase(self, tenant: str, record: Record) -> bool:
        """See ``TenantErasures``."""
        identities = VaultIdentity(self._session, kv_mount=self._settings.vault.kv_mount)
        sealed = without_encrypted_part(record, await identities.tenant_key(SYSTEM_TENANT))
        async with self._pool(roles.CUSTODIAN_LOGIN.name) as pool:
            return await erase_tenant(pool, tenant, sealed)

    async def was_erased(self, tenant: str) -> bool:
        """See ``TenantErasures``."""
        async with self._pool(roles.AUDITOR_LOGIN.name) as pool:
            return await was_erased(pool, tenant)

    @asynccontextmanager
    async def _pool(self, role: str) -> AsyncIterator[PostgresPool]:
        pool = PostgresPool(self._session, self._settings.database, role, mount=self._settings.vault.database_mount)
        await pool.start()
        try:
            yield pool
        finally:
            await pool.close()


async def shred_tenant(session: ServiceSession, settings: Settings, tenant: str, now: datetime, tag: str) -> bool:
    """Erase a tenant. See ``TenantErasure.erase``."""
    require_tenant(tenant)
    return await _erasure(session, settings).erase(tenant, now, tag)


async def require_not_erased(session: ServiceSession, settings: Settings, tenant: str) -> None:
    """Pass if no tenant of that name was erased. See ``TenantErasure.require_not_erased``."""
    await _erasure(session, settings).require_not_erased(tenant)


def _erasure(session: ServiceSession, settings: Settings) -> TenantErasure:
    keys = VaultTenantKeys(session, transit_mount=settings.vault.transit_mount)
    return TenantErasure(keys, OperatorErasures(session, settings))
