"""The pool: its logins are replaced under load, and it heals when its servers come back."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.postgres.pool import PostgresPool
from adapters.vault.session import ServiceSession
from adapters.vault.setup.database import DatabaseLogin
from adapters.vault.setup.setup import setup_vault
from domain.refusals import Kind, Refusal
from embedded.causes import explained
from tests.adapters.stack import Stack, eventually

pytestmark = pytest.mark.usefixtures("everybody_serves_again")


@pytest.fixture
async def pool(stack: Stack, worker_session: ServiceSession) -> AsyncIterator[PostgresPool]:
    pool = PostgresPool(worker_session, stack.database, "assay-writer")
    await pool.start()
    yield pool
    await pool.close()


async def serves(pool: PostgresPool) -> bool:
    with contextlib.suppress(Refusal):
        await pool.check()
        return True
    return False


async def serves_vault(session: ServiceSession) -> bool:
    with contextlib.suppress(Refusal):
        await session.check()
        return True
    return False


async def _has_other_login(pool: PostgresPool, user: str) -> bool:
    try:
        return (await pool.fetchrow("SELECT session_user::text AS name"))["name"] != user
    except Refusal:
        return False


async def test_logins_are_replaced_under_load_without_an_error(stack: Stack, worker_session: ServiceSession) -> None:
    here = stack.login
    short = DatabaseLogin(here.host, here.port, here.name, here.sslmode, default_ttl=2, max_ttl=4)
    await stack.as_root(lambda client: setup_vault(client, stack.plan(database=short)))
    pool = PostgresPool(worker_session, stack.database, "assay-writer")
    users: set[str] = set()
    calls = 0
    until = time.monotonic() + 6

    async def load() -> None:
        nonlocal calls
        while time.monotonic() < until:
            row = await pool.fetchrow("SELECT session_user::text AS name, pg_sleep(0.005)")
            users.add(row["name"])
            calls += 1

    try:
        await pool.start()
        await asyncio.gather(*(load() for _ in range(12)))
        await stack.as_root(lambda client: setup_vault(client, stack.plan()))
        assert len(users) >= 4
        assert calls > 100
    finally:
        await stack.as_root(lambda client: setup_vault(client, stack.plan()))
        await pool.close()

    async def old_logins_are_gone() -> bool:
        connection = await stack.superuser()
        left = await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = ANY($1)", list(users))
        await connection.close()
        return left <= 1

    await eventually(old_logins_are_gone)


async def test_a_login_that_is_dropped_is_replaced(stack: Stack, pool: PostgresPool) -> None:
    user = (await pool.fetchrow("SELECT session_user::text AS name"))["name"]
    connection = await stack.superuser()
    await connection.execute(f'ALTER ROLE "{user}" NOLOGIN')
    await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", user)
    await connection.close()
    await eventually(lambda: _has_other_login(pool, user))


async def test_a_new_token_brings_a_new_login(stack: Stack) -> None:
    session = await stack.session("worker")
    pool = PostgresPool(session, stack.database, "assay-writer")
    await pool.start()
    user = (await pool.fetchrow("SELECT session_user::text AS name"))["name"]
    token = await session.call(lambda client: client.token)
    await stack.as_root(lambda root: root.write_data("auth/token/revoke", data={"token": token}))

    await eventually(lambda: serves_vault(session))
    await eventually(lambda: _has_other_login(pool, user))
    await pool.close()
    await session.close()


async def test_closing_the_session_ends_the_login(stack: Stack) -> None:
    session = await stack.session("worker")
    pool = PostgresPool(session, stack.database, "assay-writer")
    await pool.start()
    user = (await pool.fetchrow("SELECT session_user::text AS name"))["name"]
    await pool.close()
    await session.close()

    async def gone() -> bool:
        connection = await stack.superuser()
        found = await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", user)
        await connection.close()
        return found == 0

    await eventually(gone)


async def test_it_heals_when_postgres_is_killed(stack: Stack, pool: PostgresPool) -> None:
    await asyncio.gather(*(pool.fetchrow("SELECT pg_sleep(0.05)") for _ in range(8)))
    in_flight = asyncio.gather(*(pool.fetchrow("SELECT pg_sleep(1.5)") for _ in range(4)), return_exceptions=True)
    await asyncio.sleep(0)  # let them begin
    await stack.servers.kill("postgres")
    results = await in_flight
    assert all(isinstance(r, asyncpg.Record) or r.kind is Kind.STORE_UNAVAILABLE for r in results)
    await stack.servers.until_ready("postgres")
    await eventually(lambda: serves(pool))


async def test_statements_are_bounded_in_time(pool: PostgresPool) -> None:
    with pytest.raises(Refusal) as refusal:
        await pool.fetchrow("SELECT pg_sleep(60)")
    assert refusal.value.kind is Kind.STORE_UNAVAILABLE
    assert refusal.value.retry_after
    await pool.check()


async def test_waiting_for_a_connection_is_bounded_in_time(stack: Stack, worker_session: ServiceSession) -> None:
    narrow = stack.database.model_copy(update={"pool_size": 1, "connect_timeout_seconds": 0.3})
    pool = PostgresPool(worker_session, narrow, "assay-writer")
    await pool.start()
    slow = asyncio.create_task(pool.fetchrow("SELECT pg_sleep(1)"))
    await eventually(lambda: _is_busy(stack))
    with pytest.raises(Refusal) as refusal:
        await pool.fetchrow("SELECT 1")
    assert refusal.value.kind is Kind.STORE_UNAVAILABLE
    await slow
    await pool.close()


async def _is_busy(stack: Stack) -> bool:
    connection = await stack.superuser()
    busy = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE query LIKE '%pg_sleep(1)' AND state = 'active' AND pid <> pg_backend_pid()"
    )
    await connection.close()
    return busy > 0


async def test_a_wrong_statement_is_an_internal_fault_and_quotes_nothing(pool: PostgresPool) -> None:
    with pytest.raises(Refusal) as refusal:
        await pool.fetchrow("SELECT 'secret'::integer")
    assert refusal.value.kind is Kind.INTERNAL
    assert "secret" not in str(refusal.value)


async def test_nothing_is_to_be_had_before_vault_lets_in(stack: Stack) -> None:
    session = ServiceSession(stack.vault, await stack.approle("worker"))
    pool = PostgresPool(session, stack.database, "assay-writer")
    await pool.start(wait_seconds=0.1)
    assert not await serves(pool)
    await session.start()
    await eventually(lambda: serves(pool))
    await pool.close()
    await session.close()


CAUSES = {
    "ASSAY_DATABASE__NAME": ({"name": "absent"}, "assay-writer"),
    "can't be reached at ASSAY_DATABASE__HOST": ({"port": 9}, "assay-writer"),
    "Vault leases no login": ({}, "assay-sequencer"),  # to which the worker has no right
}


@pytest.mark.parametrize("cause", CAUSES)
async def test_an_operator_gets_the_cause_and_a_client_does_not(
    stack: Stack, worker_session: ServiceSession, cause: str
) -> None:
    changed, role = CAUSES[cause]
    pool = PostgresPool(worker_session, stack.database.model_copy(update=changed), role)
    await pool.start(wait_seconds=1)
    with pytest.raises(Refusal) as refused:
        await pool.check()
    await pool.close()
    assert refused.value.kind is Kind.STORE_UNAVAILABLE
    assert cause in explained(refused.value)
    assert refused.value.detail == "the database can't be reached"


async def test_a_rejected_login_is_told_apart(stack: Stack, worker_session: ServiceSession) -> None:
    pool = PostgresPool(worker_session, stack.database, "assay-writer")
    await pool.start()
    connection = await stack.superuser()
    user = (await pool.fetchrow("SELECT session_user::text AS name"))["name"]
    await connection.execute(f'ALTER ROLE "{user}" NOLOGIN')
    await pool._pool.expire_connections()
    with pytest.raises(Refusal) as refused:
        await pool.check()
    await pool.close()
    await connection.close()
    assert "rejects the login that Vault leased" in explained(refused.value)
