"""No login holds up the log, custody or migrations by a lock: these lock rows that no login may lock."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from adapters.postgres.connect import connect
from adapters.postgres.migrations import migrate
from adapters.vault.calls import lease_database
from config import roles
from tests.adapters.stack import Stack
from tests.paths import ROOT
from tests.security.log.owner import Owner

LOGINS = tuple(database.name for database in roles.DATABASES if database is not roles.MIGRATE_LOGIN)
NAMES = ("assay.sequence", "assay.make_months", "assay.custody")
MIGRATIONS_LOCK = 0x61737361_79
_NOW = (
    "(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')"
    " || right(replace(gen_random_uuid()::text, '-', ''), 20))::uuid"
)
_RECORD = (
    "ROW({now}, 2, '{tenant}', 'hold_placed', now(), null, null, null, '{{}}', 'k', null, '\\x00',"
    " sha256(convert_to(random()::text, 'UTF8')), sha256(''))::assay.sealed_record"
)
# As it was: any holder of the lock is taken for the sequencer.
WRONG_TURN = "SELECT pg_try_advisory_xact_lock(hashtext('assay.sequence'))"
LOCKS = (
    "LOCK TABLE assay.{} IN ROW SHARE MODE",
    "LOCK TABLE assay.{} IN SHARE ROW EXCLUSIVE MODE",
    "SELECT FROM assay.{} FOR KEY SHARE",
    "SELECT FROM assay.{} FOR UPDATE",
)


@pytest.fixture(scope="module")
async def logins(stack: Stack) -> AsyncIterator[Mapping[str, asyncpg.Connection]]:
    client, opened = stack.root(), dict[str, asyncpg.Connection]()
    for name in LOGINS:
        lease = lease_database(client, "database", name)
        opened[name] = await connect(stack.database, user=lease.user, password=lease.password, application="locks")
    yield opened
    for connection in opened.values():
        await connection.close()
    client.adapter.close()


@pytest.fixture(scope="module", autouse=True)
async def swept(stack: Stack) -> AsyncIterator[None]:
    """Afterwards the log has nothing of these tests, whose leaves were moved without their tiles."""
    yield
    connection = await stack.superuser()
    owner = Owner(connection)
    await owner.switch_off_triggers()
    for table in ("record", "pending", "leaf", "log_head"):
        await connection.execute(f"DELETE FROM assay.{table} WHERE tenant LIKE 't-%'")  # noqa: S608 - names of this file
    await owner.switch_on_triggers()
    await connection.close()


@pytest.fixture
async def owner(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    connection = await stack.superuser()
    await connection.execute("SET lock_timeout = '2s'")
    yield connection
    await connection.close()


async def _take_all_advisory(connection: asyncpg.Connection, tenant: str) -> None:
    for name in NAMES:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", name)
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))", name, tenant)
    await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATIONS_LOCK)


@pytest.mark.parametrize("login", LOGINS)
async def test_a_login_that_holds_every_advisory_lock_stops_nothing(
    logins: Mapping[str, asyncpg.Connection], owner: asyncpg.Connection, login: str, tmp_path: Path
) -> None:
    tenant = f"t-{uuid4().hex[:8]}"
    record = _RECORD.format(now=_NOW, tenant=tenant)
    async with logins[login].transaction():
        await _take_all_advisory(logins[login], tenant)
        assert not await owner.fetchval(WRONG_TURN), "the attack works on the lock of before"
        hold = await owner.fetchval(f"SELECT (assay.place_hold('somebody', 'one', {record})).id")
        assert await owner.fetchval("SELECT assay.hold_on($1, 'somebody')", tenant)
        assert await owner.fetch("SELECT * FROM assay.sequence(4096)")
        await owner.fetchval("SELECT assay.make_months(1)")
        await owner.fetchval(f"SELECT assay.release_hold($1, 'two', false, {record})", hold)
        assert not (await migrate(owner)).applied
        await owner.execute("RESET ROLE")


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("table", ["turn", "schema_migration"])
async def test_no_login_locks_what_gives_a_turn(
    logins: Mapping[str, asyncpg.Connection], login: str, table: str
) -> None:
    for statement in LOCKS:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with logins[login].transaction():
                await logins[login].execute(statement.format(table))


async def test_two_sequencers_take_turns_and_so_do_two_decisions_on_a_tenant(
    stack: Stack, owner: asyncpg.Connection
) -> None:
    tenant, other = f"t-{uuid4().hex[:8]}", await stack.superuser()
    await other.execute("SET lock_timeout = '200ms'")
    record = _RECORD.format(now=_NOW, tenant=tenant)
    try:
        await owner.execute(f"SELECT assay.append({record}), assay.append({record})")
        async with owner.transaction():
            assert await owner.fetch("SELECT * FROM assay.sequence(1)")
            assert await other.fetch("SELECT * FROM assay.sequence(4096)") == []
        assert await other.fetch("SELECT * FROM assay.sequence(4096)")
        async with owner.transaction():
            await owner.execute(f"SELECT assay.place_hold('somebody', 'one', {record})")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await other.execute("SELECT assay.hold_on($1, 'somebody')", tenant)
            assert not await other.fetchval("SELECT assay.hold_on('globex', 'another')"), "another tenant's"
        async with owner.transaction(), other.transaction():
            assert await owner.fetchval("SELECT assay.hold_on($1, 'somebody')", tenant)
            assert await other.fetchval("SELECT assay.hold_on($1, 'somebody')", tenant), "both only look"
            with pytest.raises(asyncpg.LockNotAvailableError):
                await other.execute(f"SELECT assay.place_hold('somebody', 'one', {record})")
    finally:
        await other.close()


async def test_no_function_and_no_statement_takes_an_advisory_lock(owner: asyncpg.Connection) -> None:
    found = await owner.fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'assay'::regnamespace AND prosrc ~ $1", "advisory"
    )
    assert found == []
    sources = [
        path for folder in ("adapters", "services", "worker", "api", "cli") for path in (ROOT / folder).rglob("*.py")
    ]
    assert sources
    assert [
        path.name for path in sources if "pg_advisory" in path.read_text() or "pg_try_advisory" in path.read_text()
    ] == []


@pytest.mark.parametrize("login", LOGINS)
async def test_no_login_makes_a_policy_current_without_a_record(
    logins: Mapping[str, asyncpg.Connection], login: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await logins[login].execute("SELECT assay.make_policy_current($1)", "0" * 64)
