"""Set-up of Vault for Assay: engines, keys, policies, AppRoles and database logins.

Everything is read before it is written, so that a repeat changes nothing and is quick. Blocking: call it in a thread.
"""

import base64
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hvac
from hvac.exceptions import InvalidRequest

from adapters.vault.calls import ensure, kv_read, kv_write, read
from adapters.vault.setup.database import DatabaseLogin, ensure_database
from adapters.vault.setup.team_logins import ensure_team_logins
from config import roles
from config.checkout import VAULT_POLICIES
from config.settings import VaultSettings
from domain import signing_keys
from domain.access.principals import SYSTEM_TENANT, require_tenant
from domain.refusals import Kind, Refusal

_PEPPER_BYTES = 32
_MOUNT_READY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class VaultSetup:
    """Plan of the set-up. Lifetimes are in seconds, 0 is unlimited; a service's token is renewed while the service
    runs.
    """

    settings: VaultSettings
    database: DatabaseLogin
    tenants: tuple[str, ...] = ()
    token_period: int = 3600
    service_secret_id_ttl: int = 90 * 86_400
    operator_secret_id_ttl: int = 0
    policies_dir: Path = VAULT_POLICIES


@dataclass(frozen=True, slots=True)
class IssuedSecretId:
    """Credentials of a process: the role ID, and a token that unwraps the secret ID once."""

    role_id: str
    wrapping_token: str = field(repr=False)


def setup_vault(client: hvac.Client, plan: VaultSetup) -> None:
    """Set up everything that is missing or different. Idempotent.

    Raises:
        Refusal: INVALID_REQUEST if Vault lacks the database's credentials and the plan has no password.
        VaultError, RequestException: Vault is unavailable, or the client's token lacks permission.
    """
    settings = plan.settings
    _ensure_mounts(client, settings)
    for key in signing_keys.ALL:
        _ensure_key(client, settings, key, "ed25519")
    for tenant in (SYSTEM_TENANT, *plan.tenants):
        _ensure_key(client, settings, f"tenant-{tenant}", "aes256-gcm96")
    _ensure_pepper(client, settings)
    for role in roles.ALL:
        _ensure_policy(client, role.approle, (plan.policies_dir / role.policy_file).read_text("utf-8"))
        ttl = plan.service_secret_id_ttl if role.serves else plan.operator_secret_id_ttl
        wanted = {
            "token_policies": [role.approle],
            "token_no_default_policy": True,
            "token_period": plan.token_period,
            "secret_id_ttl": ttl,
            "bind_secret_id": True,
        }
        ensure(client, f"auth/{settings.approle_mount}/role/{role.approle}", wanted)
    ensure_team_logins(client, settings, plan.policies_dir)
    ensure_database(client, settings.database_mount, plan.database)


def issue_secret_id(client: hvac.Client, approle: str, wrap_ttl: str, *, mount: str = "approle") -> IssuedSecretId:
    """Issue a secret ID of ``approle``, wrapped for ``wrap_ttl`` (such as ``10m``).

    Raises:
        Refusal: NOT_FOUND if there is no such AppRole.
    """
    role = read(client, f"auth/{mount}/role/{approle}/role-id")
    if role is None:
        raise Refusal(Kind.NOT_FOUND, "there is no such AppRole: set up Vault first")
    issued: Any = client.write_data(f"auth/{mount}/role/{approle}/secret-id", data={}, wrap_ttl=wrap_ttl)
    return IssuedSecretId(str(role["role_id"]), str(issued["wrap_info"]["token"]))


def create_tenant(client: hvac.Client, name: str, *, mount: str = "transit") -> None:
    """Create a tenant's key. Idempotent.

    Raises:
        Refusal: INVALID_REQUEST for an invalid name.
    """
    ensure(client, f"{mount}/keys/tenant-{require_tenant(name)}", {"type": "aes256-gcm96"})


def tenant_names(client: hvac.Client, *, mount: str = "transit") -> list[str]:
    """Return the tenants that have a key, without ``system``."""
    answer = client.list(f"{mount}/keys")
    names = answer["data"]["keys"] if isinstance(answer, dict) else []
    found = (name.removeprefix("tenant-") for name in names if name.startswith("tenant-"))
    return sorted(name for name in found if name != SYSTEM_TENANT)


def _ensure_key(client: hvac.Client, settings: VaultSettings, name: str, kind: str) -> None:
    ensure(client, f"{settings.transit_mount}/keys/{name}", {"type": kind})


def _ensure_policy(client: hvac.Client, name: str, text: str) -> None:
    ensure(client, f"sys/policies/acl/{name}", {"policy": text})


def _ensure_mounts(client: hvac.Client, settings: VaultSettings) -> None:
    engines = read(client, "sys/mounts") or {}
    for mount, kind in ((settings.transit_mount, "transit"), (settings.database_mount, "database")):
        if f"{mount}/" not in engines:
            client.sys.enable_secrets_engine(kind, path=mount)
    if f"{settings.kv_mount}/" not in engines:
        client.sys.enable_secrets_engine("kv", path=settings.kv_mount, options={"version": "2"})
        _await_kv(client, settings.kv_mount)
    if f"{settings.approle_mount}/" not in (read(client, "sys/auth") or {}):
        client.sys.enable_auth_method("approle", path=settings.approle_mount)


def _await_kv(client: hvac.Client, mount: str) -> None:
    """Wait for a new versioned KV engine, which refuses requests with 400 while it initialises."""
    deadline = time.monotonic() + _MOUNT_READY_SECONDS
    while True:
        try:
            client.write_data(f"{mount}/config", data={"max_versions": 4})
        except InvalidRequest:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _ensure_pepper(client: hvac.Client, settings: VaultSettings) -> None:
    """Create the installation's secret once. Another one would change the hashes of all callers."""
    if kv_read(client, settings.kv_mount, "identity") is None:
        pepper = base64.b64encode(secrets.token_bytes(_PEPPER_BYTES)).decode()
        kv_write(client, settings.kv_mount, "identity", {"pepper": pepper}, cas=0)
