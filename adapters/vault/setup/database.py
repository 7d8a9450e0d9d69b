"""Vault's database engine: one connection as ``assay_vault``, and a role for each kind of login.

Vault rotates the password of ``assay_vault`` immediately after it was configured, so that only Vault knows it.
"""

from dataclasses import dataclass, field
from urllib.parse import quote

import hvac

from adapters.vault.calls import ensure, read
from config import roles
from domain.refusals import Kind, Refusal

CONNECTION = "assay"
_ALLOWED = sorted(role.name for role in roles.DATABASES)

_END_SESSIONS = (
    "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE usename = '{{name}}'"
)
_REVOCATION = ('ALTER ROLE "{{name}}" NOLOGIN', _END_SESSIONS, 'DROP ROLE IF EXISTS "{{name}}"')


@dataclass(frozen=True, slots=True)
class DatabaseLogin:
    """Vault's access to PostgreSQL, and the lifetimes (seconds) of the logins that it creates.

    ``password`` is that of ``assay_vault``; needed only if ``needs_password`` is true. ``sslmode`` is libpq's;
    ``server_ca_path`` a file on Vault's own machine.
    """

    host: str
    port: int
    name: str = "assay"
    sslmode: str = "verify-full"
    server_ca_path: str | None = None
    password: str | None = field(default=None, repr=False)
    default_ttl: int = 3600
    max_ttl: int = 86_400

    @property
    def connection_url(self) -> str:
        """Return the URL in Vault's notation, with placeholders for the credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        ca = f"&sslrootcert={quote(self.server_ca_path, safe='/')}" if self.server_ca_path else ""
        place = f"{host}:{self.port}/{quote(self.name)}"
        return f"postgresql://{{{{username}}}}:{{{{password}}}}@{place}?sslmode={self.sslmode}{ca}"


def needs_password(client: hvac.Client, mount: str, login: DatabaseLogin) -> bool:
    """Return True if Vault has no credentials for this database: a superuser then has to set a password."""
    found = read(client, f"{mount}/config/{CONNECTION}")
    return found is None or found["connection_details"]["connection_url"] != login.connection_url


def ensure_database(client: hvac.Client, mount: str, login: DatabaseLogin) -> None:
    """Configure the connection and the roles that are missing or different."""
    if needs_password(client, mount, login):
        if login.password is None:
            raise Refusal(Kind.INVALID_REQUEST, "Vault needs the password of assay_vault", field="database.password")
        configuration = {
            "plugin_name": "postgresql-database-plugin",
            "allowed_roles": _ALLOWED,
            "connection_url": login.connection_url,
            "username": "assay_vault",
            "password": login.password,
            "password_authentication": "scram-sha-256",  # PostgreSQL and its log receive hashes only
            "max_open_connections": 4,
            "max_connection_lifetime": "60s",
        }
        client.write_data(f"{mount}/config/{CONNECTION}", data=configuration)
        client.write_data(f"{mount}/rotate-root/{CONNECTION}")
    else:  # omitted members are unchanged
        ensure(client, f"{mount}/config/{CONNECTION}", {"allowed_roles": _ALLOWED})
    for role in roles.DATABASES:
        created = (
            "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}'"
            f" VALID UNTIL '{{{{expiration}}}}' IN ROLE {role.group}"
        )
        wanted = {
            "db_name": CONNECTION,
            "creation_statements": [created],
            "revocation_statements": list(_REVOCATION),
            "default_ttl": login.default_ttl,
            "max_ttl": login.max_ttl,
        }
        ensure(client, f"{mount}/roles/{role.name}", wanted)
