"""Erasure of a whole tenant: data subjects' keys and the record first, then its Vault key, which wraps all others.

An interrupted erasure is to be repeated; the repeat continues it.
"""

from datetime import datetime

from domain.access.principals import require_tenant
from domain.records.custody import tenant_erasure_record
from domain.records.ports import TenantErasures, TenantKeys
from domain.refusals import Kind, Refusal


class TenantErasure:
    """Erases tenants, and prevents the reuse of their names."""

    def __init__(self, keys: TenantKeys, erasures: TenantErasures) -> None:
        """Take the ports."""
        self._keys = keys
        self._erasures = erasures

    async def erase(self, tenant: str, now: datetime, tag: str) -> bool:
        """Make everything encrypted with a tenant's keys permanently unreadable; False if it was erased before.

        Args:
            tenant: its name.
            now: when.
            tag: a random name for the event.

        Raises:
            Refusal: INVALID_REQUEST for a malformed name; NOT_FOUND if there is no such tenant; LEGAL_HOLD;
                VAULT_UNAVAILABLE, STORE_UNAVAILABLE: repeat it.
        """
        require_tenant(tenant)
        if not await self._keys.exists(tenant):
            raise Refusal(Kind.NOT_FOUND, f"there is no tenant '{tenant}', or it was erased")
        recorded = await self._erasures.erase(tenant, tenant_erasure_record(tenant, now, tag))
        await self._keys.delete(tenant)
        return recorded

    async def require_not_erased(self, tenant: str) -> None:
        """Check that no tenant with that name was erased: a new one would get its holds, its log and its keys' names.

        Raises:
            Refusal: INVALID_REQUEST, field ``tenant``; STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
        """
        if await self._erasures.was_erased(tenant):
            raise Refusal(Kind.INVALID_REQUEST, f"a tenant '{tenant}' was erased: choose another name", field="tenant")
