"""Pool of PostgreSQL connections with credentials leased from Vault and replaced in use.

One owner task takes new credentials at half the life of the lease, when the session's token changes (leases end with
their token), and when PostgreSQL rejects a login. Connections of the old login finish their work and are then closed;
the old lease expires by itself, long after. Every wait is bounded.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from adapters.postgres.connect import connect, tls_context
from adapters.postgres.errors import STORE_ERRORS, as_refusal, is_lost_connection, is_rejected_login, unavailable
from adapters.vault.calls import lease_database
from adapters.vault.session import ServiceSession
from assay_temporal.backoff import Backoff
from config.settings import DatabaseSettings
from domain.refusals import Refusal

_log = structlog.get_logger()
_SHORTEST_LOGIN_SECONDS = 1.0
_AS_TENANT = "SELECT set_config('assay.tenant', $1, true)"


@dataclass(frozen=True, slots=True)
class _Login:
    """A leased login. ``token_generation`` is that of its token; ``renew_at`` is in monotonic seconds."""

    user: str
    password: str = field(repr=False)
    token_generation: int
    renew_at: float


class PostgresPool:
    """Pool of connections: see the module. A ``Dependency`` named ``postgres``."""

    def __init__(
        self,
        session: ServiceSession,
        settings: DatabaseSettings,
        vault_role: str,
        *,
        mount: str = "database",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the parts; nothing connects before ``start``. ``vault_role`` such as ``assay-writer``."""
        self._session = session
        self._settings = settings
        self._vault_role = vault_role
        self._mount = mount
        self._monotonic = monotonic
        self._tls = tls_context(settings)
        self._patience = settings.connect_timeout_seconds + settings.statement_timeout_seconds
        self._login: _Login | None = None
        self._pool: asyncpg.Pool | None = None
        self._rejected = asyncio.Event()
        self._first_login = asyncio.Event()
        self._not_leased: Refusal | None = None
        self._owner: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """``postgres``."""
        return "postgres"

    async def start(self, wait_seconds: float = 5.0) -> None:
        """Start the owner, and wait at most so long for the first login. Returns in any case: see ``check``."""
        if self._owner is None:
            self._pool = asyncpg.create_pool(
                connect=self._connect, min_size=0, max_size=self._settings.pool_size, reset=_keep_as_is
            )
            await self._pool
            self._owner = asyncio.create_task(self._own(), name=f"postgres-pool-{self._vault_role}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_seconds):
                await self._first_login.wait()

    async def fetchrow(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        """Run a statement that returns one row at most. It may run twice, so it must be idempotent.

        Raises:
            Refusal: STORE_UNAVAILABLE, or INTERNAL for a statement that PostgreSQL rejects.
            PostgresError: of Assay's own SQLSTATEs (class ``AS``) only.
        """
        rows = await self.fetch(sql, *arguments)
        return rows[0] if rows else None

    async def fetch(self, sql: str, *arguments: object, tenant: str | None = None) -> list[asyncpg.Record]:
        """Run a statement. As ``fetchrow``, for any number of rows; ``tenant`` as in ``transaction``."""
        try:
            async with asyncio.timeout(self._patience):
                try:
                    return await self._once(sql, arguments, tenant)
                except STORE_ERRORS as error:
                    if not is_lost_connection(error):
                        raise
                return await self._once(sql, arguments, tenant)  # connections to a restarted server are lost
        except STORE_ERRORS as error:
            raise self._meaning(error) from error

    @contextlib.asynccontextmanager
    async def transaction(self, *, tenant: str | None = None) -> "AsyncIterator[PoolConnectionProxy[asyncpg.Record]]":
        """Open a transaction that sees only the rows of ``tenant`` if row-level security requires one.

        Raises:
            Refusal, PostgresError: as ``fetch``. Nothing is repeated.
        """
        if self._pool is None or self._login is None:
            raise unavailable() from self._not_leased
        try:
            async with (
                asyncio.timeout(self._patience),
                self._pool.acquire(timeout=self._settings.connect_timeout_seconds) as connection,
                connection.transaction(),
            ):
                if tenant is not None:
                    await connection.execute(_AS_TENANT, tenant)
                yield connection
        except STORE_ERRORS as error:
            raise self._meaning(error) from error

    async def check(self) -> None:
        """Check that a statement runs.

        Raises:
            Refusal: STORE_UNAVAILABLE.
        """
        await self.fetch("SELECT 1")

    async def close(self) -> None:
        """Stop, and close the connections; those in use are closed after the statement timeout."""
        if self._owner is not None:
            self._owner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._owner
        if self._pool is not None:
            try:
                async with asyncio.timeout(self._settings.statement_timeout_seconds):
                    await self._pool.close()
            except (TimeoutError, *STORE_ERRORS):
                self._pool.terminate()

    def _meaning(self, error: Exception) -> Exception:
        """Return the exception to raise for an error of the store: itself, for Assay's own SQLSTATEs."""
        if isinstance(error, asyncpg.PostgresError) and str(error.sqlstate).startswith("AS"):
            return error
        if is_rejected_login(error):
            self._rejected.set()
        return as_refusal(error)

    async def _once(self, sql: str, arguments: tuple[object, ...], tenant: str | None) -> list[asyncpg.Record]:
        if self._pool is None or self._login is None:
            raise unavailable() from self._not_leased
        async with self._pool.acquire(timeout=self._settings.connect_timeout_seconds) as connection:
            if tenant is None:
                return await connection.fetch(sql, *arguments)
            async with connection.transaction():
                await connection.execute(_AS_TENANT, tenant)
                return await connection.fetch(sql, *arguments)

    async def _connect(self, *_: object, **__: object) -> asyncpg.Connection:
        login = self._login
        if login is None:
            raise unavailable() from self._not_leased
        return await connect(
            self._settings, user=login.user, password=login.password, application=self._vault_role, tls=self._tls
        )

    async def _own(self) -> None:
        """Maintain a working login until cancelled."""
        backoff = Backoff()
        while True:
            try:
                self._login = await self._lease()
            except Refusal as refusal:
                self._not_leased = refusal
                await asyncio.sleep(backoff.next())
                continue
            self._rejected.clear()
            self._first_login.set()
            if self._pool is not None:
                await self._pool.expire_connections()
            _log.info("postgres.login_leased", role=self._vault_role)
            begun = self._monotonic()
            await self._until_due(self._login)
            if self._monotonic() - begun < _SHORTEST_LOGIN_SECONDS:  # rejected at once: don't accumulate leases
                await asyncio.sleep(backoff.next())
            else:
                backoff.reset()

    async def _lease(self) -> _Login:
        generation = self._session.generation
        lease = await self._session.call(lambda client: lease_database(client, self._mount, self._vault_role))
        return _Login(lease.user, lease.password, generation, self._monotonic() + lease.seconds / 2)

    async def _until_due(self, login: _Login) -> None:
        """Wait for half the lease, another token, or a rejected login."""
        reasons = [
            asyncio.create_task(self._session.next_generation(login.token_generation)),
            asyncio.create_task(self._rejected.wait()),
        ]
        try:
            timeout = max(0.0, login.renew_at - self._monotonic())
            await asyncio.wait(reasons, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for reason in reasons:
                reason.cancel()
            await asyncio.gather(*reasons, return_exceptions=True)


async def _keep_as_is(_: asyncpg.Connection) -> None:
    """Replace asyncpg's reset between uses, a round trip each: Assay's statements leave no session state."""
