"""OAuth clients in Vault's KV, one entry each. Not cached: revocation is immediate."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import hvac

from adapters.vault.calls import kv_names, kv_read, kv_write
from adapters.vault.session import ServiceSession
from domain.access.clients import ClientEntry
from domain.access.principals import require_tenant
from domain.refusals import Kind, Refusal
from domain.text.strict_json import is_storable

_CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_PATH = "clients"


def require_client(entry: ClientEntry) -> None:
    """Check that the entry can be stored.

    Raises:
        Refusal: INVALID_REQUEST, field ``client_id``, ``tenant`` or ``subject``.
    """
    if not _CLIENT_ID.match(entry.client_id):
        raise Refusal(
            Kind.INVALID_REQUEST, "a client ID must have 1 to 64 characters of a-z, 0-9 and '-'", field="client_id"
        )
    require_tenant(entry.tenant)
    if not is_storable(entry.subject):
        raise Refusal(Kind.INVALID_REQUEST, "must be text that UTF-8 can encode, without NUL", field="subject")


class VaultClients:
    """``ClientDirectory`` over Vault's KV version 2. Writing and listing need the operator's session."""

    def __init__(self, session: ServiceSession, *, kv_mount: str = "assay") -> None:
        """Take the session."""
        self._session = session
        self._kv_mount = kv_mount

    async def get(self, client_id: str) -> ClientEntry | None:
        """See ``ClientDirectory``."""
        if not _CLIENT_ID.match(client_id):
            return None
        return await self._session.call(lambda client: self._read(client, client_id))

    async def put(self, entry: ClientEntry) -> None:
        """See ``ClientDirectory``.

        Raises:
            Refusal: INVALID_REQUEST for an invalid ID or tenant.
        """
        require_client(entry)
        secret: dict[str, Any] = {
            "tenant": entry.tenant,
            "subject": entry.subject,
            "roles": list(entry.roles),
            "secret_hash": entry.secret_hash,
            "created_at": entry.created_at,
            "revoked": entry.revoked,
        }
        path = f"{_PATH}/{entry.client_id}"
        await self._session.call(lambda client: kv_write(client, self._kv_mount, path, secret))

    async def list(self) -> Sequence[ClientEntry]:
        """See ``ClientDirectory``."""
        names = await self._session.call(lambda client: kv_names(client, self._kv_mount, _PATH))
        found = [await self.get(name) for name in sorted(names)]
        return [entry for entry in found if entry is not None]

    def _read(self, client: hvac.Client, client_id: str) -> ClientEntry | None:
        found = kv_read(client, self._kv_mount, f"{_PATH}/{client_id}")
        return None if found is None else _entry(client_id, found.data)


def _entry(client_id: str, data: Mapping[str, Any]) -> ClientEntry:
    try:
        return ClientEntry(
            client_id=client_id,
            tenant=str(data["tenant"]),
            subject=str(data["subject"]),
            roles=tuple(str(role) for role in data["roles"]),
            secret_hash=str(data["secret_hash"]),
            created_at=str(data["created_at"]),
            revoked=data["revoked"] is not False,  # anything but false revokes
        )
    except (KeyError, TypeError):
        raise Refusal(Kind.INTERNAL, "a client's entry in the key store is damaged") from None
