"""Teams in Vault's KV, one entry each, below the tenant. Not cached: revocation is immediate."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import hvac

from adapters.vault.calls import kv_delete, kv_names, kv_read, kv_write
from adapters.vault.session import ServiceSession
from domain.access.clients import TeamEntry
from domain.access.principals import require_tenant
from domain.refusals import Kind, Refusal

_TENANT = re.compile(r"[a-z0-9-]{1,40}\Z")
_CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_PATH = "teams"


def require_team(tenant: str, client_id: str) -> None:
    """Check that a team can have that name.

    Raises:
        Refusal: INVALID_REQUEST, field ``client_id`` or ``tenant``.
    """
    require_tenant(tenant)
    if not _CLIENT_ID.match(client_id):
        raise Refusal(
            Kind.INVALID_REQUEST, "a team name must have 1 to 64 characters of a-z, 0-9 and '-'", field="client_id"
        )


class VaultTeams:
    """``TeamDirectory`` over Vault's KV version 2. Writing and listing need the operator's session."""

    def __init__(self, session: ServiceSession, *, kv_mount: str = "assay") -> None:
        """Take the session."""
        self._session = session
        self._kv_mount = kv_mount

    async def get(self, tenant: str, client_id: str) -> TeamEntry | None:
        """See ``TeamDirectory``. Invalid names are not looked up: they come from an untrusted start."""
        if not (_TENANT.match(tenant) and _CLIENT_ID.match(client_id)):
            return None
        return await self._session.call(lambda client: self._read(client, tenant, client_id))

    async def put(self, entry: TeamEntry) -> None:
        """Register a team, or change its rights.

        Raises:
            Refusal: INVALID_REQUEST for an invalid name.
        """
        require_team(entry.tenant, entry.client_id)
        kept: dict[str, Any] = {
            "subject": entry.subject,
            "roles": list(entry.roles),
            "created_at": entry.created_at,
        }
        path = f"{_PATH}/{entry.tenant}/{entry.client_id}"
        await self._session.call(lambda client: kv_write(client, self._kv_mount, path, kept))

    async def remove(self, tenant: str, client_id: str) -> None:
        """Revoke a team. A repeat is a no-op.

        Raises:
            Refusal: INVALID_REQUEST for an invalid name.
        """
        require_team(tenant, client_id)
        path = f"{_PATH}/{tenant}/{client_id}"
        await self._session.call(lambda client: kv_delete(client, self._kv_mount, path))

    async def list(self) -> Sequence[TeamEntry]:
        """Return all teams, by tenant and name."""
        found: list[TeamEntry] = []
        for folder in sorted(await self._names(_PATH)):
            tenant = folder.rstrip("/")
            names = sorted(await self._names(f"{_PATH}/{tenant}"))
            entries = [await self.get(tenant, name) for name in names]
            found += [entry for entry in entries if entry is not None]
        return found

    async def _names(self, path: str) -> Sequence[str]:
        return await self._session.call(lambda client: kv_names(client, self._kv_mount, path))

    def _read(self, client: hvac.Client, tenant: str, client_id: str) -> TeamEntry | None:
        found = kv_read(client, self._kv_mount, f"{_PATH}/{tenant}/{client_id}")
        return None if found is None else _entry(tenant, client_id, found.data)


def _entry(tenant: str, client_id: str, data: Mapping[str, Any]) -> TeamEntry:
    try:
        return TeamEntry(
            tenant=tenant,
            client_id=client_id,
            subject=str(data["subject"]),
            roles=tuple(str(role) for role in data["roles"]),
            created_at=str(data["created_at"]),
        )
    except (KeyError, TypeError):
        raise Refusal(Kind.INTERNAL, "a team's entry in the key store is damaged") from None
