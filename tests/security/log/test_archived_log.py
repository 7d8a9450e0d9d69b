"""A log with archived months holds only with signed manifests, whatever the store claims."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.signing_keys import ARCHIVE_KEY
from domain.transparency.announcements import ANNOUNCED_FOR, ANNOUNCEMENT_TYPE, Announcement, month_of
from domain.transparency.verification import Fault
from services.verification.archived import MANIFEST_TYPE
from tests.adapters.archive.archives import Past, old_record
from tests.security.log.scene import LogScene

AWAY = range(10, 20)
INSERT = """
INSERT INTO assay.archive (month, tenant, place, sha256, manifest, rows, first_seq, last_seq, verified_at, dropped_at)
VALUES ($1, 'acme', 'archive', sha256(''), $2, 10, 10, 19, now(), now())
"""


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.fixture
async def emptied(scene: LogScene) -> AsyncIterator[LogScene]:
    """Afterwards nothing is archived, and nothing of the month that was."""
    yield scene
    await scene.run("DROP TABLE IF EXISTS assay.record_2025_03")
    await scene.run("DELETE FROM assay.archiving")
    triggers = await scene.owner.connection.fetch(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = 'assay.archive'::regclass AND NOT tgisinternal"
    )
    await scene.run("ALTER TABLE assay.archive DISABLE TRIGGER ALL")
    await scene.run("TRUNCATE assay.archive")
    for trigger in triggers:
        await scene.run(f"ALTER TABLE assay.archive ENABLE ALWAYS TRIGGER {trigger['tgname']}")


@pytest.fixture
async def archived(emptied: LogScene) -> LogScene:
    """Records of ``AWAY`` are gone from the table."""
    await emptied.run(
        "DELETE FROM assay.record WHERE event_id IN"
        " (SELECT event_id FROM assay.leaf WHERE tenant = 'acme' AND seq BETWEEN 10 AND 19)"
    )
    return emptied


async def test_a_log_holds_when_a_month_was_archived_and_when_it_came_back(emptied: LogScene, tmp_path: Path) -> None:
    scene, month = emptied, date(2025, 3, 1)
    await scene.run("SET ROLE assay_owner")  # whose the months are
    await scene.run("SELECT assay.make_month($1)", month)
    await scene.run("RESET ROLE")
    for number in range(5):
        await scene.ledger.append(old_record(month, number=number))
    await scene.grow()
    audit = scene.stack.settings.audit.model_copy(update={"archive_place": str(tmp_path / "archive")})
    past = Past(
        scene.stack,
        scene.ledger,
        scene.owner.connection,
        scene.stack.settings.model_copy(update={"audit": audit}),
    )
    async with AsyncExitStack() as exits:
        archiver = await past.archiver(exits)
        assert (await archiver.archive(month)).rows == 5
        await scene.grow()
        (found,) = (await scene.verify(tenant="acme")).tenants
        assert found.holds, [str(finding) for finding in found.findings]
        assert found.archived == 5
        assert (await archiver.restore(month)).rows == 5
        await scene.grow()
        (found,) = (await scene.verify(tenant="acme")).tenants
        assert found.holds, [str(finding) for finding in found.findings]
        assert found.archived == 0


MONTH = date(2025, 3, 1)


@pytest.fixture
async def detached(emptied: LogScene) -> AsyncIterator[LogScene]:
    """The owner has taken a month out of the log, long after its end."""
    month = MONTH
    await emptied.run("SET ROLE assay_owner")
    await emptied.run("SELECT assay.make_month($1)", month)
    await emptied.run("RESET ROLE")
    for number in range(3):
        await emptied.ledger.append(old_record(month, number=number))
    await emptied.grow()
    await emptied.run("SELECT assay.detach_month($1)", month)
    yield emptied
    await emptied.run("SELECT assay.attach_month($1)", month)


async def announce(scene: LogScene, month: date = MONTH, ago: timedelta = timedelta(), **head: str) -> str:
    """Store an announcement, signed in Vault."""
    claims = Announcement(month, datetime.now(UTC) - ago).claims()
    signed = await manifest(scene, **{"typ": ANNOUNCEMENT_TYPE, **head}, **claims)
    await scene.run("SELECT assay.announce_archiving($1, $2)", month, signed)
    return signed


@pytest.fixture
async def leaving(detached: LogScene) -> LogScene:
    """The month has been announced by the archiver, and is in no file yet."""
    await announce(detached)
    return detached


async def test_an_old_month_outside_the_log_is_a_fault_without_an_announcement(detached: LogScene) -> None:
    finding = await detached.first()
    assert (finding.fault, month_of(finding.event_id)) == (Fault.MONTH_DETACHED, MONTH)


EXCUSES = {
    "expired": {"ago": ANNOUNCED_FOR + timedelta(minutes=1)},
    "from the future": {"ago": -timedelta(hours=1)},
    "of another month": {"month": date(2025, 2, 1)},
    "of another type": {"typ": MANIFEST_TYPE},
    "of another key": {"kid": "archive-signing:9"},
}


@pytest.mark.parametrize("excuse", [*EXCUSES, "changed", "not signed"])
async def test_an_announcement_that_is_not_valid_excuses_nothing(detached: LogScene, excuse: str) -> None:
    signed = await announce(detached, **EXCUSES.get(excuse, {}))
    if excuse in ("changed", "not signed"):
        wrong = f"{signed[:-8]}AAAAAAAA" if excuse == "changed" else "none"
        await detached.run("SELECT assay.announce_archiving($1, $2)", MONTH, wrong)
    assert (await detached.first()).fault is Fault.MONTH_DETACHED


async def test_a_manifest_accounts_for_a_month_that_is_not_dropped_yet(detached: LogScene) -> None:
    seqs = await detached.owner.connection.fetch(
        "SELECT seq FROM assay.leaf WHERE event_id IN (SELECT event_id FROM assay.record_2025_03) ORDER BY seq"
    )
    signed = await manifest(detached, tenant="acme", seqs=[[seqs[0]["seq"], seqs[-1]["seq"]]])
    await detached.run(INSERT, MONTH, signed)
    (audit,) = (await detached.verify(tenant="acme")).tenants
    assert audit.holds, [str(finding) for finding in audit.findings]


class Ends(Exception):
    """The archiver's process ends here."""


async def test_a_month_that_the_archiver_left_half_way_is_accounted_for(
    emptied: LogScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = emptied
    await scene.run("SET ROLE assay_owner")
    await scene.run("SELECT assay.make_month($1)", MONTH)
    await scene.run("RESET ROLE")
    await scene.ledger.append(old_record(MONTH))
    await scene.grow()
    audit = scene.stack.settings.audit.model_copy(update={"archive_place": str(tmp_path / "archive")})
    settings = scene.stack.settings.model_copy(update={"audit": audit})

    async def ends(*_: object) -> None:
        raise Ends

    async with AsyncExitStack() as exits:
        archiver = await Past(scene.stack, scene.ledger, scene.owner.connection, settings).archiver(exits)
        monkeypatch.setattr(archiver._store, "tenants", ends)
        with pytest.raises(Ends):
            await archiver.archive(MONTH)
        (found,) = (await scene.verify(tenant="acme")).tenants
        assert found.holds, [str(finding) for finding in found.findings]
        assert (found.beside, len(found.warnings)) == (1, 1)


async def test_a_month_that_is_being_archived_is_verified_where_it_lies(leaving: LogScene) -> None:
    (audit,) = (await leaving.verify(tenant="acme")).tenants
    assert audit.holds, [str(finding) for finding in audit.findings]
    assert (audit.beside, audit.archived) == (3, 0)
    assert audit.warnings == ["3 records are being archived: outside the log's table, verified too"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE assay.record_2025_03 SET kind = 'refused' WHERE event_id = $1", Fault.RECORD_CHANGED),
        ("UPDATE assay.record_2025_03 SET tenant = 'globex' WHERE event_id = $1", Fault.RECORD_MOVED),
        ("DELETE FROM assay.record_2025_03 WHERE event_id = $1", Fault.RECORD_MISSING),
    ],
)
async def test_a_month_beside_the_log_excuses_nothing(leaving: LogScene, change: str, fault: Fault) -> None:
    event = await leaving.owner.connection.fetchval("SELECT max(event_id::text)::uuid FROM assay.record_2025_03")
    await leaving.run("ALTER TABLE assay.record_2025_03 DISABLE TRIGGER append_only")
    await leaving.run(change, event)
    finding = await leaving.first()
    assert (finding.fault, finding.event_id) == (fault, event)


async def manifest(scene: LogScene, *, typ: str = MANIFEST_TYPE, kid: str = f"{ARCHIVE_KEY}:1", **claims: Any) -> str:
    """A manifest, signed in Vault."""
    head = {"alg": "EdDSA", "typ": typ, "kid": kid}
    signing_input = f"{part(head)}.{part(claims)}"
    client = scene.stack.root()
    body = {"input": base64.b64encode(signing_input.encode()).decode()}
    answer = await asyncio.to_thread(client.write_data, f"transit/sign/{ARCHIVE_KEY}", data=body)
    client.adapter.close()
    raw = base64.b64decode(answer["data"]["signature"].rpartition(":")[2])
    return f"{signing_input}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


async def test_records_that_a_signed_manifest_has_may_be_missing(archived: LogScene) -> None:
    assert (await archived.first()).fault is Fault.RECORD_MISSING
    await archived.run(INSERT, date(2026, 1, 1), await manifest(archived, tenant="acme", seqs=[[10, 19]]))
    (audit,) = (await archived.verify(tenant="acme")).tenants
    assert audit.holds, [str(finding) for finding in audit.findings]
    assert audit.archived == len(AWAY)


async def test_records_beside_those_of_the_manifest_may_not(archived: LogScene) -> None:
    await archived.run(INSERT, date(2026, 1, 1), await manifest(archived, tenant="acme", seqs=[[10, 18]]))
    finding = await archived.first()
    assert (finding.fault, finding.seq) == (Fault.RECORD_MISSING, 19)


@pytest.mark.parametrize("how", ["another tenant's", "not signed"])
async def test_a_manifest_that_does_not_hold_excuses_nothing(archived: LogScene, how: str) -> None:
    signed = await manifest(archived, tenant="globex" if how == "another tenant's" else "acme", seqs=[[10, 19]])
    await archived.run(INSERT, date(2026, 1, 1), signed if how == "another tenant's" else signed[:-8] + "AAAAAAAA")
    audit = await archived.broken()
    assert [finding.fault for finding in audit.findings] == [Fault.MANIFEST_FORGED, Fault.RECORD_MISSING]
