"""``assay migrate``, ``tenant``, ``client``: operator commands, with the operator's AppRole."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any, TypeVar

import typer

from adapters.postgres.migrations import MigrationError, migrate_leased
from adapters.vault.clients import VaultClients
from adapters.vault.session import ServiceSession
from adapters.vault.setup.setup import create_tenant, tenant_names
from cli.output import JsonFlag, Output
from cli.wiring.erasure import require_not_erased
from config.settings import Settings
from domain.access.principals import Role, require_tenant
from domain.refusals import Refusal
from embedded.causes import explained
from embedded.operator_access import ensure_client, operator_session
from embedded.places import local_settings, places

Result = TypeVar("Result")
tenants = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Tenants: isolated customers, each with its own encryption key."
)
clients = typer.Typer(no_args_is_help=True, add_completion=False, help="OAuth clients.")


def as_operator(out: Output, use: Callable[[ServiceSession, Settings], Awaitable[Result]]) -> Result:
    """Run a command with the operator's session; a refusal becomes an error message."""
    settings = local_settings(Settings())

    async def run() -> Result:
        async with operator_session(settings) as session:
            return await use(session, settings)

    try:
        return asyncio.run(run())
    except (Refusal, MigrationError) as error:
        raise out.fail(explained(error) if isinstance(error, Refusal) else str(error)) from None


def migrate(as_json: JsonFlag = False) -> None:
    """Bring the database schema up to date. Safe to repeat, and to run on several machines at once."""
    out = Output(as_json)

    async def use(session: ServiceSession, settings: Settings) -> dict[str, Any]:
        done = await migrate_leased(session, settings.database, mount=settings.vault.database_mount)
        return {"applied": list(done.applied), "present": list(done.present)}

    done = as_operator(out, use)
    out.value(done, f"applied: {', '.join(done['applied']) or 'nothing, the schema is up to date'}")


@tenants.command("create")
def create(
    name: Annotated[str, typer.Argument(help="1 to 40 characters of a-z, 0-9 and '-'.")], as_json: JsonFlag = False
) -> None:
    """Create a tenant with its own encryption key in Vault."""
    out = Output(as_json)

    async def use(session: ServiceSession, settings: Settings) -> None:
        mount = settings.vault.transit_mount
        await require_not_erased(session, settings, require_tenant(name))
        await session.call(lambda client: create_tenant(client, name, mount=mount))

    as_operator(out, use)
    out.value({"tenant": name}, f"tenant '{name}' is there")


@tenants.command("list")
def list_tenants(as_json: JsonFlag = False) -> None:
    """List the tenants."""
    out = Output(as_json)

    async def use(session: ServiceSession, settings: Settings) -> list[str]:
        mount = settings.vault.transit_mount
        return await session.call(lambda client: tenant_names(client, mount=mount))

    out.table([{"tenant": name} for name in as_operator(out, use)], "Tenants")


@clients.command("create")
def create_client(
    client_id: Annotated[str, typer.Argument(help="Client ID.")],
    tenant: Annotated[str, typer.Option(help="Tenant of the client.")],
    role: Annotated[list[Role] | None, typer.Option(help="Repeatable.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Create an OAuth client. Its secret goes to a file (mode 0600) in the data directory, and stored as a hash."""
    out = Output(as_json)

    async def use(session: ServiceSession, settings: Settings) -> bool:
        require_tenant(tenant)
        directory = VaultClients(session, kv_mount=settings.vault.kv_mount)
        if await directory.get(client_id) is not None:
            return False
        await ensure_client(session, settings, places(settings), client_id, tenant, tuple(role or ()))
        return True

    if not as_operator(out, use):
        raise out.fail(f"client '{client_id}' already exists")
    path = str(places(Settings()).client(client_id))
    out.value({"client_id": client_id, "credentials": path}, f"client '{client_id}' created; its secret is in {path}")


@clients.command("list")
def list_clients(as_json: JsonFlag = False) -> None:
    """List the clients, without their secrets."""
    out = Output(as_json)

    async def use(session: ServiceSession, settings: Settings) -> list[dict[str, Any]]:
        entries = await VaultClients(session, kv_mount=settings.vault.kv_mount).list()
        return [
            {
                "client": entry.client_id,
                "tenant": entry.tenant,
                "roles": " ".join(entry.roles),
                "created": entry.created_at,
                "revoked": entry.revoked,
            }
            for entry in entries
        ]

    out.table(as_operator(out, use), "Clients")


@clients.command("revoke")
def revoke_client(client_id: Annotated[str, typer.Argument()], as_json: JsonFlag = False) -> None:
    """Revoke a client: no new tokens. Existing tokens expire within their lifetime (15 minutes by default)."""
    out = Output(as_json)

    async def use(session: ServiceSession, settings: Settings) -> bool:
        directory = VaultClients(session, kv_mount=settings.vault.kv_mount)
        entry = await directory.get(client_id)
        if entry is not None:
            await directory.put(replace(entry, revoked=True))
        return entry is not None

    if not as_operator(out, use):
        raise out.fail(f"there is no client '{client_id}'")
    out.value({"client_id": client_id, "revoked": True}, f"client '{client_id}' revoked")
