"""Archiving as it is operated: a schedule of Temporal, a process of its own, an operator's commands."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.pool import PostgresPool
from adapters.temporal.client import TemporalConnection
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.setup.database import DatabaseLogin
from embedded.stack import serve_spec
from tests.adapters.archive.archives import Past, unused_month
from tests.adapters.stack import Stack, SystemClock
from tests.command import assay, run_assay
from tests.gateway import Gateway, eventually
from tests.processes import serving
from worker.archiver import SCHEDULE, TASK_QUEUE


@pytest.fixture(scope="module")
async def past(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Past]:
    """Months of the past in the gateway's own database."""
    login = DatabaseLogin("127.0.0.1", gateway.local.database.port, sslmode="disable")
    stack = Stack(gateway.servers, gateway.local, tmp_path_factory.mktemp("past"), login)
    session = await stack.session("api")
    pool = PostgresPool(session, stack.database, "assay-api")
    await pool.start()
    keyring = ServiceKeyRing(session, stack.vault, SystemClock())
    encrypter = RecordEncrypter(keyring, VaultIdentity(session), PostgresSubjectKeys(pool, keyring))
    owner = await stack.superuser()
    await owner.execute("SET ROLE assay_owner")
    yield Past(stack, PostgresLedger(pool, encrypter), owner, gateway.local)
    await owner.close()
    await pool.close()
    await session.close()


async def old_month(past: Past) -> date:
    month = unused_month()
    await past.record(month, ("acme", "globex"))
    return month


async def test_the_schedule_archives_what_is_due(gateway: Gateway, past: Past) -> None:
    month = await old_month(past)
    client = await TemporalConnection(gateway.local.temporal).client(await keyring_of(past), None)
    schedule = client.get_schedule_handle(SCHEDULE.id)
    description = await schedule.describe()
    assert description.schedule.action.task_queue == TASK_QUEUE
    assert [interval.every.days for interval in description.schedule.spec.intervals] == [1]
    await schedule.trigger()

    async def gone() -> bool:
        return await past.table(month) is None

    await eventually(gone, 60)
    assert await past.in_log(month) == 0
    assert all(file.exists() for tenant in ("acme", "globex") for file in past.files(month, tenant))
    (ran,) = [one async for one in client.list_workflows(f"TaskQueue = '{TASK_QUEUE}'")]
    done = await client.get_workflow_handle(ran.id).result()
    assert f"{month:%Y-%m}" in [one["month"] for one in done["months"]]


async def test_an_operators_commands(gateway: Gateway, past: Past) -> None:
    month = await old_month(past)
    name = f"{month:%Y-%m}"
    (would,) = await assay(gateway.settings, "audit", "archive", "--month", name, "--dry-run")
    assert (would["state"], await past.in_log(month)) == ("due", 3)
    (done,) = await assay(gateway.settings, "audit", "archive", "--month", name)
    assert (done["state"], done["rows"], done["tenants"]) == ("archived", 6, "acme, globex")
    listed = await assay(gateway.settings, "audit", "archives")
    assert [(one["tenant"], one["rows"], one["state"]) for one in listed if one["month"] == name] == [
        ("acme", 3, "archived"),
        ("globex", 3, "archived"),
    ]
    back = await assay(gateway.settings, "audit", "restore", name, "--tenant", "globex")
    assert (back["state"], back["rows"]) == ("restored", 3)
    assert (await past.in_log(month), await past.in_log(month, "globex")) == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("archive", "--month", "last year"), "month: must have the form YYYY-MM"),
        (("restore", "2001-13"), "month: must have the form YYYY-MM"),
        (("restore", "1999-01"), "the month 1999-01 is not archived"),
    ],
)
async def test_commands_say_what_is_wrong(gateway: Gateway, arguments: tuple[str, ...], told: str) -> None:
    code, _, errors = await run_assay(gateway.settings, "audit", *arguments)
    assert code != 0
    assert told in errors


async def test_a_month_that_stays_is_told_and_is_no_success(gateway: Gateway) -> None:
    code, out, _ = await run_assay(gateway.settings, "audit", "archive", "--month", "1999-01", "--json")
    assert code == 1
    assert "no records of that month" in out


async def test_a_tampered_file_is_told_by_name(gateway: Gateway, past: Past) -> None:
    month = await old_month(past)
    name = f"{month:%Y-%m}"
    await assay(gateway.settings, "audit", "archive", "--month", name)
    file, _ = past.files(month)
    file.write_bytes(file.read_bytes()[:-1])
    code, _, errors = await run_assay(gateway.settings, "audit", "restore", name)
    assert code == 1
    assert "the file: its SHA-256 differs from the one in its manifest" in errors
    assert await past.in_log(month) == 0


async def test_a_process_of_its_own_is_ready_and_stops(gateway: Gateway, tmp_path: Path) -> None:
    spec = serve_spec(gateway.servers, gateway.settings, "archiver")
    async with serving(spec, tmp_path / "archiver.log") as served:
        assert await served.stop() == 0
    log = (tmp_path / "archiver.log").read_text()
    assert "archiving" in log
    assert "Traceback" not in log


async def keyring_of(past: Past) -> ServiceKeyRing:
    return ServiceKeyRing(past.ledger._encrypter._keyring._session, past.stack.vault, SystemClock())
