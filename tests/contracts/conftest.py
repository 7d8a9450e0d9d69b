"""The stores that each contract is run against."""

import secrets

import pytest

from adapters.clients_vault import VaultClients
from adapters.identity_vault import VaultIdentity
from adapters.keyring_vault import VaultKeyRing
from adapters.ledger_postgres import PostgresLedger
from adapters.policies_postgres import PostgresPolicies
from adapters.rates_postgres import PostgresRates
from adapters.record_sealer import RecordSealer
from domain.ports import ClientDirectory, Ledger, PolicyStore, RateLimiter
from tests.adapters.stack import (  # noqa: F401 - fixtures
    SystemClock,
    api_pool,
    api_session,
    operator_session,
    stack,
    worker_session,
    writer_pool,
)
from tests.doubles.ledger import MemoryLedger
from tests.doubles.stores import MemoryDirectory, MemoryPolicies, MemoryRates


class WholeLedger(PostgresLedger):
    """The worker's ledger, with the budget read as the API reads it: neither may do it all."""

    def __init__(self, writer: PostgresLedger, api: PostgresLedger) -> None:
        self.admit, self.close, self.append = writer.admit, writer.close, writer.append
        self.quota = api.quota


@pytest.fixture(params=["memory", "postgres"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    if request.param == "memory":
        return MemoryLedger(SystemClock())
    writer, api = request.getfixturevalue("writer_pool"), request.getfixturevalue("api_pool")
    session = request.getfixturevalue("worker_session")
    vault = request.getfixturevalue("stack").vault
    sealer = RecordSealer(VaultKeyRing(session, vault, SystemClock()), VaultIdentity(session))
    return WholeLedger(PostgresLedger(writer, sealer), PostgresLedger(api, sealer))


@pytest.fixture(params=["memory", "postgres"])
def rates(request: pytest.FixtureRequest) -> RateLimiter:
    if request.param == "memory":
        return MemoryRates(SystemClock())
    return PostgresRates(request.getfixturevalue("api_pool"))


@pytest.fixture(params=["memory", "postgres"])
def policies(request: pytest.FixtureRequest) -> PolicyStore:
    if request.param == "memory":
        return MemoryPolicies()
    return PostgresPolicies(request.getfixturevalue("api_pool"))


@pytest.fixture(params=["memory", "vault"])
def directory(request: pytest.FixtureRequest) -> ClientDirectory:
    if request.param == "memory":
        return MemoryDirectory()
    return VaultClients(request.getfixturevalue("operator_session"))


@pytest.fixture
def caller() -> str:
    """A caller that nobody was before."""
    return secrets.token_hex(16)
