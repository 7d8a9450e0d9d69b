"""Migrations: SQL files, forward only, each applied once in its own transaction.

A file is identified by its number and the SHA-256 of its bytes. One that was edited after it was applied is an error:
the applied migration must be the reviewed one.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from adapters.postgres.connect import connect
from adapters.postgres.errors import STORE_ERRORS, as_refusal
from adapters.vault.calls import lease_database
from adapters.vault.session import ServiceSession
from config import roles
from config.checkout import MIGRATIONS
from config.settings import DatabaseSettings

_LOCK_TIMEOUT = "60s"
_STATEMENT_SECONDS = 600

# A lock that needs a right to the table, which no login but the migrating one has: anybody could hold an advisory one.
_ONE_AT_A_TIME = "LOCK TABLE assay.schema_migration IN SHARE ROW EXCLUSIVE MODE"
_CREATE_HISTORY = """
CREATE TABLE IF NOT EXISTS assay.schema_migration (
  name text PRIMARY KEY,
  sha256 text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""


class MigrationError(Exception):
    """The files and the database don't match. Names the file."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """Names of the files applied now, and of those applied before."""

    applied: tuple[str, ...]
    present: tuple[str, ...]


async def migrate(connection: asyncpg.Connection, directory: Path = MIGRATIONS) -> Migrated:
    """Apply missing migrations, as ``assay_owner``, whose member the connection's login must be.

    Raises:
        MigrationError: an applied file was edited or is missing.
        PostgresError: a file failed; those before it stay applied.
    """
    await connection.execute("SET ROLE assay_owner; SET client_min_messages = warning")
    await connection.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'; SET statement_timeout = '{_STATEMENT_SECONDS}s'")
    with suppress(asyncpg.UniqueViolationError, asyncpg.DuplicateTableError):  # another process creates it just now
        await connection.execute(_CREATE_HISTORY)
    return await _apply_missing(connection, await asyncio.to_thread(_read_all, directory))


async def migrate_leased(
    session: ServiceSession, settings: DatabaseSettings, *, mount: str = "database", directory: Path = MIGRATIONS
) -> Migrated:
    """Migrate with a login leased from Vault. The login ends with the session's token.

    Raises:
        MigrationError: see ``migrate``.
        Refusal: VAULT_UNAVAILABLE or STORE_UNAVAILABLE.
    """
    lease = await session.call(lambda client: lease_database(client, mount, roles.MIGRATE_LOGIN.name))
    try:
        connection = await connect(
            settings, user=lease.user, password=lease.password, application=roles.MIGRATE_LOGIN.name
        )
        try:
            return await migrate(connection, directory)
        finally:
            await connection.close(timeout=settings.connect_timeout_seconds)
    except STORE_ERRORS as error:
        raise as_refusal(error) from error


async def _apply_missing(connection: asyncpg.Connection, files: Mapping[str, bytes]) -> Migrated:
    """Apply each missing file in its own transaction, while no other process applies any."""
    applied = list[str]()
    while True:
        async with connection.transaction():
            await connection.execute(_ONE_AT_A_TIME, timeout=_STATEMENT_SECONDS)
            missing = _missing(files, await _present(connection, files))
            if not missing:
                break
            name = missing[0]
            await connection.execute(files[name].decode(), timeout=_STATEMENT_SECONDS)
            await connection.execute(
                "INSERT INTO assay.schema_migration (name, sha256) VALUES ($1, $2)",
                name,
                hashlib.sha256(files[name]).hexdigest(),
            )
        applied.append(name)
    now = await _present(connection, files)
    return Migrated(applied=tuple(applied), present=tuple(name for name in now if name not in applied))


async def _present(connection: asyncpg.Connection, files: Mapping[str, bytes]) -> tuple[str, ...]:
    rows = await connection.fetch("SELECT name, sha256 FROM assay.schema_migration ORDER BY name")
    for row in rows:
        if row["name"] not in files:
            raise MigrationError(f"{row['name']} was applied, but its file is missing: this is an older release")
        if hashlib.sha256(files[row["name"]]).hexdigest() != row["sha256"]:
            raise MigrationError(
                f"{row['name']} was edited after it was applied: restore it, and add a new file instead"
            )
    return tuple(row["name"] for row in rows)


def _missing(files: Mapping[str, bytes], present: tuple[str, ...]) -> list[str]:
    missing = [name for name in files if name not in present]
    if present and missing and missing[0] < present[-1]:
        raise MigrationError(
            f"{missing[0]} comes before {present[-1]}, which is already applied: give it a later number"
        )
    return missing


def _read_all(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.glob("[0-9][0-9][0-9][0-9]_*.sql"))}
