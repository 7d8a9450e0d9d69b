"""Reading the log: what PostgreSQL itself keeps from a reader, and what proofs say of a store that was changed."""

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from adapters.log.proofs import PostgresLogProofs
from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.pool import PostgresPool
from adapters.postgres.records import PostgresRecords
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.session import ServiceSession
from adapters.vault.setup.setup import create_tenant
from assay_temporal.keyring import KeyUnavailable
from domain.budgets.values import Appended
from domain.records.fields import OutcomeFields
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Kind, Refusal
from tests.adapters.stack import Stack, SystemClock
from tests.doubles.events import new_event_id
from tests.doubles.log import store as log
from tests.doubles.log.store import LogKey


@pytest.fixture
def keyring(stack: Stack, api_session: ServiceSession) -> ServiceKeyRing:
    return ServiceKeyRing(api_session, stack.vault, SystemClock())


@pytest.fixture
def ledger(keyring: ServiceKeyRing, api_session: ServiceSession, api_pool: PostgresPool) -> PostgresLedger:
    encrypter = RecordEncrypter(keyring, VaultIdentity(api_session), PostgresSubjectKeys(api_pool, keyring))
    return PostgresLedger(api_pool, encrypter)


@pytest.fixture
async def connection(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    connection = await stack.superuser()
    yield connection
    await connection.close()


async def put(ledger: PostgresLedger, tenant: str) -> Appended:
    return await ledger.append(
        Record(
            event_id=new_event_id(),
            tenant=tenant,
            kind=EventKind.COMPLETED,
            recorded_at=datetime.now(UTC),
            fields=OutcomeFields(),
            sealed=EncryptedFields(subject="someone", prompt="a prompt"),
        )
    )


@pytest.mark.parametrize("table", ["record", "leaf", "subject_key"])
async def test_a_reader_sees_one_tenant_whatever_its_statement_says(
    ledger: PostgresLedger, reader_pool: PostgresPool, connection: asyncpg.Connection, table: str
) -> None:
    for tenant in ("acme", "globex"):
        await put(ledger, tenant)
    await log.sequence(connection)
    sql = f"SELECT DISTINCT tenant FROM assay.{table}"  # noqa: S608 - a name of this file; no WHERE at all
    assert {row["tenant"] for row in await reader_pool.fetch(sql, tenant="acme")} == {"acme"}
    wrong = f"{sql} WHERE tenant = 'globex' OR true"
    assert {row["tenant"] for row in await reader_pool.fetch(wrong, tenant="acme")} == {"acme"}
    assert await reader_pool.fetch(f"{sql} WHERE tenant = 'globex'", tenant="acme") == []
    assert await reader_pool.fetch(sql) == []  # nothing where no tenant is named, not even that of the last transaction


async def test_a_reader_of_all_tenants_finds_nothing(
    ledger: PostgresLedger, keyring: ServiceKeyRing, api_session: ServiceSession, reader_pool: PostgresPool
) -> None:
    stored = await put(ledger, "acme")
    subjects = PostgresSubjectKeys(reader_pool, keyring)
    records = PostgresRecords(reader_pool, RecordEncrypter(keyring, VaultIdentity(api_session), subjects))
    assert await records.search(limit=5) == []
    assert await records.get(stored.event_id) is None
    found = await records.get(stored.event_id, tenant="acme")
    assert found is not None
    assert found.subject_key is not None
    with pytest.raises(KeyUnavailable):
        await subjects.by_id("globex", found.subject_key)
    assert (await records.unseal(found))["prompt"] == "a prompt"


@pytest.fixture
async def sealed(stack: Stack, ledger: PostgresLedger, connection: asyncpg.Connection) -> tuple[str, list[Appended]]:
    """A tenant with a log of three entries under a checkpoint."""
    tenant = f"t-{secrets.token_hex(8)}"
    await stack.as_root(lambda client: create_tenant(client, tenant))
    stored = [await put(ledger, tenant) for _ in range(3)]
    await log.sequence(connection)
    await log.sign(connection, LogKey(), tenant)
    return tenant, stored


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE assay.tile SET hashes = decode(repeat('00', 96), 'hex') WHERE tenant = $1",
        "UPDATE assay.tile SET hashes = substr(hashes, 1, 64) WHERE tenant = $1",
        "DELETE FROM assay.tile WHERE tenant = $1",
        "UPDATE assay.checkpoint SET note = 'no note' WHERE tenant = $1",
        "UPDATE assay.checkpoint SET note = replace(note, E'\\n3\\n', E'\\n2\\n') WHERE tenant = $1",
    ],
)
async def test_a_tree_that_was_changed_proves_nothing_and_is_reported(
    api_pool: PostgresPool, connection: asyncpg.Connection, sealed: tuple[str, list[Appended]], change: str
) -> None:
    tenant, stored = sealed
    proofs = PostgresLogProofs(api_pool)
    assert await proofs.sealed(tenant, stored[1].event_id) is not None
    await connection.execute(change, tenant)
    with pytest.raises(Refusal) as refused:
        await proofs.sealed(tenant, stored[1].event_id)
    assert refused.value.kind is Kind.INTERNAL


async def test_a_missing_tile_proves_no_growth(
    api_pool: PostgresPool, connection: asyncpg.Connection, sealed: tuple[str, list[Appended]]
) -> None:
    tenant, _ = sealed
    await connection.execute("DELETE FROM assay.tile WHERE tenant = $1", tenant)
    with pytest.raises(Refusal) as refused:
        await PostgresLogProofs(api_pool).consistency(tenant, 1, 3)
    assert refused.value.kind is Kind.INTERNAL
