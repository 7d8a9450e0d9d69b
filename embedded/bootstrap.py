"""Makes of four fresh servers a stack that Assay can run on. A repeat changes nothing and is quick.

PostgreSQL gets its database and roles, Vault what ``adapters.vault.setup.setup`` says, the schema its migrations, the
model's key its place, and the demo its tenant and clients; the policy's files are applied where no policy is current.
The root token is used here, for the set-up and to let services in; what commands need goes through the operator's
AppRole.
"""

import asyncio
import secrets
from collections.abc import Sequence

import asyncpg
import hvac

from adapters.postgres.migrations import migrate_leased
from adapters.vault.errors import new_client
from adapters.vault.session import ServiceSession
from adapters.vault.setup.database import DatabaseLogin, needs_password
from adapters.vault.setup.setup import VaultSetup, issue_secret_id, setup_vault
from config import roles
from config.checkout import SQL_ROLES
from config.roles import ProcessRole
from config.settings import Settings
from domain.access.principals import Role
from embedded.causes import setting_up
from embedded.operator_access import ensure_client, operator_session
from embedded.places import Places, local_settings, places
from embedded.policy import PolicyAtStart, ensure_policy
from embedded.process.files import write_private
from embedded.servers.group import EmbeddedServers

TENANT = "demo"
DEMO_CLIENTS = {"demo": (Role.AI_OPERATOR,), "auditor": (Role.AUDITOR,), "admin": (Role.ADMIN,), "guest": ()}
"""Clients of the tenant ``demo`` with their roles. The guest has none, to demonstrate refusals."""

_WRAP_TTL = "2m"


async def bootstrap(servers: EmbeddedServers, settings: Settings) -> PolicyAtStart:
    """Set up what is missing. ``settings`` are those that ``servers`` was made with.

    Raises:
        EmbeddedError: no policy can be made current, or a server can't be set up.
        MigrationError: the data are of another release.
        Refusal: a server is unavailable to the operator; see ``embedded.causes``.
    """
    local = local_settings(settings)
    where = places(settings)
    root = new_client(local.vault, servers.vault_root_token)
    try:
        place = local.database
        login = DatabaseLogin(place.host, place.port, place.name, sslmode="disable")
        with setting_up("PostgreSQL"):
            password = await _prepare_database(servers, local, root, login)
        plan = VaultSetup(local.vault, _with_password(login, password), tenants=(TENANT,))
        with setting_up("OpenBao"):
            await asyncio.to_thread(setup_vault, root, plan)
            await asyncio.to_thread(_let_operator_in, root, where, local)
    finally:
        root.adapter.close()
    async with operator_session(local) as session:
        await migrate_leased(session, local.database, mount=local.vault.database_mount)
        await _keep_model_key(session, local, servers.model_api_key)
        for client_id, granted in DEMO_CLIENTS.items():
            await ensure_client(session, local, where, client_id, TENANT, granted)
        return await ensure_policy(session, local)


def let_services_in(
    servers: EmbeddedServers, settings: Settings, wanted: Sequence[ProcessRole] = roles.SERVING
) -> None:
    """Write new, response-wrapped credentials for processes: valid once, for two minutes. Blocking."""
    local = local_settings(settings)
    root = new_client(local.vault, servers.vault_root_token)
    try:
        for role in wanted:
            with setting_up("OpenBao"):
                issued = issue_secret_id(root, role.approle, _WRAP_TTL, mount=local.vault.approle_mount)
            _write_approle(places(settings), role, issued.role_id, issued.wrapping_token)
    finally:
        root.adapter.close()


async def _prepare_database(
    servers: EmbeddedServers, settings: Settings, root: hvac.Client, login: DatabaseLogin
) -> str | None:
    """Create the database and its roles. Return a new password for Vault's login if Vault has none."""
    maintenance = await _superuser(servers, settings, "postgres")
    try:
        if not await maintenance.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", settings.database.name):
            await maintenance.execute(f'CREATE DATABASE "{settings.database.name}"')
    finally:
        await maintenance.close()
    connection = await _superuser(servers, settings, settings.database.name)
    try:
        await connection.execute("SET client_min_messages = warning")
        await connection.execute(await asyncio.to_thread(SQL_ROLES.read_text, "utf-8"))
        mount = settings.vault.database_mount
        if not await asyncio.to_thread(needs_password, root, mount, login):
            return None
        password = secrets.token_urlsafe(32)
        await connection.execute(f"ALTER ROLE assay_vault PASSWORD '{password}'")  # URL-safe characters only
        return password
    finally:
        await connection.close()


async def _superuser(servers: EmbeddedServers, settings: Settings, database: str) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=settings.database.host,
        port=settings.database.port,
        user=servers.postgres_superuser,
        password=servers.postgres_superuser_password,
        database=database,
        timeout=settings.database.connect_timeout_seconds,
    )


def _with_password(login: DatabaseLogin, password: str | None) -> DatabaseLogin:
    return DatabaseLogin(login.host, login.port, login.name, login.sslmode, password=password)


def _let_operator_in(root: hvac.Client, where: Places, settings: Settings) -> None:
    """Issue an AppRole login for the operator's commands, once."""
    files = where.approle(roles.OPERATOR)
    if files.secret_id_file is not None and files.secret_id_file.exists():
        return
    mount = settings.vault.approle_mount
    role_id = root.auth.approle.read_role_id(roles.OPERATOR.approle, mount_point=mount)["data"]["role_id"]
    secret_id = root.auth.approle.generate_secret_id(roles.OPERATOR.approle, mount_point=mount)["data"]["secret_id"]
    _write_approle(where, roles.OPERATOR, role_id, secret_id)


def _write_approle(where: Places, role: ProcessRole, role_id: str, secret_id: str) -> None:
    files = where.approle(role)
    if files.role_id_file is None or files.secret_id_file is None:
        raise ValueError(f"no credential files are configured for the AppRole of {role.name}")
    files.role_id_file.parent.mkdir(mode=0o700, exist_ok=True)
    write_private(files.role_id_file, role_id.encode())
    write_private(files.secret_id_file, secret_id.encode())


async def _keep_model_key(session: ServiceSession, settings: Settings, api_key: str) -> None:
    """Store the local model's key at its path in the models file."""
    mount = settings.vault.kv_mount
    await session.call(
        lambda client: client.secrets.kv.v2.create_or_update_secret(
            "providers/local", {"api_key": api_key}, mount_point=mount
        )
    )
