"""PostgreSQL and OpenBao, set up as in production, for the tests of what talks to them."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import asyncpg
import hvac
import pytest

from adapters.postgres.migrations import migrate_leased
from adapters.postgres.pool import PostgresPool
from adapters.vault.errors import new_client
from adapters.vault.session import ServiceSession
from adapters.vault.setup.database import DatabaseLogin
from adapters.vault.setup.setup import VaultSetup, issue_secret_id, setup_vault
from config.settings import AppRoleSettings, DatabaseSettings, EmbeddedSettings, Settings, VaultSettings
from domain.refusals import Refusal
from embedded.process.ports import unused_ports
from embedded.servers.group import EmbeddedServers
from tests.paths import ROOT

TENANTS = ("acme", "globex")


class SystemClock:
    """The time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Stack:
    """Two servers, and what a test needs to use or break them."""

    servers: EmbeddedServers
    settings: Settings
    directory: Path
    login: DatabaseLogin
    shared: list[ServiceSession | PostgresPool] = field(default_factory=list)

    @property
    def vault(self) -> VaultSettings:
        return self.settings.vault

    @property
    def database(self) -> DatabaseSettings:
        return self.settings.database

    def root(self) -> hvac.Client:
        return new_client(self.vault, self.servers.vault_root_token)

    async def as_root(self, fn: Callable[[hvac.Client], object]) -> object:
        """Run ``fn`` with the root token."""
        client = self.root()
        try:
            return await asyncio.to_thread(fn, client)
        finally:
            client.adapter.close()

    def plan(self, **changes: object) -> VaultSetup:
        return VaultSetup(**{"settings": self.vault, "database": self.login, "tenants": TENANTS, **changes})

    async def approle(self, name: str) -> AppRoleSettings:
        """Fresh credentials in files, the secret ID wrapped."""
        issued = await self.as_root(lambda client: issue_secret_id(client, f"assay-{name}", "60s"))
        place = self.directory / f"{name}-{secrets.token_hex(4)}"
        place.mkdir()
        (place / "role_id").write_text(issued.role_id)
        (place / "secret_id").write_text(issued.wrapping_token)
        return AppRoleSettings(role_id_file=place / "role_id", secret_id_file=place / "secret_id")

    async def session(self, name: str, **options: object) -> ServiceSession:
        session = ServiceSession(self.vault, await self.approle(name), **options)
        await session.start(wait_seconds=10)
        return session

    async def everybody_serves(self) -> None:
        """Wait until what tests share has noticed that the servers are there again: until then it refuses at once."""
        for dependency in self.shared:
            await eventually(partial(_serves, dependency))

    async def superuser(self, database: str | None = None) -> asyncpg.Connection:
        return await asyncpg.connect(
            host=self.database.host,
            port=self.database.port,
            user=self.servers.postgres_superuser,
            password=self.servers.postgres_superuser_password,
            database=database or self.database.name,
            ssl=False,
        )


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Poll until ``condition`` holds."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server's side of a connection that answers nothing for as long as the client stays."""
    with contextlib.suppress(ConnectionError):
        await reader.read()
    writer.close()


async def _serves(dependency: ServiceSession | PostgresPool) -> bool:
    with contextlib.suppress(Refusal):
        await dependency.check()
        return True
    return False


async def _set_up(stack: Stack) -> None:
    maintenance = await stack.superuser("postgres")
    await maintenance.execute("CREATE DATABASE assay")
    await maintenance.close()
    connection = await stack.superuser()
    roles = (ROOT / "deploy" / "sql" / "roles.sql").read_text()
    for _ in range(2):  # it may be repeated
        await connection.execute(roles)
    password = secrets.token_urlsafe(24)
    await connection.execute(f"ALTER ROLE assay_vault PASSWORD '{password}'")
    await connection.close()
    here = stack.login
    with_password = DatabaseLogin(here.host, here.port, here.name, here.sslmode, password=password)
    await stack.as_root(lambda client: setup_vault(client, stack.plan(database=with_password)))
    session = await stack.session("operator")
    await migrate_leased(session, stack.database)
    await session.close()


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    directory = tmp_path_factory.mktemp("stack")
    postgres_port, vault_port, cluster_port = unused_ports(3)
    embedded = EmbeddedSettings(
        data_dir=directory / "data",
        postgres_port=postgres_port,
        vault_port=vault_port,
        vault_cluster_port=cluster_port,
    )
    servers = EmbeddedServers(Settings(embedded=embedded), only={"postgres", "openbao"})
    async with servers:
        settings = servers.client_settings()
        login = DatabaseLogin("127.0.0.1", postgres_port, sslmode="disable")
        stack = Stack(servers, settings, directory, login)
        await _set_up(stack)
        yield stack


async def _session(stack: Stack, name: str) -> AsyncIterator[ServiceSession]:
    session = await stack.session(name)
    stack.shared.append(session)
    yield session
    stack.shared.remove(session)
    await session.close()


@pytest.fixture
async def everybody_serves_again(stack: Stack) -> AsyncIterator[None]:
    """For tests that take a server away: the next one finds all that is shared at work."""
    yield
    await stack.everybody_serves()


@pytest.fixture(scope="session")
async def api_session(stack: Stack) -> AsyncIterator[ServiceSession]:
    async for session in _session(stack, "api"):
        yield session


@pytest.fixture(scope="session")
async def worker_session(stack: Stack) -> AsyncIterator[ServiceSession]:
    async for session in _session(stack, "worker"):
        yield session


@pytest.fixture(scope="session")
async def sequencer_session(stack: Stack) -> AsyncIterator[ServiceSession]:
    async for session in _session(stack, "sequencer"):
        yield session


@pytest.fixture(scope="session")
async def operator_session(stack: Stack) -> AsyncIterator[ServiceSession]:
    async for session in _session(stack, "operator"):
        yield session


async def _pool(stack: Stack, session: ServiceSession, role: str) -> AsyncIterator[PostgresPool]:
    pool = PostgresPool(session, stack.database, role)
    await pool.start()
    stack.shared.append(pool)
    yield pool
    stack.shared.remove(pool)
    await pool.close()


@pytest.fixture(scope="session")
async def api_pool(stack: Stack, api_session: ServiceSession) -> AsyncIterator[PostgresPool]:
    async for pool in _pool(stack, api_session, "assay-api"):
        yield pool


@pytest.fixture(scope="session")
async def writer_pool(stack: Stack, worker_session: ServiceSession) -> AsyncIterator[PostgresPool]:
    async for pool in _pool(stack, worker_session, "assay-writer"):
        yield pool


@pytest.fixture(scope="session")
async def auditor_pool(stack: Stack, operator_session: ServiceSession) -> AsyncIterator[PostgresPool]:
    async for pool in _pool(stack, operator_session, "assay-auditor"):
        yield pool


@pytest.fixture(scope="session")
async def operator_pool(stack: Stack, operator_session: ServiceSession) -> AsyncIterator[PostgresPool]:
    async for pool in _pool(stack, operator_session, "assay-operator"):
        yield pool


@pytest.fixture(scope="session")
async def reader_pool(stack: Stack, api_session: ServiceSession) -> AsyncIterator[PostgresPool]:
    async for pool in _pool(stack, api_session, "assay-reader"):
        yield pool


@pytest.fixture(scope="session")
async def sequencer_pool(stack: Stack, sequencer_session: ServiceSession) -> AsyncIterator[PostgresPool]:
    async for pool in _pool(stack, sequencer_session, "assay-sequencer"):
        yield pool
