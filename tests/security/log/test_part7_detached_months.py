"""A month that is taken out of the log is missed by verification and readers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from adapters.log.entries import PostgresLogEntries
from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.pool import PostgresPool
from adapters.postgres.records import PostgresRecords
from adapters.vault.session import ServiceSession
from domain.records.queries import RecordFilter
from domain.refusals import Kind, Refusal
from domain.transparency.verification import Fault
from tests.adapters.archive.archives import old_record
from tests.doubles.keys import FixedIdentity, FixedKeyRing
from tests.security.log.scene import SIZES, TENANTS, LogScene

THIS_MONTH = datetime.now(UTC).date().replace(day=1)
WHERE = f"assay.record_{THIS_MONTH:%Y_%m}"
HOWS = ("detached", "detached, an empty one in its place", "dropped", "emptied")
# As it was: what the table has, and nothing about what the tree has.
WRONG_LIST = "SELECT * FROM assay.record ORDER BY recorded_at DESC LIMIT 50"


@dataclass
class Readers:
    """Readers of the log: the API, for a tenant, and an operator."""

    api: PostgresRecords
    operator: PostgresRecords
    entries: PostgresLogEntries
    pool: PostgresPool


@pytest.fixture(scope="module")
async def readers(
    written: LogScene, api_session: ServiceSession, operator_session: ServiceSession
) -> AsyncIterator[Readers]:
    pools = [
        PostgresPool(api_session, written.stack.database, "assay-reader"),
        PostgresPool(operator_session, written.stack.database, "assay-auditor"),
    ]
    keyring, records = FixedKeyRing(*TENANTS), list[PostgresRecords]()
    for pool in pools:
        await pool.start()
        records.append(
            PostgresRecords(pool, RecordEncrypter(keyring, FixedIdentity(), PostgresSubjectKeys(pool, keyring)))
        )
    yield Readers(*records, PostgresLogEntries(pools[0]), pools[0])
    for pool in pools:
        await pool.close()


async def _take_out(scene: LogScene, how: str) -> None:
    if how == "emptied":
        await scene.run(f"TRUNCATE {WHERE}")
        return
    await scene.run(f"ALTER TABLE assay.record DETACH PARTITION {WHERE}")
    if how == "dropped":
        await scene.run(f"DROP TABLE {WHERE}")
    elif how != "detached":
        await scene.run(f"ALTER TABLE {WHERE} RENAME TO elsewhere")
        await scene.run("SELECT assay.make_month($1)", THIS_MONTH)


async def _put_in(scene: LogScene) -> None:
    """Whatever was done to it: the month is there, and what it had is put back with the rest of the scene."""
    if await scene.owner.connection.fetchval("SELECT to_regclass('assay.elsewhere') IS NOT NULL"):
        await scene.run("DROP TABLE assay.elsewhere")
    await scene.run("SELECT assay.make_month($1)", THIS_MONTH)
    await scene.run("SELECT assay.attach_month($1)", THIS_MONTH)
    await scene.run(f"ALTER TABLE {WHERE} DISABLE TRIGGER ALL")


@pytest.fixture(params=HOWS)
async def robbed(scene: LogScene, request: pytest.FixtureRequest) -> AsyncIterator[LogScene]:
    """The owner has taken the current month away."""
    await scene.run("SET ROLE assay_owner")
    await _take_out(scene, request.param)
    yield scene
    await _put_in(scene)
    await scene.run("RESET ROLE")


async def _refused(reading: object) -> Refusal:
    with pytest.raises(Refusal) as refused:
        await reading  # type: ignore[misc] - any of them
    return refused.value


async def test_the_verification_names_the_month_that_is_gone(robbed: LogScene) -> None:
    for tenant in TENANTS:
        audit = await robbed.broken(tenant)
        assert audit.findings[0].fault in (Fault.MONTH_DETACHED, Fault.RECORD_MISSING)
        assert (audit.findings[0].seq, audit.size) == (0, SIZES[tenant])


async def test_no_reader_is_given_a_list_without_it(robbed: LogScene, readers: Readers) -> None:
    assert await robbed.owner.connection.fetch(WRONG_LIST) == [], "a list as before is empty, as if nothing had been"
    event: UUID = await robbed.owner.event("acme", 3)
    recent = datetime.now(UTC) - timedelta(days=1)
    for reading in (
        readers.api.search(tenant="acme"),
        readers.api.search(tenant="acme", where=RecordFilter(since=recent)),
        readers.api.get(event, tenant="acme"),
        readers.operator.search(),
        readers.operator.search(tenant="globex", workflow_id="no such run"),
        readers.operator.get(event),
        readers.entries.span("acme", SIZES["acme"], since=recent),
    ):
        refusal = await _refused(reading)
        assert refusal.kind is Kind.STORE_UNAVAILABLE
    assert f"{THIS_MONTH:%Y-%m}" in (await _refused(readers.api.search(tenant="acme"))).detail
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    assert await readers.api.search(tenant="acme", where=RecordFilter(until=long_ago)) == [], "nothing is missing there"
    assert await readers.api.get(UUID(int=1), tenant="acme") is None


async def test_a_detached_month_is_named_as_such(scene: LogScene) -> None:
    await scene.run("SET ROLE assay_owner")
    await _take_out(scene, "detached")
    try:
        finding = await scene.first()
        assert (finding.fault, finding.seq) == (Fault.MONTH_DETACHED, 0)
        (audit,) = (await scene.verify(tenant="acme")).tenants
        assert audit.warnings == [], "it is not being archived"
    finally:
        await _put_in(scene)
        await scene.run("RESET ROLE")


async def test_a_month_that_is_being_archived_is_not_listed_as_empty_either(scene: LogScene, readers: Readers) -> None:
    month, now = date(2025, 3, 1), datetime.now(UTC)
    await scene.run("SET ROLE assay_owner")
    await scene.run("SELECT assay.make_month($1)", month)
    await scene.run("RESET ROLE")
    record = old_record(month, number=0)
    await scene.ledger.append(record)
    await scene.grow()
    march = RecordFilter(since=datetime(2025, 3, 1, tzinfo=UTC), until=datetime(2025, 4, 1, tzinfo=UTC))
    assert len(await readers.api.search(tenant="acme", where=march)) == 1
    try:
        await scene.run("SELECT assay.detach_month($1)", month)
        assert (await _refused(readers.api.search(tenant="acme", where=march))).kind is Kind.STORE_UNAVAILABLE
        assert (await _refused(readers.api.get(record.event_id, tenant="acme"))).kind is Kind.STORE_UNAVAILABLE
        assert await readers.api.search(tenant="acme", where=RecordFilter(since=now - timedelta(days=1)))
        assert len(await readers.api.search(tenant="acme", limit=5)) == 5, "a page of newer ones lacks nothing"
    finally:
        await scene.run("DROP TABLE assay.record_2025_03")


async def test_nothing_is_missed_in_a_log_that_is_whole(scene: LogScene, readers: Readers) -> None:
    assert len(await readers.api.search(tenant="globex", limit=1000)) == SIZES["globex"]
    assert await readers.operator.search(tenant="unknown") == []
    rows = await readers.pool.fetch("SELECT assay.unreadable_months(null, null, null)")
    assert rows == []
