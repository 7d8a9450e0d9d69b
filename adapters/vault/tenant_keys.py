"""Tenants' own keys in Vault's Transit engine."""

import hvac

from adapters.vault.calls import read
from adapters.vault.session import ServiceSession


class VaultTenantKeys:
    """``TenantKeys`` over Transit."""

    def __init__(self, session: ServiceSession, *, transit_mount: str = "transit") -> None:
        """Take the operator's session."""
        self._session = session
        self._mount = transit_mount

    async def exists(self, tenant: str) -> bool:
        """See ``TenantKeys``."""
        return await self._session.call(lambda client: read(client, self._path(tenant))) is not None

    async def delete(self, tenant: str) -> None:
        """See ``TenantKeys``."""
        await self._session.call(lambda client: _delete_key(client, self._path(tenant)))

    def _path(self, tenant: str) -> str:
        return f"{self._mount}/keys/tenant-{tenant}"


def _delete_key(client: hvac.Client, path: str) -> None:
    """Delete a key: Vault requires that to be permitted first. A repeat is a no-op."""
    if read(client, path) is not None:
        client.write_data(f"{path}/config", data={"deletion_allowed": True})
        client.delete(path)
