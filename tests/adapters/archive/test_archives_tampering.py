"""An archive that was changed is refused, and told which part: by who can write files, and by who can sign as well."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import date
from typing import Any

import jwt
import pytest
from backports import zstd

from domain.records.records import canonical
from domain.transparency.archive import ArchiveInvalid, Manifest, RangeCollector
from domain.transparency.checkpoints import parse_checkpoint, parse_note
from services.archiving.months import LogMonthArchiver
from tests.adapters.archive.archives import Past, unused_month

Rows = list[dict[str, Any]]
Change = Callable[[Rows], object]
_OTHER_MANIFEST = "UPDATE assay.archive SET manifest = $1 WHERE month = $2 AND tenant = 'acme'"
_NEWEST = "SELECT size, note FROM assay.checkpoint WHERE tenant = 'acme' ORDER BY size DESC LIMIT 1"


@pytest.fixture
async def archiver(past: Past) -> AsyncIterator[LogMonthArchiver]:
    async with AsyncExitStack() as exits:
        yield await past.archiver(exits)


async def archived(past: Past, archiver: LogMonthArchiver) -> date:
    month = unused_month()
    await past.record(month, ("acme", "globex"))
    await archiver.archive(month)
    return month


async def refused(past: Past, archiver: LogMonthArchiver, month: date, reason: str) -> None:
    with pytest.raises(ArchiveInvalid, match=reason):
        await archiver.restore(month)
    assert await past.in_log(month) == 0
    assert await past.table(month) is None


def claims_of(signed: str) -> dict[str, Any]:
    return jwt.decode(signed, options={"verify_signature": False})


async def forge(past: Past, archiver: LogMonthArchiver, month: date, change: Change, **claims: Any) -> None:
    """Change a file as somebody could who may sign manifests and write to the database too."""
    file, beside = past.files(month)
    header, *rows = [json.loads(line) for line in zstd.decompress(file.read_bytes()).splitlines()]
    header |= claims.pop("header", {})
    change(rows)
    lines = rows if claims.get("schema") == 1 else [header, *rows]
    file.write_bytes(zstd.compress(b"".join(canonical(line) + b"\n" for line in lines)))
    manifest = Manifest.from_claims(claims_of(beside.read_text()))
    digest = past.sha256(file)
    of_records = RangeCollector()
    for seq in sorted({row["seq"] for row in rows}):
        of_records.add(seq)
    seqs = of_records.as_tuple()
    manifest = replace(manifest, sha256=digest, rows=len(rows), seqs=claims.pop("seqs", seqs), **claims)
    signed = await archiver._manifests.sign(manifest)
    beside.write_text(signed)
    await past.owner.execute(
        "UPDATE assay.archive SET manifest = $1, sha256 = $2, rows = $3 WHERE month = $4 AND tenant = 'acme'",
        *(signed, bytes.fromhex(digest), len(rows), month),
    )


async def test_an_archive_of_an_earlier_release_is_restored(past: Past, archiver: LogMonthArchiver) -> None:
    month = await archived(past, archiver)
    await forge(past, archiver, month, lambda _: None, schema=1)  # the records alone, without a header
    assert (await archiver.restore(month)).rows == 6
    assert await past.in_log(month) == 3


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ({"first": 0, "edge": []}, "the file: its header does not match its manifest"),
        ({"checkpoint": "another"}, "the file: its header does not match its manifest"),
        ({"log": "assay.local/globex"}, "the file: its entries are not the contiguous entries of the signed log"),
        ({"edge": ["00"]}, "the file: its header is missing or unreadable"),
        ({"consistency": ["00" * 32] * 3}, "the file: its entries are not the contiguous entries of the signed log"),
        ({"assay_export": 2}, "the file: its header does not match its manifest"),
    ],
)
async def test_a_header_that_does_not_fit(
    past: Past, archiver: LogMonthArchiver, header: dict[str, Any], told: str
) -> None:
    await past.record(unused_month())  # entries before, so that there is an edge
    month = await archived(past, archiver)
    await forge(past, archiver, month, lambda _: None, header=header)
    await refused(past, archiver, month, told)


@pytest.mark.parametrize("at", [0, 40, -1])
async def test_a_flipped_bit_of_the_file(past: Past, archiver: LogMonthArchiver, at: int) -> None:
    month = await archived(past, archiver)
    file, _ = past.files(month)
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
    await refused(past, archiver, month, r"the file: its SHA-256 differs from the one in its manifest")


@pytest.mark.parametrize("content", [b"", b"short"])
async def test_a_file_that_is_cut_off(past: Past, archiver: LogMonthArchiver, content: bytes) -> None:
    month = await archived(past, archiver)
    past.files(month)[0].write_bytes(content)
    await refused(past, archiver, month, "the file: its SHA-256 differs")


async def test_something_after_the_end_of_the_file(past: Past, archiver: LogMonthArchiver) -> None:
    month = await archived(past, archiver)
    file, _ = past.files(month)
    file.write_bytes(file.read_bytes() + zstd.compress(b"{}\n"))
    await refused(past, archiver, month, "the file: its SHA-256 differs")


@pytest.mark.parametrize("which", [0, 1], ids=["file", "manifest"])
async def test_a_file_that_is_gone(past: Past, archiver: LogMonthArchiver, which: int) -> None:
    month = await archived(past, archiver)
    past.files(month)[which].unlink()
    await refused(past, archiver, month, r"the file: acme/\S+ does not exist")


async def test_another_manifest_beside_the_file(past: Past, archiver: LogMonthArchiver) -> None:
    month = await archived(past, archiver)
    past.files(month)[1].write_text(past.files(month, "globex")[1].read_text())
    await refused(past, archiver, month, "the manifest: the stored manifest of acme/")


async def test_a_manifest_whose_claims_were_changed(past: Past, archiver: LogMonthArchiver) -> None:
    month = await archived(past, archiver)
    _, beside = past.files(month)
    head, body, signature = beside.read_text().split(".")
    claims = {**claims_of(beside.read_text()), "rows": 2}
    body = base64.urlsafe_b64encode(canonical(claims)).rstrip(b"=").decode()
    beside.write_text(f"{head}.{body}.{signature}")
    await past.owner.execute(_OTHER_MANIFEST, beside.read_text(), month)
    await refused(past, archiver, month, "the manifest: its signature is invalid")


async def test_a_manifest_of_another_tenant(past: Past, archiver: LogMonthArchiver) -> None:
    month = await archived(past, archiver)
    other = past.files(month, "globex")[1].read_text()
    past.files(month)[1].write_text(other)
    await past.owner.execute(_OTHER_MANIFEST, other, month)
    await refused(past, archiver, month, "the manifest: it does not describe acme/")


async def test_a_receipt_is_no_manifest(past: Past, archiver: LogMonthArchiver) -> None:
    month = await archived(past, archiver)
    other = await archiver._manifests._signer.sign("archive-signing", "assay-receipt+jwt", {"schema": 1})
    past.files(month)[1].write_text(other)
    await past.owner.execute(_OTHER_MANIFEST, other, month)
    await refused(past, archiver, month, "the manifest: malformed")


async def test_a_record_that_is_missing(past: Past, archiver: LogMonthArchiver) -> None:
    month = await archived(past, archiver)
    await forge(past, archiver, month, lambda rows: rows.pop(1))
    await refused(past, archiver, month, "the file: it has 2 records for a month with 3 leaves")


async def test_a_record_that_is_missing_and_counted(past: Past, archiver: LogMonthArchiver) -> None:
    month = await archived(past, archiver)
    _, beside = past.files(month)
    whole = Manifest.from_claims(claims_of(beside.read_text()))
    await forge(past, archiver, month, lambda rows: rows.pop(1), seqs=whole.seqs)
    await refused(past, archiver, month, "the file: its records differ")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "refused"), ("recorded_at", "2001-01-01T00:00:00.000000+00:00"), ("fields", {"model": "n"}),
        ("ciphertext", "AAAA"), ("key_id", "k"), ("subject", "0" * 64), ("workflow_id", None), ("schema", 1),
    ],
)  # fmt: skip
async def test_a_record_that_was_changed(past: Past, archiver: LogMonthArchiver, column: str, value: object) -> None:
    month = await archived(past, archiver)
    await forge(past, archiver, month, lambda rows: rows[1].update({column: value}))
    await refused(past, archiver, month, r"record \S+: changed after it was stored")


def with_its_digest(row: dict[str, Any]) -> None:
    columns = ("schema", "event_id", "tenant", "kind", "recorded_at", "workflow_id", "run_id", "fields", "key_id")
    covered = {name: row[name] for name in (*columns, "subject", "subject_key")}
    covered["ciphertext"] = hashlib.sha256(base64.b64decode(row["ciphertext"])).hexdigest()
    row["digest"] = hashlib.sha256(canonical(covered)).hexdigest()


async def test_a_record_that_was_changed_with_its_digest(past: Past, archiver: LogMonthArchiver) -> None:
    month = await archived(past, archiver)

    def change(rows: Rows) -> None:
        with_its_digest(before := dict(rows[1]))
        assert before == rows[1], "this is how a digest is computed"
        rows[1]["kind"] = "refused"
        with_its_digest(rows[1])

    await forge(past, archiver, month, change)
    await refused(past, archiver, month, r"record \S+: the log has another leaf in its place")


@pytest.mark.parametrize("change", [lambda rows: rows.append(rows[-1]), lambda rows: rows.reverse()])
async def test_records_twice_or_in_another_order(past: Past, archiver: LogMonthArchiver, change: Any) -> None:
    month = await archived(past, archiver)
    await forge(past, archiver, month, change)
    await refused(past, archiver, month, "the file: its records are not in log order")


async def test_a_line_that_is_no_record(past: Past, archiver: LogMonthArchiver) -> None:
    month = await archived(past, archiver)
    await forge(past, archiver, month, lambda rows: rows[1].pop("stored_at"))
    await refused(past, archiver, month, "the file: a line is not a record of this tenant")


async def test_a_leaf_that_was_changed_in_the_database_with_its_record(past: Past, archiver: LogMonthArchiver) -> None:
    month = unused_month()
    (first, *_) = await past.record(month)
    async with past.unguarded("leaf"):
        saved = await past.owner.fetchval("SELECT digest FROM assay.leaf WHERE event_id = $1", first.event_id)
        await past.owner.execute("UPDATE assay.leaf SET digest = sha256('x') WHERE event_id = $1", first.event_id)
        with pytest.raises(ArchiveInvalid, match=r"record \S+: the log has another leaf"):
            await archiver.archive(month)
        assert await past.in_log(month) == 3, "it stays, and is read as before"
        await past.owner.execute("UPDATE assay.leaf SET digest = $2 WHERE event_id = $1", first.event_id, saved)
    assert (await archiver.archive(month)).state == "archived"


async def test_leaves_that_give_another_root_than_was_signed(past: Past, archiver: LogMonthArchiver) -> None:
    month = unused_month()
    (first, *_) = await past.record(month)
    elsewhere = await past.owner.fetchval("SELECT event_id FROM assay.leaf WHERE tenant = 'acme' AND seq = 0")
    assert elsewhere != first.event_id
    async with past.unguarded("leaf"):
        saved = await past.owner.fetchval("SELECT digest FROM assay.leaf WHERE event_id = $1", elsewhere)
        await past.owner.execute("UPDATE assay.leaf SET digest = sha256('x') WHERE event_id = $1", elsewhere)
        with pytest.raises(ArchiveInvalid, match="the log: its leaves don't produce the checkpoint's root"):
            await archiver.archive(month)
        await past.owner.execute("UPDATE assay.leaf SET digest = $2 WHERE event_id = $1", elsewhere, saved)
    assert (await archiver.archive(month)).state == "archived"


async def test_a_checkpoint_that_nobody_signed(past: Past, archiver: LogMonthArchiver) -> None:
    month = unused_month()
    await past.record(month)
    size, note = await past.owner.fetchrow(_NEWEST)
    assert parse_checkpoint(parse_note(note).text).size == size
    forged = note[:-6] + ("AAAA" if note[-6:-2] != "AAAA" else "BBBB") + note[-2:]
    await past.owner.execute("UPDATE assay.checkpoint SET note = $1 WHERE tenant = 'acme' AND size = $2", forged, size)
    with pytest.raises(ArchiveInvalid, match="the checkpoint: "):
        await archiver.archive(month)
    await past.owner.execute("UPDATE assay.checkpoint SET note = $1 WHERE tenant = 'acme' AND size = $2", note, size)


async def test_nothing_is_dropped_for_a_file_that_was_never_verified(past: Past, archiver: LogMonthArchiver) -> None:
    month = unused_month()
    await past.record(month, ("acme", "globex"))
    await past.owner.execute("SELECT assay.detach_month($1)", month)
    with pytest.raises(Exception, match="in no verified file: acme, globex"):
        await archiver._store.drop(month)
    (acme, _) = await archiver._store.tenants(month)
    await archiver._store.keep(month, "acme", "x", bytes(32), "x", replace(acme, rows=2))
    await archiver._store.verified(month, "acme", bytes(32))
    with pytest.raises(Exception, match="in no verified file: acme, globex"):
        await archiver._store.drop(month)
    with pytest.raises(Exception, match="another file is noted for acme"):
        await archiver._store.verified(month, "acme", b"1" * 32)
    assert (await archiver.archive(month)).state == "archived"
