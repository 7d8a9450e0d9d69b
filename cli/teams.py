"""``assay team``: registering and revoking teams, with the operator's AppRole."""

from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.system.clock import SystemClock
from adapters.vault.session import ServiceSession
from adapters.vault.setup.team_logins import destroy_team_secret_ids, issue_team_secret_id
from adapters.vault.teams import VaultTeams
from cli.admin import as_operator
from cli.output import JsonFlag, Output
from config.settings import Settings
from domain.access.clients import TeamEntry
from domain.access.principals import Role
from embedded.places import places
from embedded.process.files import write_private

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Teams: groups that start runs of their tenant from their own workflows.",
)
Tenant = Annotated[str, typer.Option(help="Tenant of the team.")]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="1 to 64 characters of a-z, 0-9 and '-': the client ID of its runs.")],
    tenant: Tenant,
    role: Annotated[list[Role] | None, typer.Option(help="Repeatable; 'ai_operator' by default.")] = None,
    wrap_ttl: Annotated[
        str, typer.Option(help="How long the wrapped secret ID can be unwrapped, at most 24h.")
    ] = "24h",
    as_json: JsonFlag = False,
) -> None:
    """Register a team, or issue a new secret ID to a registered one. Credentials are written to files (mode 0600).

    Its runs belong to the OAuth client of the same name: they share its budget and read rights.
    """
    out = Output(as_json)
    roles = tuple(found.value for found in role or [Role.AI_OPERATOR])

    async def use(session: ServiceSession, settings: Settings) -> dict[str, Any]:
        issued = await session.call(lambda client: issue_team_secret_id(client, settings.vault, tenant, name, wrap_ttl))
        entry = TeamEntry(tenant, name, f"client:{name}", roles, SystemClock().now().isoformat())
        await VaultTeams(session, kv_mount=settings.vault.kv_mount).put(entry)
        return {"team": name, "tenant": tenant, "roles": list(roles), **_keep(Settings(), tenant, name, issued)}

    made = as_operator(out, use)
    out.value(
        made,
        f"team '{name}' of tenant '{tenant}' registered; within {wrap_ttl} it logs in to Vault with the files\n"
        f"  {made['role_id_file']}\n  {made['secret_id_file']}",
    )


@app.command("list")
def list_teams(as_json: JsonFlag = False) -> None:
    """List the registered teams."""
    out = Output(as_json)

    async def use(session: ServiceSession, settings: Settings) -> list[dict[str, Any]]:
        entries = await VaultTeams(session, kv_mount=settings.vault.kv_mount).list()
        return [
            {
                "team": entry.client_id,
                "tenant": entry.tenant,
                "roles": " ".join(entry.roles),
                "since": entry.created_at,
            }
            for entry in entries
        ]

    out.table(as_operator(out, use), "Teams")


@app.command("revoke")
def revoke(name: Annotated[str, typer.Argument()], tenant: Tenant, as_json: JsonFlag = False) -> None:
    """Revoke a team: its new runs are refused at once, its access to the tenant's keys ends within an hour."""
    out = Output(as_json)

    async def use(session: ServiceSession, settings: Settings) -> tuple[bool, int]:
        teams = VaultTeams(session, kv_mount=settings.vault.kv_mount)
        known = await teams.get(tenant, name) is not None
        await teams.remove(tenant, name)
        return known, await session.call(lambda client: destroy_team_secret_ids(client, settings.vault, tenant, name))

    known, destroyed = as_operator(out, use)
    if not known and not destroyed:
        raise out.fail(f"there is no team '{name}' of tenant '{tenant}'")
    out.value(
        {"team": name, "tenant": tenant, "revoked": True, "secret_ids_destroyed": destroyed},
        f"team '{name}' of tenant '{tenant}' revoked",
    )


def _keep(settings: Settings, tenant: str, name: str, issued: tuple[str, str]) -> dict[str, str]:
    """Write the role ID and the wrapped secret ID to private files."""
    folder = places(settings).team(tenant, name)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files: dict[str, Path] = {"role_id_file": folder / "role-id", "secret_id_file": folder / "secret-id"}
    for path, content in zip(files.values(), issued, strict=True):
        write_private(path, content.encode())
    return {kind: str(path) for kind, path in files.items()}
