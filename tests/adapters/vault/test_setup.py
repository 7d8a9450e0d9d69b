"""Setting up: repeatable, quick, and the database's password is known to Vault alone."""

import asyncio
import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import hvac
import pytest

from adapters.postgres.migrations import MIGRATIONS, MigrationError, migrate
from adapters.vault.calls import kv_read, kv_write, lease_database, read
from adapters.vault.identity import VaultIdentity
from adapters.vault.secrets import VaultSecrets
from adapters.vault.session import ServiceSession
from adapters.vault.setup.database import needs_password
from adapters.vault.setup.setup import create_tenant, setup_vault
from domain.identity import event_id
from domain.refusals import Kind, Refusal
from tests.adapters.stack import Stack
from tests.adapters.vault.test_keyring_vault import Monotonic


async def test_a_repeat_writes_nothing(stack: Stack) -> None:
    client = stack.root()
    pepper = kv_read(client, "assay", "identity")
    written: list[str] = []
    original = client.adapter.post

    def post(url: str, **options: object) -> object:
        written.append(url)
        return original(url, **options)

    client.adapter.post = post
    await asyncio.to_thread(setup_vault, client, stack.plan())
    assert written == []
    assert kv_read(client, "assay", "identity") == pepper
    client.adapter.close()


async def test_a_new_database_password_is_rotated_away(stack: Stack) -> None:
    client = stack.root()
    elsewhere = replace(stack.login, host="localhost")  # as if the database had moved
    assert not needs_password(client, "database", stack.login)
    assert needs_password(client, "database", elsewhere)
    with pytest.raises(Refusal) as refusal:
        await asyncio.to_thread(setup_vault, client, stack.plan(database=elsewhere))
    assert refusal.value.kind is Kind.INVALID_REQUEST
    for login in (elsewhere, stack.login):
        password = secrets.token_urlsafe(24)
        connection = await stack.superuser()
        await connection.execute(f"ALTER ROLE assay_vault PASSWORD '{password}'")
        await connection.close()
        plan = stack.plan(database=replace(login, password=password))
        assert password not in repr(plan)
        await asyncio.to_thread(setup_vault, client, plan)
        assert lease_database(client, "database", "assay-api").user
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(
                host=login.host, port=login.port, user="assay_vault", password=password, database="assay", ssl=False
            )
    client.adapter.close()


async def test_passwords_reach_postgres_as_hashes_only(stack: Stack) -> None:
    connection = await stack.superuser()
    shadows = await connection.fetch("SELECT rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL")
    vault = await connection.fetchrow(
        "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'assay_vault'"
    )
    await connection.close()
    assert all(row["rolpassword"].startswith("SCRAM-SHA-256$") for row in shadows)
    assert tuple(vault) == (False, False, True)


@pytest.mark.parametrize("name", ["system", "", "A", "a/b", "../x", "a" * 41])
async def test_a_tenant_needs_a_name(stack: Stack, name: str) -> None:
    with pytest.raises(Refusal) as refusal:
        await stack.as_root(lambda client: create_tenant(client, name))
    assert refusal.value.kind is Kind.INVALID_REQUEST


async def test_an_operator_makes_a_tenant(operator_session: ServiceSession) -> None:
    for _ in range(2):
        await operator_session.call(lambda client: create_tenant(client, "made-by-operator"))
    key = await operator_session.call(lambda client: read(client, "transit/keys/tenant-made-by-operator"))
    assert (key["type"], key["exportable"], key["deletion_allowed"]) == ("aes256-gcm96", False, False)


async def test_secrets_are_read_and_kept_a_while(stack: Stack, worker_session: ServiceSession) -> None:
    monotonic = Monotonic()
    reader = VaultSecrets(worker_session, cache_seconds=30, monotonic=monotonic)
    await stack.as_root(lambda client: kv_write(client, "assay", "providers/kept", {"api_key": "one"}))
    assert await reader.read("providers/kept") == {"api_key": "one"}
    await stack.as_root(lambda client: kv_write(client, "assay", "providers/kept", {"api_key": "two"}))
    assert await reader.read("providers/kept") == {"api_key": "one"}
    monotonic.now += 31
    assert await reader.read("providers/kept") == {"api_key": "two"}
    for path in ("providers/none", "../sys/mounts", "providers/../identity", "", "/", "providers/kept/", "a b"):
        with pytest.raises(Refusal) as refusal:
            await reader.read(path)
        assert refusal.value.kind is Kind.NOT_FOUND


async def test_identity_keys_are_stable_and_apart(
    api_session: ServiceSession, worker_session: ServiceSession, operator_session: ServiceSession
) -> None:
    identities = [VaultIdentity(session) for session in (api_session, worker_session, operator_session)]
    keys = {await identity.tenant_key("acme") for identity in identities}
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    one = identities[0]
    assert await one.tenant_key("acme") != await one.tenant_key("globex")
    hashes = [await one.hash_client_secret(*pair) for pair in (("a", "x"), ("a", "y"), ("b", "x"), ("a", "x"))]
    assert len(set(hashes)) == 3
    assert hashes[0] == hashes[3]
    assert len(hashes[0]) == 64


class Migrating:
    """A database of its own with the roles, and a connection of the owner's."""

    def __init__(self, connection: asyncpg.Connection, directory: Path) -> None:
        self.connection = connection
        self.directory = directory

    def add(self, name: str, sql: str) -> None:
        (self.directory / name).write_text(sql)


@pytest.fixture
async def migrating(stack: Stack, tmp_path: Path) -> Migrating:
    name = f"m{secrets.token_hex(4)}"
    maintenance = await stack.superuser("postgres")
    await maintenance.execute(f"CREATE DATABASE {name}")
    connection = await stack.superuser(name)
    await connection.execute((MIGRATIONS.parent / "deploy" / "sql" / "roles.sql").read_text())
    yield Migrating(connection, tmp_path)
    await connection.close()
    await maintenance.execute(f"DROP DATABASE {name}")
    await maintenance.close()


async def test_migrations_are_applied_once_and_in_order(migrating: Migrating) -> None:
    migrating.add("0001_a.sql", "CREATE TABLE assay.a (x int)")
    migrating.add("0002_b.sql", "ALTER TABLE assay.a ADD y int; INSERT INTO assay.a VALUES (1, 2)")
    migrating.add("notes.txt", "not SQL")
    first = await migrate(migrating.connection, migrating.directory)
    assert (first.applied, first.present) == (("0001_a.sql", "0002_b.sql"), ())
    migrating.add("0003_c.sql", "INSERT INTO assay.a VALUES (3, 4)")
    second = await migrate(migrating.connection, migrating.directory)
    assert (second.applied, second.present) == (("0003_c.sql",), first.applied)
    assert (await migrate(migrating.connection, migrating.directory)).applied == ()
    assert await migrating.connection.fetchval("SELECT sum(x + y) FROM assay.a") == 10
    assert (
        await migrating.connection.fetchval("SELECT tableowner FROM pg_tables WHERE tablename = 'a'") == "assay_owner"
    )


async def test_an_edited_migration_is_an_error(migrating: Migrating) -> None:
    migrating.add("0001_a.sql", "CREATE TABLE assay.a (x int)")
    await migrate(migrating.connection, migrating.directory)
    migrating.add("0001_a.sql", "CREATE TABLE assay.a (x bigint)")
    with pytest.raises(MigrationError, match=r"0001_a\.sql was edited"):
        await migrate(migrating.connection, migrating.directory)


async def test_a_migration_that_is_gone_or_late_is_an_error(migrating: Migrating) -> None:
    migrating.add("0002_b.sql", "CREATE TABLE assay.b (x int)")
    await migrate(migrating.connection, migrating.directory)
    migrating.add("0001_a.sql", "CREATE TABLE assay.a (x int)")
    with pytest.raises(MigrationError, match=r"0001_a\.sql comes before 0002_b\.sql"):
        await migrate(migrating.connection, migrating.directory)
    (migrating.directory / "0002_b.sql").unlink()
    with pytest.raises(MigrationError, match=r"0002_b\.sql was applied"):
        await migrate(migrating.connection, migrating.directory)


async def test_a_migration_that_fails_leaves_no_trace(migrating: Migrating) -> None:
    migrating.add("0001_a.sql", "CREATE TABLE assay.a (x int)")
    migrating.add("0002_b.sql", "CREATE TABLE assay.b (x int); SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(migrating.connection, migrating.directory)
    migrating.add("0002_b.sql", "CREATE TABLE assay.b (x int)")
    assert (await migrate(migrating.connection, migrating.directory)).applied == ("0002_b.sql",)


async def test_migrations_at_once_happen_once(stack: Stack, migrating: Migrating) -> None:
    for name in ("0001_a", "0002_b", "0003_c"):
        migrating.add(f"{name}.sql", f"CREATE TABLE assay.{name[-1]} (x int); SELECT pg_sleep(0.05)")
    name = await migrating.connection.fetchval("SELECT current_database()")
    others = [await stack.superuser(name) for _ in range(4)]
    done = await asyncio.gather(*(migrate(connection, migrating.directory) for connection in others))
    for connection in others:
        await connection.close()
    assert sorted(name for result in done for name in result.applied) == ["0001_a.sql", "0002_b.sql", "0003_c.sql"]
    assert all(
        sorted((*result.applied, *result.present)) == sorted(done[0].applied + done[0].present) for result in done
    )


_OLD_APPEND = (
    "SELECT assay.append($1, 'acme', 'refused', now(), null, null, '{}', 'k', '\\x00', sha256('a'), sha256('b'))"
)


async def test_records_of_before_move_into_their_months_and_wait_for_the_tree(migrating: Migrating) -> None:
    for file in sorted(MIGRATIONS.glob("000[1-6]_*.sql")):
        migrating.add(file.name, file.read_text())
    await migrate(migrating.connection, migrating.directory)
    long_ago, now = (event_id(ms, "acme", "w", "r", "outcome") for ms in (1_700_000_000_000, time.time_ns() // 10**6))
    for event in (now, long_ago):
        await migrating.connection.execute(_OLD_APPEND, event)
    await migrate(migrating.connection)
    parts = await migrating.connection.fetch("SELECT tableoid::regclass::text AS part, schema FROM assay.record")
    month = datetime.now(UTC).strftime("%Y_%m")
    assert {tuple(row) for row in parts} == {("assay.record_2023_11", 1), (f"assay.record_{month}", 1)}
    waiting = await migrating.connection.fetch("SELECT event_id, digest FROM assay.pending ORDER BY place")
    assert [row["event_id"] for row in waiting] == [now, long_ago]
    await migrating.connection.execute("RESET ROLE; SET ROLE assay_owner")
    with pytest.raises(asyncpg.PostgresError) as refused:
        await migrating.connection.execute("DELETE FROM assay.record_2023_11")
    assert refused.value.sqlstate == "AS009"


async def test_an_event_of_no_month_is_refused_and_not_lost_silently(stack: Stack) -> None:
    connection = await stack.superuser()
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(
            "SELECT assay.append(ROW('00000000-0000-7000-8000-000000000000', 2, 'acme', 'refused', now(), null, null,"
            " null, '{}', 'k', null, '\\x00', sha256('a'), sha256('b'))::assay.sealed_record)"
        )
    await connection.close()


async def test_logins_that_came_later_are_allowed_to_an_older_set_up(stack: Stack) -> None:
    def forget_one(client: hvac.Client) -> None:
        client.write_data("database/config/assay", data={"allowed_roles": ["assay-api"]})
        setup_vault(client, stack.plan())
        client.read("database/creds/assay-archiver")

    await stack.as_root(forget_one)
