"""Erasure of a whole tenant: data subjects' keys and the record first, then its key in Vault, which opens all others.

An erasure that was interrupted is to be repeated; the repeat goes on where the first one ended.
"""

from datetime import datetime

from domain.access.principals import require_tenant
from domain.records.custody import tenant_erasure_record
from domain.records.ports import TenantErasures, TenantKeys
from domain.refusals import Kind, Refusal


class TenantErasure:
    """Erases tenants, and keeps their names from being used again."""

    def __init__(self, keys: TenantKeys, erasures: TenantErasures) -> None:
        """Take the ports."""
        self._keys = keys
        self._erasures = erasures

    async def erase(self, tenant: str, now: datetime, tag: str) -> bool:
        """Make all that is encrypted under a tenant's keys unreadable for ever; False if it had been done before.

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
        """Pass if no tenant of that name was erased: with the name would come its holds, its log and its keys' names.

        Raises:
            Refusal: INVALID_REQUEST, field ``tenant``; STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
        """
        if await self._erasures.was_erased(tenant):
            raise Refusal(Kind.INVALID_REQUEST, f"a tenant '{tenant}' was erased: choose another name", field="tenant")
