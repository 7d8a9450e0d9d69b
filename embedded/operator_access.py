"""The operator's session with Vault, and OAuth clients with their secrets in the data directory.

Apart from the servers, whose modules take most of the time in which a command starts.
"""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.system.clock import SystemClock
from adapters.vault.clients import VaultClients
from adapters.vault.identity import VaultIdentity
from adapters.vault.session import ServiceSession
from config.roles import OPERATOR
from config.settings import Settings
from domain.access.clients import ClientEntry
from domain.access.principals import Role
from domain.refusals import Refusal
from embedded.places import Places
from embedded.process.files import write_private

_SETTINGS = "see ASSAY_VAULT__ADDRESS, ASSAY_VAULT__OPERATOR__ROLE_ID_FILE, ASSAY_VAULT__OPERATOR__SECRET_ID_FILE"


@asynccontextmanager
async def operator_session(settings: Settings) -> AsyncIterator[ServiceSession]:
    """A session as the operator, for one command.

    Raises:
        Refusal: VAULT_UNAVAILABLE, with the cause.
    """
    session = ServiceSession(settings.vault, settings.vault.approle(OPERATOR), threads=2)
    await session.start()
    try:
        try:
            await session.check()
        except Refusal as refusal:
            raise Refusal(refusal.kind, f"{refusal.detail} ({_SETTINGS})") from None
        yield session
    finally:
        await session.close()


async def ensure_client(
    session: ServiceSession, settings: Settings, where: Places, client_id: str, tenant: str, roles: tuple[Role, ...]
) -> None:
    """Create an OAuth client with its secret in the data directory, unless its file exists."""
    if where.client(client_id).exists():
        return
    secret = f"assay_{secrets.token_urlsafe(32)}"  # a form that the masking of prompts knows
    identities = VaultIdentity(session, kv_mount=settings.vault.kv_mount)
    entry = ClientEntry(
        client_id=client_id,
        tenant=tenant,
        subject=f"client:{client_id}",
        roles=tuple(role.value for role in roles),
        secret_hash=await identities.hash_client_secret(client_id, secret),
        created_at=SystemClock().now().isoformat(),
    )
    await VaultClients(session, kv_mount=settings.vault.kv_mount).put(entry)
    where.client(client_id).parent.mkdir(mode=0o700, exist_ok=True)
    write_private(where.client(client_id), json.dumps({"client_id": client_id, "client_secret": secret}).encode())
