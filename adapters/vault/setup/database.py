"""Vault's database engine: one connection as ``assay_vault``, and a role for each kind of login.

Vault rotates the password of ``assay_vault`` right after it was told, so that nobody else knows it.
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
    """How Vault reaches PostgreSQL, and how long the logins live that it makes (seconds).

    ``password`` is that of ``assay_vault``; needed only where ``needs_password`` says so. ``sslmode`` is libpq's;
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
        """In Vault's notation: it fills in the credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        ca = f"&sslrootcert={quote(self.server_ca_path, safe='/')}" if self.server_ca_path else ""
        place = f"{host}:{self.port}/{quote(self.name)}"
        return f"postgresql://{{{{username}}}}:{{{{password}}}}@{place}?sslmode={self.sslmode}{ca}"


def needs_password(client: hvac.Client, mount: str, login: DatabaseLogin) -> bool:
    """Whether Vault has no credentials for this very database: then a superuser has to set a password, and tell it."""
    found = read(client, f"{mount}/config/{CONNECTION}")
    return found is None or found["connection_details"]["connection_url"] != login.connection_url


def ensure_database(client: hvac.Client, mount: str, login: DatabaseLogin) -> None:
    """Configure the connection and the roles, where they are missing or different."""
    if needs_password(client, mount, login):
        if login.password is None:
            raise Refusal(Kind.INVALID_REQUEST, "Vault needs the password of assay_vault", field="database.password")
        configuration = {
            "plugin_name": "postgresql-database-plugin",
            "allowed_roles": _ALLOWED,
            "connection_url": login.connection_url,
            "username": "assay_vault",
            "password": login.password,
            "password_authentication": "scram-sha-256",  # PostgreSQL and its log are told hashes only
            "max_open_connections": 4,
            "max_connection_lifetime": "60s",
        }
        client.write_data(f"{mount}/config/{CONNECTION}", data=configuration)
        client.write_data(f"{mount}/rotate-root/{CONNECTION}")
    else:  # what is not named stays as it is
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
