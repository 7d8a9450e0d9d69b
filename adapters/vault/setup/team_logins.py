"""Teams' logins to Vault: AppRoles on a separate mount, one per tenant with its name, under one policy.

The policy takes the tenant from the AppRole's name, so that registering a team needs no right to write policies. Teams
of one tenant share its AppRole, as they share its keys; each has secret IDs of its own. Blocking: call it in a thread.
"""

import json
from pathlib import Path
from typing import Any

import hvac

from adapters.vault.calls import ensure, read, write
from adapters.vault.errors import unavailable
from adapters.vault.teams import require_team
from config.settings import VaultSettings
from domain.refusals import Kind, Refusal

POLICY = "assay-team"
_TOKEN_SECONDS = 1800
_LAST_TOKEN_SECONDS = 3600  # access to the keys ends within this time after a secret ID was destroyed
_SECRET_ID_SECONDS = 90 * 86_400


def ensure_team_logins(client: hvac.Client, settings: VaultSettings, policies_dir: Path) -> None:
    """Create the mount and the policy if they are missing or different."""
    mount = f"{settings.team_approle_mount}/"
    found = (read(client, "sys/auth") or {}).get(mount)
    if found is None:
        client.sys.enable_auth_method("approle", path=settings.team_approle_mount)
        found = (read(client, "sys/auth") or {}).get(mount)
    if found is None:
        raise unavailable()
    text = (policies_dir / "team.hcl").read_text("utf-8").replace("TEAMS_ACCESSOR", str(found["accessor"]))
    ensure(client, f"sys/policies/acl/{POLICY}", {"policy": text})


def issue_team_secret_id(
    client: hvac.Client, settings: VaultSettings, tenant: str, team: str, wrap_ttl: str
) -> tuple[str, str]:
    """Return the teams' role ID, and a token that unwraps this team's secret ID once.

    The token expires after ``wrap_ttl``.

    Raises:
        Refusal: INVALID_REQUEST for an invalid name; NOT_FOUND if there is no such tenant.
    """
    require_team(tenant, team)
    if read(client, f"{settings.transit_mount}/keys/tenant-{tenant}") is None:
        raise Refusal(Kind.NOT_FOUND, f"there is no tenant '{tenant}': create it first")
    role = f"auth/{settings.team_approle_mount}/role/{tenant}"
    _ensure_role(client, role)
    role_id = read(client, f"{role}/role-id")
    issued: Any = client.write_data(
        f"{role}/secret-id", data={"metadata": json.dumps({"team": team})}, wrap_ttl=wrap_ttl
    )
    if role_id is None:
        raise unavailable()
    return str(role_id["role_id"]), str(issued["wrap_info"]["token"])


def destroy_team_secret_ids(client: hvac.Client, settings: VaultSettings, tenant: str, team: str) -> int:
    """Destroy a team's secret IDs; return their number. Its tokens expire within the hour."""
    require_team(tenant, team)
    role = f"auth/{settings.team_approle_mount}/role/{tenant}"
    answer = client.list(f"{role}/secret-id")
    destroyed = 0
    for accessor in answer["data"]["keys"] if isinstance(answer, dict) else ():
        body = {"secret_id_accessor": accessor}
        found = write(client, f"{role}/secret-id-accessor/lookup", body)
        if (found.get("metadata") or {}).get("team") == team:
            client.write_data(f"{role}/secret-id-accessor/destroy", data=body)
            destroyed += 1
    return destroyed


def _ensure_role(client: hvac.Client, path: str) -> None:
    """Create the AppRole. An operator may assign it this policy and no other, which Vault compares as text."""
    wanted = {
        "token_no_default_policy": True,
        "token_ttl": _TOKEN_SECONDS,
        "token_max_ttl": _LAST_TOKEN_SECONDS,
        "secret_id_ttl": _SECRET_ID_SECONDS,
        "bind_secret_id": True,
    }
    found = read(client, path)
    if found is None or found.get("token_policies") != [POLICY] or any(found.get(k) != v for k, v in wanted.items()):
        client.write_data(path, data={**wanted, "token_policies": POLICY})
