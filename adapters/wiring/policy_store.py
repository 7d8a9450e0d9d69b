"""The policy store for an operator's commands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.postgres.policies import PostgresPolicyChanges
from adapters.postgres.pool import PostgresPool
from adapters.system.clock import SystemClock
from adapters.vault.identity import VaultIdentity
from adapters.vault.session import ServiceSession
from config import roles
from config.settings import Settings


@asynccontextmanager
async def policy_store(session: ServiceSession, settings: Settings) -> AsyncIterator[PostgresPolicyChanges]:
    """Open the store with the operator's session. Its methods raise ``Refusal``."""
    pool = PostgresPool(session, settings.database, roles.OPERATOR_LOGIN.name, mount=settings.vault.database_mount)
    await pool.start()
    try:
        identity = VaultIdentity(session, kv_mount=settings.vault.kv_mount)
        yield PostgresPolicyChanges(pool, identity, SystemClock())
    finally:
        await pool.close()
