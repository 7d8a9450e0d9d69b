"""Months leave the log for files and come back: nothing is dropped that was not read back, and nothing comes back that
was changed."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import hvac
import pytest
from backports import zstd

from adapters.postgres.connect import connect
from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.pool import PostgresPool
from adapters.postgres.records import PostgresRecords
from adapters.vault.calls import lease_database
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.session import ServiceSession
from adapters.vault.setup.setup import create_tenant
from cli.wiring.offline_checks import verify_export
from domain.records.records import EventKind
from domain.refusals import Kind, Refusal
from domain.transparency.archive import MonthStays
from domain.transparency.checkpoints import Proof, open_proof, parse_checkpoint, parse_note, vkey
from domain.transparency.merkle import Edge, inclusion_path, leaf_hash
from services.archiving.months import LogMonthArchiver
from tests.adapters.archive.archives import Past, ed25519, old_record, public_log_keys, unused_month
from tests.adapters.stack import Stack, SystemClock
from tests.deploy.test_assay_verify import VERIFIER
from tests.doubles.events import new_event_id


@pytest.fixture
async def archiver(past: Past) -> AsyncIterator[LogMonthArchiver]:
    async with AsyncExitStack() as exits:
        yield await past.archiver(exits)


@pytest.fixture
def records(api_session: ServiceSession, stack: Stack, auditor_pool: PostgresPool) -> PostgresRecords:
    keyring = ServiceKeyRing(api_session, stack.vault, SystemClock())
    subjects = PostgresSubjectKeys(auditor_pool, keyring)
    return PostgresRecords(auditor_pool, RecordEncrypter(keyring, VaultIdentity(api_session), subjects))


async def test_a_month_goes_into_files_and_out_of_the_log(past: Past, archiver: LogMonthArchiver) -> None:
    month = unused_month()
    await past.record(month, ("acme", "globex"))
    report = await archiver.archive(month)
    assert (report.state, report.tenants, report.rows) == ("archived", ("acme", "globex"), 6)
    assert await past.table(month) is None
    assert await past.in_log(month) == 0
    for tenant in ("acme", "globex"):
        assert all(file.exists() for file in past.files(month, tenant))
    leaves = (
        "SELECT count(*) FROM assay.leaf l, assay.month_bounds($1) b"
        " WHERE l.event_id >= b.first AND l.event_id < b.beyond"
    )
    assert await past.owner.fetchval(leaves, month) == 6


async def test_a_restored_month_is_what_it_was(
    past: Past, archiver: LogMonthArchiver, records: PostgresRecords
) -> None:
    month = unused_month()
    (first, *_) = await past.record(month)
    before = await past.owner.fetch(f"SELECT r::text FROM assay.record_{month:%Y_%m} r ORDER BY event_id")  # noqa: S608
    await archiver.archive(month)
    assert await records.search(workflow_id=first.workflow_id) == []
    report = await archiver.restore(month)
    assert (report.state, report.rows) == ("restored", 3)
    (found,) = await records.search(workflow_id=first.workflow_id)
    assert (await records.unseal(found))["prompt"] == "an old prompt"
    after = await past.owner.fetch(f"SELECT r::text FROM assay.record_{month:%Y_%m} r ORDER BY event_id")  # noqa: S608
    assert after == before


async def test_a_month_that_is_archived_takes_nothing_new(past: Past, archiver: LogMonthArchiver) -> None:
    month = unused_month()
    (stored, *_) = await past.record(month)
    await archiver.archive(month)
    for record in (old_record(month), stored):  # a new event, and a repeat of one that lies in the file
        with pytest.raises(Refusal):
            await past.ledger.append(record)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await past.owner.execute("SELECT assay.make_month($1)", month)
    assert refused.value.sqlstate == "AS007"
    await archiver.restore(month)
    with pytest.raises(Refusal):
        await past.ledger.append(old_record(month))
    assert await past.in_log(month) == 3
    waiting = "SELECT count(*) FROM assay.pending p, assay.month_bounds($1) b WHERE p.event_id < b.beyond"
    assert await past.owner.fetchval(waiting, month) == 0


async def test_an_archived_event_is_still_proven(past: Past, archiver: LogMonthArchiver, stack: Stack) -> None:
    month = unused_month()
    (record, *_) = await past.record(month)
    await archiver.archive(month)
    row = await past.owner.fetchrow("SELECT seq, digest FROM assay.leaf WHERE event_id = $1", record.event_id)
    note = await past.owner.fetchval(
        "SELECT note FROM assay.checkpoint WHERE tenant = 'acme' ORDER BY size DESC LIMIT 1"
    )
    leaves = await past.owner.fetch("SELECT digest FROM assay.leaf WHERE tenant = 'acme' ORDER BY seq")
    checkpoint = parse_checkpoint(parse_note(note).text)

    def subtree(level: int, index: int) -> bytes:
        some = leaves[index << level : (index + 1) << level]
        return Edge().append([leaf_hash(leaf["digest"]) for leaf in some]).root()

    path = inclusion_path(checkpoint.size, row["seq"], subtree)
    keys = await public_log_keys(stack)
    assert open_proof(Proof(row["seq"], tuple(path), note), row["digest"], keys, ed25519) == checkpoint


@pytest.mark.parametrize("tampered", [False, True])
async def test_whoever_has_the_logs_key_verifies_a_file_without_assay(
    past: Past,
    archiver: LogMonthArchiver,
    stack: Stack,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    tampered: bool,
) -> None:
    month, later = unused_month(), unused_month()
    await past.record(month)
    await past.record(later, each=2)  # the tree has these between two of the month's
    await past.record(month)
    await archiver.archive(month)
    lines = zstd.decompress(past.files(month)[0].read_bytes()).splitlines(keepends=True)
    if tampered:
        lines[2] = lines[2].replace(b'"kind":"completed"', b'"kind":"cancelled"')
    plain = tmp_path / "month.jsonl"
    plain.write_bytes(b"".join(lines))
    keys = await public_log_keys(stack)
    given = [part for key in keys for part in ("--key", vkey(key.name, key.public_key))]
    capsys.readouterr()  # what logins of shared pools wrote meanwhile
    code = VERIFIER.main(["export", str(plain), *given, "--json"])
    found = json.loads(capsys.readouterr().out)
    if tampered:
        assert (code, found["verdict"], found["why"]) == (1, "broken", "the record differs from the logged one")
        assert found["event_id"] == json.loads(lines[2])["event_id"]
    else:
        assert (code, found["verdict"]) == (0, "holds")
        assert (found["records"], found["leaves_only"]) == (6, 2)
        assert verify_export(lines, keys)["records"] == 6, "our own agrees"
    assert (await archiver.restore(month)).rows == 6
    assert await past.in_log(month) == 6


async def test_what_was_done_is_recorded_in_the_tenants_log_and_in_assays_own(
    past: Past, archiver: LogMonthArchiver
) -> None:
    month = unused_month()
    await past.record(month)
    await archiver.archive(month)
    await archiver.restore(month)
    found = await past.owner.fetch(
        "SELECT tenant, kind, fields->>'log' AS log, fields->>'rows' AS rows FROM assay.record"
        " WHERE fields->>'month' = $1 ORDER BY kind, tenant",
        f"{month:%Y-%m}",
    )
    assert [tuple(row) for row in found] == [
        (tenant, kind, "acme", "3")
        for kind in (EventKind.ARCHIVED.value, EventKind.RESTORED.value)
        for tenant in ("acme", "system")
    ]


async def test_a_young_month_stays(past: Past) -> None:
    month = datetime.now(UTC).date().replace(day=1)
    async with AsyncExitStack() as exits:
        archiver = await past.archiver(exits)
        assert (await archiver.archive(month)).state == "kept"
        assert await past.in_log(month) >= 0
        assert await past.table(month) is not None
        for days, refused in ((0, True), (31, True), (80, False)):
            over = (datetime.now(UTC) - timedelta(days=days)).date().replace(day=1)
            await past.owner.execute("SELECT assay.make_month($1)", over)
            if refused:
                with pytest.raises(asyncpg.PostgresError) as stays:
                    await past.owner.execute("SELECT assay.detach_month($1)", over)
                assert stays.value.sqlstate == "AS007"
            else:
                await past.owner.execute("SELECT assay.detach_month($1), assay.attach_month($1)", over)
        kept = (datetime.now(UTC) - timedelta(days=80)).date().replace(day=1)
        assert (await archiver.archive(kept)).reason == "the policy retains it"


async def test_a_month_waits_until_the_tree_and_a_checkpoint_have_it(past: Past, archiver: LogMonthArchiver) -> None:
    month = unused_month()
    await past.owner.execute("SELECT assay.make_month($1)", month)
    await past.ledger.append(old_record(month))
    assert "wait for the tree" in str((await archiver.archive(month)).reason)
    await past.grow()
    assert "no signed checkpoint" in str((await archiver.archive(month)).reason)
    assert await past.in_log(month) == 1
    await past.sequence()
    assert (await archiver.archive(month)).state == "archived"


@pytest.mark.parametrize("whom", ["tenant", "person", "nobody"])
async def test_a_hold_keeps_the_whole_month(past: Past, archiver: LogMonthArchiver, whom: str) -> None:
    month = unused_month()
    await past.record(month, ("acme", "globex"))
    held = {"tenant": None, "person": await past.subject(month, "globex"), "nobody": "0" * 64}[whom]
    async with past.hold("globex", held) as release:
        report = await archiver.archive(month)
        if whom == "nobody":
            assert report.state == "archived"
            return
        assert (report.state, await past.in_log(month), await past.in_log(month, "globex")) == ("kept", 3, 3)
        assert "legal hold of the tenant globex" in str(report.reason)
        await release()
        assert (await archiver.archive(month)).state == "archived"


async def test_a_hold_that_comes_while_files_are_written_keeps_the_rows(past: Past, archiver: LogMonthArchiver) -> None:
    month = unused_month()
    await past.record(month)
    drop = archiver._store.drop

    async def late(of: date) -> None:
        await past.place_hold("acme")
        await drop(of)

    async with past.hold("acme", "0" * 64) as release:
        archiver._store.drop = late
        assert "legal hold" in str((await archiver.archive(month)).reason)
        archiver._store.drop = drop
        assert await past.in_log(month) == 3
        await release()
        assert (await archiver.archive(month)).state == "archived"


class Killed(Exception):
    """The process died here."""


STEPS = {
    "detached": ("_store", "detach"),
    "file put": ("_place", "put"),
    "noted": ("_store", "keep"),
    "recorded": ("_records", "note"),
    "verified": ("_store", "verified"),
    "dropped": ("_store", "drop"),
}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_an_archiver_that_dies_at_any_step_leaves_it_to_the_next(past: Past, step: str, moment: str) -> None:
    month = unused_month()
    await past.record(month)
    part, method = STEPS[step]
    async with AsyncExitStack() as exits:
        dying = await past.archiver(exits)
        whole = getattr(getattr(dying, part), method)

        async def die(*arguments: object) -> None:
            if moment == "after":
                await whole(*arguments)
            raise Killed

        setattr(getattr(dying, part), method, die)
        with pytest.raises(Killed):
            await dying.archive(month)
        archiver = await past.archiver(exits)
        assert (await archiver.archive(month)).state == "archived"
        assert await past.table(month) is None
        assert (await archiver.restore(month)).rows == 3
    recorded = "SELECT count(*) FROM assay.record WHERE fields->>'month' = $1 AND kind = 'archived' AND tenant = 'acme'"
    assert await past.owner.fetchval(recorded, f"{month:%Y-%m}") == 1


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("method", ["begin_restore", "restore_rows", "end_restore"])
async def test_a_restore_that_dies_is_repeated(past: Past, method: str, moment: str) -> None:
    month = unused_month()
    await past.record(month)
    async with AsyncExitStack() as exits:
        archiver = await past.archiver(exits)
        await archiver.archive(month)
        dying = await past.archiver(exits)
        whole = getattr(dying._store, method)

        async def die(*arguments: object) -> None:
            if moment == "after":
                await whole(*arguments)
            raise Killed

        setattr(dying._store, method, die)
        with pytest.raises(Killed):
            await dying.restore(month)
        assert (await archiver.restore(month)).rows == 3
        assert await past.in_log(month) == 3


async def test_a_restore_that_was_given_up_is_cleared_away(past: Past, archiver: LogMonthArchiver) -> None:
    month = unused_month()
    await past.record(month)
    await archiver.archive(month)
    await past.owner.execute("SELECT assay.begin_restore($1)", month)
    assert month in await archiver.due()
    assert (await archiver.archive(month)).state == "archived"
    assert await past.table(month) is None


async def test_one_tenant_comes_back_and_then_the_other(past: Past, archiver: LogMonthArchiver) -> None:
    month = unused_month()
    await past.record(month, ("acme", "globex"))
    await archiver.archive(month)
    assert (await archiver.restore(month, "globex")).tenants == ("globex",)
    assert (await past.in_log(month), await past.in_log(month, "globex")) == (0, 3)
    assert month not in await archiver.due(), "it stays for a while"
    await archiver.restore(month)
    assert (await past.in_log(month), await past.in_log(month, "globex")) == (3, 3)
    before = [file.stat().st_mtime_ns for file in past.files(month)]
    assert (await archiver.archive(month)).state == "archived"
    assert await past.table(month) is None
    assert [file.stat().st_mtime_ns for file in past.files(month)] == before, "put away on the same files"
    with pytest.raises(MonthStays, match="not archived for nobody"):
        await archiver.restore(month, "nobody")


async def test_the_auditor_reads_what_is_restored_and_the_reader_its_own_tenant_alone(
    past: Past, archiver: LogMonthArchiver, stack: Stack
) -> None:
    month = unused_month()
    await past.record(month, ("acme", "globex"))
    await archiver.archive(month)
    await archiver.restore(month)
    client = stack.root()
    lease = lease_database(client, "database", "assay-reader")
    client.adapter.close()
    reader = await connect(stack.database, user=lease.user, password=lease.password, application="test")
    try:
        await reader.execute("SELECT set_config('assay.tenant', 'globex', false)")
        rows = await reader.fetch(
            "SELECT tenant, count(*) FROM assay.record WHERE recorded_at < $1 AND recorded_at >= $2 GROUP BY tenant",
            *(datetime(month.year, month.month, 28, tzinfo=UTC), datetime(month.year, month.month, 1, tzinfo=UTC)),
        )
        assert [tuple(row) for row in rows] == [("globex", 3)]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetch(f"SELECT * FROM assay.record_{month:%Y_%m}")  # noqa: S608
    finally:
        await reader.close()


async def test_a_reader_that_takes_long_makes_the_archiver_wait_and_nobody_else(
    past: Past, archiver: LogMonthArchiver, stack: Stack
) -> None:
    month = unused_month()
    await past.record(month)
    reader = await stack.superuser()
    try:
        async with reader.transaction():
            await reader.fetch("SELECT count(*) FROM assay.record")
            with pytest.raises(Refusal) as refused:
                await archiver.archive(month)
            assert refused.value.kind is Kind.STORE_UNAVAILABLE
            await past.ledger.append(replace(old_record(month), event_id=new_event_id()))
        assert await past.in_log(month) == 3
        await past.sequence()
        assert (await archiver.archive(month)).state == "archived"
    finally:
        await reader.close()


async def test_a_tenant_that_was_erased_is_archived_all_the_same(
    past: Past, archiver: LogMonthArchiver, stack: Stack
) -> None:
    tenant = f"gone-{secrets.token_hex(4)}"
    await stack.as_root(lambda client: create_tenant(client, tenant))
    month = unused_month()
    await past.record(month, (tenant,))

    def erase(client: hvac.Client) -> None:
        client.write_data(f"transit/keys/{f'tenant-{tenant}'}/config", data={"deletion_allowed": True})
        client.delete(f"transit/keys/tenant-{tenant}")

    await stack.as_root(erase)
    assert (await archiver.archive(month)).tenants == (tenant,)
    told = "SELECT tenant FROM assay.record WHERE fields->>'log' = $1"
    assert [row["tenant"] for row in await past.owner.fetch(told, tenant)] == ["system"]
    assert (await archiver.restore(month)).rows == 3
