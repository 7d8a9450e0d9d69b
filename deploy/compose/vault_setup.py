"""Set-up of Vault for the compose deployment. Prints the services' credentials, so only to a pipe.

    docker compose run --rm -T vault-setup setup < root-token | scripts/compose-secrets store
    docker compose run --rm -T vault-setup issue | scripts/compose-secrets store

``setup`` takes a token on standard input that may do everything, once. ``issue`` uses the operator's AppRole. Each line
of output is a name and a value. Secret IDs of services come response-wrapped: good for one start, within the hour.
"""

import argparse
import asyncio
import os
import secrets
import ssl
import sys
from pathlib import Path

import asyncpg
import hvac

from adapters.vault.errors import new_client
from adapters.vault.setup.database import DatabaseLogin, needs_password
from adapters.vault.setup.setup import VaultSetup, issue_secret_id, setup_vault
from assay_temporal.vault.login import AppRoleLogin
from config import roles
from config.settings import Settings

WRAP_TTL = "1h"
_SERVER_CA = "/pki/ca.crt"  # path inside Vault's own container
_SUPERUSER = "postgres"


async def new_password(settings: Settings, superuser_password: str) -> str:
    """Set a new password for Vault's login in PostgreSQL, which Vault rotates immediately."""
    place = settings.database
    tls: ssl.SSLContext | bool = False
    if place.tls_required:
        tls = ssl.create_default_context(cafile=str(place.ca_file) if place.ca_file else None)
    connection = await asyncpg.connect(
        host=place.host, port=place.port, database=place.name, user=_SUPERUSER, password=superuser_password, ssl=tls
    )
    try:
        password = secrets.token_urlsafe(32)
        await connection.execute(f"ALTER ROLE assay_vault PASSWORD '{password}'")  # URL-safe characters only
    finally:
        await connection.close()
    return password


def setup(client: hvac.Client, settings: Settings, superuser_password: str) -> dict[str, str]:
    """Set up everything that is missing; return the operator's credentials, unwrapped, and the services'."""
    place = settings.database
    mode, ca = ("verify-full", _SERVER_CA) if place.tls_required else ("disable", None)
    login = DatabaseLogin(place.host, place.port, place.name, mode, ca)
    if needs_password(client, settings.vault.database_mount, login):
        password = asyncio.run(new_password(settings, superuser_password))
        login = DatabaseLogin(place.host, place.port, place.name, mode, ca, password=password)
    setup_vault(client, VaultSetup(settings.vault, login))
    mount = settings.vault.approle_mount
    role_id = client.auth.approle.read_role_id(roles.OPERATOR.approle, mount_point=mount)["data"]["role_id"]
    secret_id = client.auth.approle.generate_secret_id(roles.OPERATOR.approle, mount_point=mount)["data"]["secret_id"]
    return {"operator_role_id": str(role_id), "operator_secret_id": str(secret_id)} | issue(client, settings)


def issue(client: hvac.Client, settings: Settings) -> dict[str, str]:
    """Return new credentials for the services."""
    found: dict[str, str] = {}
    for role in roles.SERVING:
        issued = issue_secret_id(client, role.approle, WRAP_TTL, mount=settings.vault.approle_mount)
        found |= {f"{role.name}_role_id": issued.role_id, f"{role.name}_secret_id": issued.wrapping_token}
    return found


def main() -> int:
    """Run the command; see the module."""
    parser = argparse.ArgumentParser(description="Set Vault up, or let the services in again.")
    parser.add_argument("order", choices=("setup", "issue"))
    order = parser.parse_args().order
    if sys.stdout.isatty():
        sys.stderr.write("vault_setup: this prints credentials: pipe it into scripts/compose-secrets store\n")
        return 2
    superuser_file = os.environ.pop("ASSAY_SUPERUSER_PASSWORD_FILE", None)  # not one of Assay's settings
    settings = Settings()
    if order == "setup":
        if superuser_file is None:
            sys.stderr.write("vault_setup: ASSAY_SUPERUSER_PASSWORD_FILE is not set\n")
            return 2
        client = new_client(settings.vault, sys.stdin.readline().strip())
        found = setup(client, settings, Path(superuser_file).read_text("utf-8").strip())
    else:
        token = AppRoleLogin(settings.vault, settings.vault.approle(roles.OPERATOR)).login()
        found = issue(new_client(settings.vault, token.value), settings)
    sys.stdout.write("".join(f"{name} {value}\n" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
