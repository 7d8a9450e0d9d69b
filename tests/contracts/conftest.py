"""The stores that each contract is run against."""

import secrets
from datetime import timedelta

import pytest

from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.payloads import PostgresPayloads
from adapters.postgres.policies import PostgresPolicyChanges
from adapters.postgres.pool import PostgresPool
from adapters.postgres.requests.rates import PostgresRates
from adapters.vault.clients import VaultClients
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from domain.access.ports import ClientDirectory
from domain.budgets.ports import Ledger, RateLimiter
from domain.policy.ports import PolicyChanges
from tests.adapters.stack import (  # noqa: F401 - fixtures
    Stack,
    SystemClock,
    api_pool,
    api_session,
    operator_pool,
    operator_session,
    reader_pool,
    stack,
    worker_session,
    writer_pool,
)
from tests.contracts.logs import a_log  # noqa: F401 - a fixture
from tests.doubles.ledger import MemoryLedger
from tests.doubles.stores import MemoryDirectory, MemoryPayloads, MemoryPolicies, MemoryRates


class WholeLedger(PostgresLedger):
    """The worker's ledger, with the budget read as the API reads it: neither could do both."""

    def __init__(self, writer: PostgresLedger, api: PostgresLedger) -> None:
        self.admit, self.close, self.append = writer.admit, writer.close, writer.append
        self.quota, self.outcome = api.quota, api.outcome
        self.begin_call, self.begun_calls = writer.begin_call, writer.begun_calls


class AgingMemory(MemoryPayloads):
    """Payloads that can be made older."""

    async def age(self, workflow_id: str, by: timedelta) -> None:
        for digest, (at, workflow, content) in self.stored.items():
            if workflow == workflow_id:
                self.stored[digest] = (at - by, workflow, content)


class AgingPostgres(PostgresPayloads):
    """Payloads that can be made older. The API writes and reads them, the worker removes them."""

    def __init__(self, api: PostgresPool, writer: PostgresPool, servers: Stack) -> None:
        super().__init__(api)
        worker = PostgresPayloads(writer)
        self.old_workflows, self.purge = worker.old_workflows, worker.purge
        self._servers = servers

    async def age(self, workflow_id: str, by: timedelta) -> None:
        connection = await self._servers.superuser()
        sql = "UPDATE assay.payload SET stored_at = stored_at - $1::interval WHERE workflow_id = $2"
        await connection.execute(sql, by, workflow_id)
        await connection.close()


@pytest.fixture(params=["memory", "postgres"])
def payloads(request: pytest.FixtureRequest) -> AgingMemory | AgingPostgres:
    if request.param == "memory":
        return AgingMemory(SystemClock())
    return AgingPostgres(*(request.getfixturevalue(name) for name in ("api_pool", "writer_pool", "stack")))


@pytest.fixture(params=["memory", "postgres"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    if request.param == "memory":
        return MemoryLedger(SystemClock())
    writer, api = request.getfixturevalue("writer_pool"), request.getfixturevalue("api_pool")
    session = request.getfixturevalue("worker_session")
    vault = request.getfixturevalue("stack").vault
    keyring = ServiceKeyRing(session, vault, SystemClock())
    encrypter = RecordEncrypter(keyring, VaultIdentity(session), PostgresSubjectKeys(writer, keyring))
    return WholeLedger(PostgresLedger(writer, encrypter), PostgresLedger(api, encrypter))


@pytest.fixture(params=["memory", "postgres"])
def rates(request: pytest.FixtureRequest) -> RateLimiter:
    if request.param == "memory":
        return MemoryRates(SystemClock())
    return PostgresRates(request.getfixturevalue("api_pool"))


@pytest.fixture(params=["memory", "postgres"])
def policies(request: pytest.FixtureRequest) -> PolicyChanges:
    if request.param == "memory":
        return MemoryPolicies()
    pool, session = request.getfixturevalue("operator_pool"), request.getfixturevalue("operator_session")
    return PostgresPolicyChanges(pool, VaultIdentity(session), SystemClock())


@pytest.fixture(params=["memory", "vault"])
def directory(request: pytest.FixtureRequest) -> ClientDirectory:
    if request.param == "memory":
        return MemoryDirectory()
    return VaultClients(request.getfixturevalue("operator_session"))


@pytest.fixture
def caller() -> str:
    """Return a new caller."""
    return secrets.token_hex(16)
