"""Two tenants' logs, written, sequenced and signed; put back to that between tests."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.pool import PostgresPool
from adapters.vault.session import ServiceSession
from cli.wiring.log_verification import verify_log
from domain.identity import event_id
from domain.records.fields import OutcomeFields
from domain.records.records import EncryptedFields, EventKind, Record
from domain.transparency.verification import TenantAudit, VerificationFinding
from services.verification.run import LogReport
from tests.adapters.stack import Stack
from tests.doubles.keys import FixedIdentity, FixedKeyRing
from tests.log_writer import LogWriter
from tests.security.log.owner import Owner

TENANTS = ("acme", "globex")
BATCHES = {"acme": (100, 60, 110, 30), "globex": (20, 20)}
SIZES = {tenant: sum(batches) for tenant, batches in BATCHES.items()}
ORIGINAL = "original"


@dataclass
class LogScene:
    """The logs, who writes them, who owns the database, and who verifies."""

    stack: Stack
    session: ServiceSession
    ledger: PostgresLedger
    writer: LogWriter
    owner: Owner
    kept: Mapping[str, Mapping[str, Any]]

    async def verify(self, **options: Any) -> LogReport:
        """Verify all logs, or as the options say."""
        return await verify_log(self.session, self.stack.settings, **options)

    async def broken(self, tenant: str = "acme", **options: Any) -> TenantAudit:
        """Return the findings for a tenant's log in a verification of all: something, and nothing of the others'."""
        report = await self.verify(**options)
        found = {audit.tenant: audit for audit in report.tenants}
        assert not report.holds
        assert not found[tenant].holds
        return found[tenant]

    async def first(self, tenant: str = "acme", **options: Any) -> VerificationFinding:
        """The first that is found."""
        return (await self.broken(tenant, **options)).findings[0]

    async def append(self, tenant: str, count: int = 1) -> list[Record]:
        """Record events."""
        records = [a_record(tenant) for _ in range(count)]
        for at in range(0, count, 8):
            await asyncio.gather(*(self.ledger.append(record) for record in records[at : at + 8]))
        return records

    async def grow(self) -> None:
        """Sequence what is pending, and have it signed."""
        await self.writer.sequence()
        assert not (await self.writer.sign()).refused

    async def note(self, tenant: str, size: int) -> str:
        """A checkpoint of the store."""
        found = await self.owner.connection.fetchval(
            "SELECT note FROM assay.checkpoint WHERE tenant = $1 AND size = $2", tenant, size
        )
        assert isinstance(found, str)
        return found

    async def run(self, sql: str, *arguments: object) -> None:
        """As the owner."""
        await self.owner.connection.execute(sql, *arguments)


def a_record(tenant: str) -> Record:
    event = event_id(time.time_ns() // 1_000_000, tenant, "a workflow", secrets.token_hex(8), "outcome")
    return Record(
        event_id=event,
        tenant=tenant,
        kind=EventKind.COMPLETED,
        recorded_at=datetime.now(UTC),
        fields=OutcomeFields(model="m", decision="allow"),
        sealed=EncryptedFields(subject="someone", prompt="the prompt", answer="the answer"),
        workflow_id=f"inf.{tenant}.{secrets.token_hex(16)}",
        run_id="run",
    )


@pytest.fixture(scope="session")
async def written(stack: Stack, operator_session: ServiceSession, api_pool: PostgresPool) -> AsyncIterator[LogScene]:
    """Logs of several batches, each of them signed."""
    keyring = FixedKeyRing(*TENANTS)
    ledger = PostgresLedger(api_pool, RecordEncrypter(keyring, FixedIdentity(), PostgresSubjectKeys(api_pool, keyring)))
    client, connection, session = stack.root(), await stack.superuser(), await stack.session("sequencer")
    pool = PostgresPool(session, stack.database, "assay-sequencer")
    await pool.start()
    writer, owner = LogWriter(session, pool, client), Owner(connection)
    scene = LogScene(stack, operator_session, ledger, writer, owner, {})
    for tenant, batches in BATCHES.items():
        for batch in batches:
            await scene.append(tenant, batch)
            await scene.grow()
    scene.kept = {tenant: await writer.kept(tenant) for tenant in TENANTS}
    await owner.back_up(ORIGINAL)
    yield scene
    await pool.close()
    await session.close()
    await connection.close()
    client.adapter.close()


@pytest.fixture
async def scene(written: LogScene) -> AsyncIterator[LogScene]:
    """The logs, with their triggers off, as whoever owns the database can have it."""
    await written.owner.switch_off_triggers()
    yield written
    await written.owner.put_back(ORIGINAL)
    for tenant, kept in written.kept.items():
        await written.writer.put_back(tenant, kept)
    await written.writer.forget_others(written.kept)
    await written.owner.switch_on_triggers()
