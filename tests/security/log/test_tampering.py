"""Whatever is done to the log with the rights of the database's owner is found, and named."""

# ruff: noqa: S608 - statements are put together from names in this file

import json

import asyncpg
import pytest

from adapters.vault.calls import kv_delete
from domain.records.records import stored_digest
from domain.transparency.verification import Fault
from tests.security.log.scene import SIZES, TENANTS, LogScene

ROW = (
    "SELECT event_id, schema, tenant, kind, recorded_at, workflow_id, run_id, subject, fields, key_id, subject_key,"
    " ciphertext, digest FROM assay.record WHERE event_id = $1"
)
RECORD = "UPDATE assay.record SET {} WHERE event_id = $1"


async def test_a_log_that_nobody_touched_holds(scene: LogScene) -> None:
    report = await scene.verify()
    assert report.holds, [str(finding) for audit in report.tenants for finding in audit.findings]
    found = {audit.tenant: audit for audit in report.tenants}
    assert {tenant: found[tenant].size for tenant in TENANTS} == SIZES
    assert (found["acme"].checkpoints, found["globex"].checkpoints) == (4, 2)
    assert all(audit.proven == audit.signed_size == audit.size for audit in report.tenants)
    assert not any(audit.warnings for audit in report.tenants)
    assert report.events == sum(SIZES.values())


async def test_it_holds_while_it_grows_and_when_persons_are_erased(scene: LogScene) -> None:
    await scene.append("acme", 3)
    await scene.writer.sequence()  # not signed yet
    await scene.append("acme", 2)  # not in the tree yet
    await scene.run("UPDATE assay.subject_key SET wrapped = NULL, erased_at = now() WHERE erased_at IS NULL")
    report = await scene.verify(tenant="acme")
    (audit,) = report.tenants
    assert audit.holds
    assert (audit.size, audit.signed_size, audit.pending) == (SIZES["acme"] + 3, SIZES["acme"], 2)
    assert audit.warnings == []


@pytest.mark.parametrize(
    "change",
    [
        "kind = 'refused'",
        "recorded_at = recorded_at - interval '1 microsecond'",
        "workflow_id = workflow_id || 'x'",
        "run_id = NULL",
        "subject = repeat('0', 64)",
        """fields = '{"model": "n", "decision": "allow"}'""",
        "fields = '[]'",
        """fields = '{"model": "\\ud800"}'""",
        "key_id = 'x'",
        "subject_key = gen_random_uuid()",
        "subject_key = NULL",
        "schema = 1",
        "schema = 3",
        "ciphertext = set_byte(ciphertext, 20, 255 - get_byte(ciphertext, 20))",
        "ciphertext = ''",
        "recorded_at = 'infinity'",
    ],
)
async def test_a_change_of_a_record_is_named(scene: LogScene, change: str) -> None:
    event = await scene.owner.event("acme", 123)
    await scene.run(RECORD.format(change), event)
    finding = await scene.first()
    assert (finding.fault, finding.seq, finding.event_id) == (Fault.RECORD_CHANGED, 123, event)


@pytest.mark.parametrize(
    "change",
    [
        """fields = replace(fields::text, '"decision"', '"decision":"block","decision"')::json""",
        """fields = replace(fields::text, '"model":"m"', '"model":"x","model":"m"')::json""",
        """fields = replace(fields::text, '"allow"', '"\\u0061llow"')::json""",
        """fields = (fields::text || ' ')::json""",
        "digest = sha256('')",
    ],
)
async def test_a_change_that_the_digest_alone_does_not_show_is_named(scene: LogScene, change: str) -> None:
    event = await scene.owner.event("acme", 123)
    before = await scene.owner.connection.fetchrow(ROW, event)
    await scene.run(RECORD.format(change), event)
    after = await scene.owner.connection.fetchrow(ROW, event)
    assert before is not None
    assert after is not None
    if dict(after) == dict(before):
        pytest.fail("nothing was changed")
    assert _lenient_digest(after) == _lenient_digest(before), "a reader that takes the last of two names sees nothing"
    finding = await scene.first()
    assert (finding.fault, finding.seq, finding.event_id) == (Fault.RECORD_CHANGED, 123, event)


def _lenient_digest(row: asyncpg.Record) -> bytes:
    """The digest as it was computed before: of two values with a name, the last one."""
    columns = {name: value for name, value in row.items() if name != "digest"}
    return stored_digest(**{**columns, "fields": json.loads(row["fields"])})


@pytest.mark.parametrize("column", ["stored_at = stored_at - interval '1 day'", "content_mac = sha256('')"])
async def test_a_column_that_no_digest_covers_is_compared_with_one_that_it_covers(scene: LogScene, column: str) -> None:
    event = await scene.owner.event("acme", 123)
    row = await scene.owner.connection.fetchrow(ROW, event)
    await scene.run(RECORD.format(column), event)
    assert row is not None
    assert _lenient_digest(row) == row["digest"], "the digest alone does not show it"
    finding = await scene.first()
    assert (finding.fault, finding.seq, finding.event_id) == (Fault.RECORD_CHANGED, 123, event)


async def test_a_checkpoint_that_was_removed_from_between_is_missed(scene: LogScene) -> None:
    for size in (100, 160):
        await scene.run("DELETE FROM assay.checkpoint WHERE tenant = 'acme' AND size = $1", size)
    finding = await scene.first()
    assert (finding.fault, finding.size) == (Fault.CHECKPOINT_MISSING, 160)
    assert "the checkpoint over 270 leaves was signed after one over 160" in finding.detail


async def test_the_newest_checkpoint_that_was_removed_is_published_again_from_vault(scene: LogScene) -> None:
    note = await scene.note("acme", SIZES["acme"])
    await scene.run("DELETE FROM assay.checkpoint WHERE tenant = 'acme' AND size = $1", SIZES["acme"])
    await scene.writer.sign()
    assert await scene.note("acme", SIZES["acme"]) == note
    assert (await scene.verify()).holds


async def test_a_record_that_is_changed_along_with_its_digest_is_named(scene: LogScene) -> None:
    event = await scene.owner.event("acme", 123)
    await scene.run(RECORD.format("run_id = 'x', digest = sha256('')"), event)
    finding = await scene.first()
    assert (finding.fault, finding.event_id) == (Fault.RECORD_CHANGED, event)


async def changed_with_its_leaf(scene: LogScene, seq: int) -> None:
    """Change a record so that its digest and its leaf say the same."""
    event = await scene.owner.event("acme", seq)
    digest = await scene.owner.forge_record(event)
    await scene.run("UPDATE assay.leaf SET digest = $2 WHERE event_id = $1", event, digest)


async def test_a_record_that_is_changed_along_with_its_leaf_is_named_by_the_tile(scene: LogScene) -> None:
    event = await scene.owner.event("acme", 123)
    await changed_with_its_leaf(scene, 123)
    audit = await scene.broken()
    assert {finding.fault for finding in audit.findings} >= {Fault.TILE_CHANGED, Fault.CHECKPOINT_BROKEN, Fault.FORKED}
    (tile,) = [finding for finding in audit.findings if finding.fault is Fault.TILE_CHANGED]
    assert (tile.seq, tile.event_id) == (123, event)


async def test_a_record_that_is_changed_along_with_the_whole_tree_is_found_by_the_checkpoint(scene: LogScene) -> None:
    await changed_with_its_leaf(scene, 123)
    await scene.owner.rebuild("acme")
    finding = await scene.first()
    assert (finding.fault, finding.size) == (Fault.CHECKPOINT_BROKEN, 160)
    assert "seq 100 to 159" in finding.detail


async def test_the_tree_of_an_untouched_log_is_the_one_that_a_rebuild_makes(scene: LogScene) -> None:
    await scene.owner.rebuild("acme")
    assert (await scene.verify()).holds


async def test_a_record_that_was_removed_is_named(scene: LogScene) -> None:
    event = await scene.owner.event("acme", 200)
    await scene.run("DELETE FROM assay.record WHERE event_id = $1", event)
    finding = await scene.first()
    assert (finding.fault, finding.seq, finding.event_id) == (Fault.RECORD_MISSING, 200, event)


async def test_a_leaf_that_was_removed_is_named_and_so_is_its_record(scene: LogScene) -> None:
    event = await scene.owner.event("acme", 200)
    await scene.run("DELETE FROM assay.leaf WHERE event_id = $1", event)
    audit = await scene.broken()
    assert (audit.findings[0].fault, audit.findings[0].seq) == (Fault.LEAF_MISSING, 200)
    (unplaced,) = [finding for finding in audit.findings if finding.fault is Fault.NOT_RECORDED]
    assert unplaced.event_id == event


async def test_a_record_that_was_removed_with_its_leaf_is_found(scene: LogScene) -> None:
    event = await scene.owner.remove("acme", 200)
    assert event is not None
    finding = await scene.first()
    assert (finding.fault, finding.seq) == (Fault.LEAF_MISSING, 200)


async def test_a_removal_with_all_renumbered_is_found_by_the_head(scene: LogScene) -> None:
    await scene.owner.remove("acme", 200)
    await scene.owner.renumber("acme")
    audit = await scene.broken()
    assert (audit.findings[0].fault, audit.findings[0].seq) == (Fault.HEAD_CHANGED, SIZES["acme"] - 1)
    (tile,) = [finding for finding in audit.findings if finding.fault is Fault.TILE_CHANGED]
    assert tile.seq == 200


async def test_a_removal_with_everything_computed_anew_is_found_by_what_was_signed(scene: LogScene) -> None:
    await scene.owner.remove("acme", 200)
    await scene.owner.renumber("acme")
    await scene.owner.rebuild("acme")
    audit = await scene.broken()
    faults = {finding.fault: finding for finding in audit.findings}
    assert faults[Fault.ROLLED_BACK].size == SIZES["acme"]
    assert faults[Fault.CHECKPOINT_BROKEN].size == 270
    assert "seq 160 to 269" in faults[Fault.CHECKPOINT_BROKEN].detail


async def test_the_newest_that_was_removed_without_a_trace_in_the_store_is_found_by_vault(scene: LogScene) -> None:
    await scene.owner.remove("acme", SIZES["acme"] - 1)
    await scene.owner.rebuild("acme")
    await scene.run("DELETE FROM assay.checkpoint WHERE tenant = 'acme' AND size = $1", SIZES["acme"])
    finding = await scene.first()
    assert (finding.fault, finding.size) == (Fault.ROLLED_BACK, SIZES["acme"])
    assert "Vault" in finding.detail


async def test_leaves_that_change_places_are_named(scene: LogScene) -> None:
    event = await scene.owner.event("acme", 41)
    await scene.owner.swap(("acme", 40), ("acme", 41))
    audit = await scene.broken()
    (tile,) = [finding for finding in audit.findings if finding.fault is Fault.TILE_CHANGED]
    assert (tile.seq, tile.event_id) == (40, event)


async def test_leaves_that_change_places_in_a_tree_computed_anew_are_found(scene: LogScene) -> None:
    await scene.owner.swap(("acme", 40), ("acme", 41))
    await scene.owner.rebuild("acme")
    finding = await scene.first()
    assert (finding.fault, finding.size) == (Fault.CHECKPOINT_BROKEN, 100)


async def test_leaves_of_two_tenants_that_change_places_are_named(scene: LogScene) -> None:
    mine, other = await scene.owner.event("acme", 5), await scene.owner.event("globex", 6)
    await scene.owner.swap(("acme", 5), ("globex", 6))
    for tenant in TENANTS:
        await scene.owner.rebuild(tenant)
    report = {audit.tenant: audit.findings[0] for audit in (await scene.verify()).tenants}
    assert (report["acme"].fault, report["acme"].seq, report["acme"].event_id) == (Fault.RECORD_MOVED, 5, other)
    assert (report["globex"].fault, report["globex"].seq, report["globex"].event_id) == (Fault.RECORD_MOVED, 6, mine)


async def test_records_that_are_given_to_another_tenant_are_named(scene: LogScene) -> None:
    event = await scene.owner.event("acme", 5)
    await scene.run(RECORD.format("tenant = 'globex'"), event)
    finding = await scene.first()
    assert (finding.fault, finding.event_id) == (Fault.RECORD_MOVED, event)


async def test_a_log_that_is_written_anew_is_found_by_its_signatures_and_by_vault(scene: LogScene) -> None:
    for tenant in TENANTS:
        await scene.owner.remove(tenant, 7)
        await scene.owner.renumber(tenant)
        await scene.owner.rebuild(tenant)
        await scene.owner.resign(tenant, [10, SIZES[tenant] - 1])
    for tenant in TENANTS:
        audit = await scene.broken(tenant)
        faults = {finding.fault: finding for finding in audit.findings}
        assert faults[Fault.CHECKPOINT_FORGED].size == 10
        assert "a signature of the checkpoint is invalid" in faults[Fault.CHECKPOINT_FORGED].detail
        assert faults[Fault.ROLLED_BACK].size == SIZES[tenant]


async def test_a_log_that_is_written_anew_and_grew_beyond_vaults_checkpoint_is_a_fork(scene: LogScene) -> None:
    await scene.owner.remove("acme", 7)
    await scene.owner.renumber("acme")
    await scene.append("acme", 2)
    await scene.run("UPDATE assay.log_head SET size = size - 1 WHERE tenant = 'acme'")
    await scene.owner.connection.fetch("SELECT assay.sequence(100)")
    await scene.owner.rebuild("acme")
    await scene.run("DELETE FROM assay.checkpoint WHERE tenant = 'acme'")
    finding = await scene.first()
    assert (finding.fault, finding.size) == (Fault.FORKED, SIZES["acme"])


async def test_an_earlier_state_of_all_tables_is_found_by_vault(scene: LogScene) -> None:
    await scene.owner.back_up("earlier")
    await scene.append("acme", 4)
    await scene.grow()
    assert (await scene.verify()).holds
    await scene.owner.put_back("earlier")
    audit = await scene.broken()
    assert [(finding.fault, finding.size) for finding in audit.findings] == [(Fault.ROLLED_BACK, SIZES["acme"] + 4)]


async def test_a_log_that_is_gone_is_found_by_vault(scene: LogScene) -> None:
    for table in ("record", "leaf", "tile", "log_head", "checkpoint"):
        await scene.run(f"DELETE FROM assay.{table} WHERE tenant = 'globex'")
    finding = await scene.first("globex")
    assert (finding.fault, finding.size) == (Fault.ROLLED_BACK, SIZES["globex"])


async def test_a_record_that_never_went_through_the_log_is_named(scene: LogScene) -> None:
    event = await scene.owner.slip_in("acme", 50)
    finding = await scene.first()
    assert (finding.fault, finding.event_id) == (Fault.NOT_RECORDED, event)


@pytest.mark.parametrize("seq", [-1, 50, 1_000_000])
async def test_a_record_that_was_slipped_in_with_a_leaf_of_its_own_is_found(scene: LogScene, seq: int) -> None:
    event = await scene.owner.slip_in("acme", 50)
    await scene.run("ALTER TABLE assay.leaf DROP CONSTRAINT leaf_pkey, DROP CONSTRAINT leaf_seq_check")
    try:
        await scene.run("INSERT INTO assay.leaf VALUES ('acme', $1, $2, sha256(''))", seq, event)
        finding = await scene.first()
        assert finding.fault in (Fault.HEAD_CHANGED, Fault.LEAF_ADDED)
    finally:
        await scene.run("DELETE FROM assay.leaf WHERE event_id = $1", event)
        await scene.run("ALTER TABLE assay.leaf ADD PRIMARY KEY (tenant, seq), ADD CHECK (seq >= 0)")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("digest = sha256('')", "another digest"),
        ("tenant = 'globex'", "another tenant"),
        ("event_id = gen_random_uuid()", "is missing"),
        ("event_id = (SELECT event_id FROM assay.leaf WHERE tenant = 'acme' AND seq = 3)", "already in the tree"),
    ],
)
async def test_what_waits_for_the_tree_fits_its_record(scene: LogScene, change: str, reason: str) -> None:
    await scene.append("acme")
    await scene.run(f"UPDATE assay.pending SET {change}")
    report = await scene.verify()
    findings = [finding for audit in report.tenants for finding in audit.findings]
    assert any(finding.fault is Fault.PENDING_CHANGED and reason in finding.detail for finding in findings)


async def test_what_waits_longer_than_promised_is_a_warning(scene: LogScene) -> None:
    await scene.append("acme")
    await scene.run("UPDATE assay.pending SET added_at = now() - interval '90 seconds'")
    (audit,) = (await scene.verify(tenant="acme")).tenants
    assert audit.holds
    assert "1 records are pending, the oldest for 9" in audit.warnings[0]


@pytest.mark.parametrize(
    ("change", "seq"),
    [
        ("hashes = set_byte(hashes, 32 * 9 + 1, 255 - get_byte(hashes, 32 * 9 + 1)) WHERE level = 0 AND idx = 0", 9),
        ("hashes = hashes || sha256('') WHERE level = 0 AND idx = 1", 300),
        ("hashes = substr(hashes, 1, 32) WHERE level = 0 AND idx = 1", 257),
        ("hashes = sha256('') WHERE level = 1 AND idx = 0", None),
        ("idx = 7 WHERE level = 1 AND idx = 0", None),
    ],
)
async def test_a_tile_that_was_changed_is_named(scene: LogScene, change: str, seq: int | None) -> None:
    await scene.run(f"UPDATE assay.tile SET {change.replace(' WHERE', ' WHERE tenant = $1 AND', 1)}", "acme")
    finding = await scene.first()
    assert (finding.fault, finding.seq) == (Fault.TILE_CHANGED, seq)


@pytest.mark.parametrize(
    "change", ["edge = overlay(edge PLACING sha256('') FROM 1)", "edge = ''", "size = size + 1", "size = 0"]
)
async def test_a_head_that_was_changed_is_found(scene: LogScene, change: str) -> None:
    await scene.run(f"UPDATE assay.log_head SET {change} WHERE tenant = 'acme'")
    audit = await scene.broken()
    assert Fault.HEAD_CHANGED in {finding.fault for finding in audit.findings}


@pytest.mark.parametrize(
    "change",
    [
        "root = sha256('')",
        "note = replace(note, 'assay.local/acme' || chr(10), 'assay.local/globex' || chr(10))",
        "note = (SELECT note FROM assay.checkpoint WHERE tenant = 'globex' AND size = 20)",
        "note = (SELECT note FROM assay.checkpoint WHERE tenant = 'acme' AND size = 100)",
        "note = regexp_replace(note, chr(10) || '160' || chr(10), chr(10) || '161' || chr(10))",
        "note = ''",
    ],
)
async def test_a_checkpoint_that_was_changed_is_named(scene: LogScene, change: str) -> None:
    await scene.run(f"UPDATE assay.checkpoint SET {change} WHERE tenant = 'acme' AND size = 160")
    finding = await scene.first()
    assert (finding.fault, finding.size) == (Fault.CHECKPOINT_FORGED, 160)


async def test_a_vault_that_was_put_back_is_found(scene: LogScene) -> None:
    await scene.append("acme", 4)
    await scene.grow()
    await scene.writer.put_back("acme", scene.kept["acme"])
    finding = await scene.first()
    assert (finding.fault, finding.size) == (Fault.ANCHOR_MISSING, SIZES["acme"] + 4)


async def test_store_and_vault_put_back_together_are_found_by_who_kept_a_checkpoint(scene: LogScene) -> None:
    await scene.owner.back_up("earlier")
    await scene.append("acme", 4)
    await scene.grow()
    note = await scene.note("acme", SIZES["acme"] + 4)
    assert (await scene.verify(kept=[note])).holds
    await scene.owner.put_back("earlier")
    await scene.writer.put_back("acme", scene.kept["acme"])
    assert (await scene.verify()).holds
    finding = await scene.first(kept=[note])
    assert (finding.fault, finding.size) == (Fault.ROLLED_BACK, SIZES["acme"] + 4)
    assert "kept" in finding.detail


async def test_a_checkpoint_that_is_gone_from_vault_is_missed_and_the_stores_own_still_counts(scene: LogScene) -> None:
    await scene.stack.as_root(lambda client: kv_delete(client, "assay", "log/acme"))
    finding = await scene.first()
    assert (finding.fault, finding.size) == (Fault.ANCHOR_MISSING, SIZES["acme"])
    await scene.owner.remove("acme", SIZES["acme"] - 1)
    await scene.owner.rebuild("acme")
    finding = await scene.first()
    assert (finding.fault, finding.size) == (Fault.ROLLED_BACK, SIZES["acme"])


@pytest.mark.parametrize("since", [0, 256, 280, 10_000])
async def test_what_comes_after_a_leaf_can_be_verified_alone(scene: LogScene, since: int) -> None:
    notes = await scene.owner.connection.fetch("SELECT note FROM assay.checkpoint WHERE tenant = 'acme'")
    kept = [row["note"] for row in notes]
    (audit,) = (await scene.verify(tenant="acme", since=since, kept=kept)).tenants
    assert audit.holds
    assert audit.since == (256 if since else 0)
    assert audit.root == await scene.owner.root("acme")
    await scene.run(RECORD.format("run_id = 'x'"), await scene.owner.event("acme", 3))
    (audit,) = (await scene.verify(tenant="acme", since=since, kept=kept)).tenants
    assert audit.holds == bool(since)


async def test_tiles_that_were_computed_anew_do_not_pass_for_what_comes_before(scene: LogScene) -> None:
    kept = await scene.owner.connection.fetchval(
        "SELECT note FROM assay.checkpoint WHERE tenant = 'acme' AND size = 160"
    )
    await changed_with_its_leaf(scene, 123)
    await scene.owner.rebuild("acme")
    finding = await scene.first(since=256, kept=[kept])
    assert (finding.fault, finding.size) == (Fault.FORKED, 160)
    finding = await scene.first(since=256)
    assert (finding.fault, finding.size) == (Fault.CHECKPOINT_BROKEN, 270)


async def test_every_finding_can_be_told_as_json_and_to_people(scene: LogScene) -> None:
    from cli.audit.log import as_values, lines

    await scene.run(RECORD.format("run_id = 'x'"), await scene.owner.event("acme", 3))
    report = await scene.verify()
    told = json.loads(json.dumps(as_values(report), default=str))
    assert not told["holds"]
    assert told["tenants"][0]["findings"][0]["fault"] == "record changed"
    assert "first: record changed at seq 3, event" in lines(report.tenants[0])[1]
