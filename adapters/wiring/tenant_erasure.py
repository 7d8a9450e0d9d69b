"""Erasing a whole tenant: its persons' keys and the record first, then its key in Vault, which opens all the others.

Stopped in between, it is to be repeated; a repeat goes on where the first one ended.
"""

from datetime import datetime

import hvac

from adapters.postgres.custody import erase_tenant
from adapters.postgres.pool import PostgresPool
from adapters.postgres.sealing.sealer import without_sealed_part
from adapters.vault.calls import read
from adapters.vault.identity import VaultIdentity
from adapters.vault.session import ServiceSession
from config import roles
from config.settings import Settings
from domain.access.principals import SYSTEM_TENANT, require_tenant
from domain.records.custody import tenant_erasure_record
from domain.refusals import Kind, Refusal

_WAS_ERASED = "SELECT 1 FROM assay.erased_tenant WHERE tenant = $1"


async def shred_tenant(session: ServiceSession, settings: Settings, tenant: str, now: datetime, tag: str) -> bool:
    """Make all that lies under a tenant's keys unreadable for ever; False if it had been done before.

    Args:
        session: the operator's.
        settings: of this installation.
        tenant: its name.
        now: when.
        tag: a random name for the event.

    Raises:
        Refusal: INVALID_REQUEST for a name that is none; NOT_FOUND if there never was such a tenant; LEGAL_HOLD;
            VAULT_UNAVAILABLE, STORE_UNAVAILABLE: repeat it.
    """
    require_tenant(tenant)
    path = f"{settings.vault.transit_mount}/keys/tenant-{tenant}"
    if await session.call(lambda client: read(client, path)) is None:
        raise Refusal(Kind.NOT_FOUND, f"there is no tenant '{tenant}', or it was erased")
    identity = await VaultIdentity(session, kv_mount=settings.vault.kv_mount).tenant_key(SYSTEM_TENANT)
    pool = PostgresPool(session, settings.database, roles.CUSTODIAN_LOGIN.name, mount=settings.vault.database_mount)
    await pool.start()
    try:
        sealed = without_sealed_part(tenant_erasure_record(tenant, now, tag), identity)
        recorded = await erase_tenant(pool, tenant, sealed)
    finally:
        await pool.close()
    await session.call(lambda client: _delete_key(client, path))
    return recorded


async def require_not_erased(session: ServiceSession, settings: Settings, tenant: str) -> None:
    """Pass if no tenant of that name was erased: with the name would come its holds, its log and its old keys' names.

    Raises:
        Refusal: INVALID_REQUEST, field ``tenant``; STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
    """
    pool = PostgresPool(session, settings.database, roles.AUDITOR_LOGIN.name, mount=settings.vault.database_mount)
    await pool.start()
    try:
        if await pool.fetch(_WAS_ERASED, tenant):
            raise Refusal(Kind.INVALID_REQUEST, f"a tenant '{tenant}' was erased: choose another name", field="tenant")
    finally:
        await pool.close()


def _delete_key(client: hvac.Client, path: str) -> None:
    """Vault deletes a Transit key only where that is allowed first. One that is gone stays so."""
    if read(client, path) is not None:
        client.write_data(f"{path}/config", data={"deletion_allowed": True})
        client.delete(path)
