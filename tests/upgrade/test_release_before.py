"""Data of the release before are migrated, and used further.

``record.py`` made it with that release. Not in it: months in archives, large payloads, and Temporal's own data.
"""

import asyncio
import json
import lzma
import tarfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest

from adapters.postgres.custody import PostgresCustody
from adapters.system.clock import SystemClock
from adapters.wiring.platform import Platform
from config import roles
from config.checkout import MIGRATIONS, SQL_ROLES
from config.settings import EmbeddedSettings, Settings
from domain.access.principals import Role
from domain.budgets.values import Reservation
from domain.identity import epoch_ms, event_id, subject_hash
from domain.records.custody import erasure_record
from domain.records.fields import AdmittedFields, OutcomeFields
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Kind, Refusal
from embedded.bootstrap import bootstrap, let_services_in
from embedded.places import local_settings
from embedded.process.layout import Layout
from embedded.process.ports import unused_ports
from embedded.servers.group import EmbeddedServers
from embedded.stack import serve_spec
from tests.command import assay
from tests.doubles.principals import principal
from tests.gateway import Gateway, eventually
from tests.opened import opened, opening
from tests.processes import serving
from tests.upgrade.record import KINDS, QUOTA, RECORDED

RELEASES = sorted(path.stem for path in RECORDED.glob("*.json"))


@dataclass
class Restored:
    """A stack over the data of a release, migrated by today's commands."""

    gateway: Gateway
    facts: dict[str, Any]
    directory: Path

    async def verified(self) -> dict[str, Any]:
        """The report of ``assay audit verify-log``, against the checkpoints that the release signed last."""
        kept = []
        for tenant, log in self.facts["logs"].items():
            path = self.directory / f"{tenant}.checkpoint"
            path.write_text(log["note"])
            kept += ["--checkpoint", str(path)]
        report: dict[str, Any] = await assay(self.gateway.settings, "audit", "verify-log", *kept)
        return report


async def _restore(servers: EmbeddedServers, settings: Settings, sql: str) -> None:
    local = local_settings(settings).database

    async def connected(database: str) -> asyncpg.Connection:
        login = {"user": servers.postgres_superuser, "password": servers.postgres_superuser_password}
        return await asyncpg.connect(host=local.host, port=local.port, database=database, **login)

    connection = await connected("postgres")
    await connection.execute(f'CREATE DATABASE "{local.name}"')
    await connection.close()
    connection = await connected(local.name)
    await connection.execute(SQL_ROLES.read_text("utf-8"))
    await connection.execute(sql.replace("CREATE SCHEMA assay;\n", "", 1))  # the roles' script makes it
    await connection.close()


@pytest.fixture(scope="module", params=RELEASES)
async def restored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Restored]:
    directory = tmp_path_factory.mktemp("upgrade")
    data = directory / "data"
    data.mkdir(mode=0o700)
    with tarfile.open(RECORDED / f"{request.param}.tar.xz") as tar:
        tar.extractall(data, filter="data")
    (data / "credentials").chmod(0o700)
    Layout.at(data).lock.touch(mode=0o600)  # by which a data directory is known
    sql = lzma.decompress((RECORDED / f"{request.param}.sql.xz").read_bytes()).decode()
    facts = json.loads((RECORDED / f"{request.param}.json").read_text())
    names = ("postgres_port", "vault_port", "vault_cluster_port", "model_port")
    ports = dict(zip(names, unused_ports(len(names)), strict=True))
    settings = Settings(embedded=EmbeddedSettings(data_dir=data, **ports))

    async def migrated(servers: EmbeddedServers) -> None:
        await _restore(servers, settings, sql)
        await bootstrap(servers, settings)

    async with EmbeddedServers(settings, bootstrap=migrated, only={"postgres", "openbao"}) as servers:
        yield Restored(Gateway(settings, servers, None, cast("Any", None)), facts, directory)


def test_there_is_something_of_the_release_before() -> None:
    assert "aa5f307" in RELEASES


async def test_the_schema_is_todays_and_migrating_again_changes_nothing(restored: Restored) -> None:
    here = {path.stem for path in MIGRATIONS.glob("*.sql")}
    assert len(here) > restored.facts["migrations"]
    done = await assay(restored.gateway.settings, "migrate")
    assert (done["applied"], len(done["present"])) == ([], len(here))


async def test_nothing_is_lost_and_budgets_balance(restored: Restored) -> None:
    kinds = {(row["tenant"], row["kind"]): row["count"] for row in await restored.gateway.superuser(KINDS)}
    wanted = {(row["tenant"], row["kind"]): row["count"] for row in restored.facts["kinds"]}
    assert {name: kinds.get(name, 0) - count for name, count in wanted.items()} == {
        name: int(name == ("system", "policy_changed"))
        for name in wanted  # the model has another port here
    }
    quota = {row["tenant"]: [row["used"], row["reserved"]] for row in await restored.gateway.superuser(QUOTA)}
    assert quota == restored.facts["quota"]
    held = "SELECT tenant, sum(tokens)::int AS tokens FROM assay.reservation WHERE state = 'held' GROUP BY tenant"
    assert [tuple(row) for row in await restored.gateway.superuser(held)] == [
        (tenant, reserved) for tenant, (_, reserved) in quota.items() if reserved
    ]


async def test_records_open_but_for_those_whose_keys_were_destroyed(restored: Restored) -> None:
    runs = restored.facts["runs"]
    async with opening(restored.gateway, restored.directory) as sealer:
        for name in ("first", "second", "globex", "running"):
            for entry in await opened(restored.gateway, sealer, runs[name]):
                assert f"Hello from {name}" in entry["prompt"]
        for name in ("erased", "gone"):
            with pytest.raises(Refusal) as refused:
                await opened(restored.gateway, sealer, runs[name])
            assert refused.value.kind is Kind.NOT_FOUND


async def test_the_policy_stays_but_for_the_models_address(restored: Restored) -> None:
    now, before = await assay(restored.gateway.settings, "policy", "list")
    assert (now["current"], now["by"].startswith("v-approle-assay-op")) == (True, True)
    assert (before["policy"], before["current"], before["by"]) == (restored.facts["policy"], False, None)
    documents = [
        (await assay(restored.gateway.settings, "policy", "show", policy["policy"]))["document"]
        for policy in (now, before)
    ]
    for document in documents:
        for model in document["models"]["models"]:
            del model["base_url"]
    assert documents[0] == documents[1]


async def test_the_log_verifies_from_the_checkpoints_of_the_release_before(restored: Restored) -> None:
    report = await restored.verified()
    sizes = {log["tenant"]: log["size"] for log in report["tenants"]}
    assert {tenant: sizes[tenant] >= log["size"] for tenant, log in restored.facts["logs"].items()} == dict.fromkeys(
        restored.facts["logs"], True
    )


async def test_a_hold_still_stands_and_the_log_goes_on(restored: Restored) -> None:
    settings, servers = restored.gateway.settings, restored.gateway.servers
    local, clock = local_settings(settings), SystemClock()
    let_services_in(servers, settings, (roles.API, roles.WORKER))
    async with AsyncExitStack() as stack:
        api = await Platform.open(stack, local, roles.API, clock)
        worker = await Platform.open(stack, local, roles.WORKER, clock)
        await _refuse_erasure(api)
        [left] = await restored.gateway.superuser("SELECT id, tokens FROM assay.reservation WHERE state = 'held'")
        await worker.ledger.close(left["id"], 7, a_record("left", EventKind.COMPLETED), _unsigned)
        reservation = Reservation(event("new", "reservation"), "acme", "someone", 10, 1_000_000)
        await worker.ledger.admit(reservation, a_record("new", EventKind.ADMITTED))
        await worker.ledger.close(reservation.reservation_id, 10, a_record("new", EventKind.COMPLETED), _unsigned)
    quota = {row["tenant"]: [row["used"], row["reserved"]] for row in await restored.gateway.superuser(QUOTA)}
    assert quota["acme"] == [restored.facts["quota"]["acme"][0] + 17, 0]
    size = restored.facts["logs"]["acme"]["size"] + 3

    async def is_signed() -> bool:
        sql = "SELECT FROM assay.checkpoint WHERE tenant = 'acme' AND size = $1"
        return bool(await restored.gateway.superuser(sql, size))

    async with serving(serve_spec(servers, settings, "sequencer"), restored.directory / "sequencer.log"):
        await eventually(is_signed, 30)
    sizes = {log["tenant"]: log["size"] for log in (await restored.verified())["tenants"]}
    assert sizes["acme"] == size


async def _refuse_erasure(api: Platform) -> None:
    subject = subject_hash(await api.identities.tenant_key("acme"), "acme", "client:acme-app")
    custody = PostgresCustody(api.pool, api.encrypter)
    officer = principal("acme", "alice", "acme-admin", frozenset({Role.ADMIN}), "c" * 32)
    with pytest.raises(Refusal) as refused:
        await custody.erase(subject, erasure_record(officer, subject, SystemClock().now(), "f" * 32))
    assert refused.value.kind is Kind.LEGAL_HOLD


STARTED = epoch_ms(SystemClock().now())


def event(run: str, slot: str) -> UUID:
    return event_id(STARTED, "acme", run, "1", slot)


def a_record(run: str, kind: EventKind) -> Record:
    fields: AdmittedFields | OutcomeFields = OutcomeFields(caller="someone", model="m")
    if kind is EventKind.ADMITTED:
        fields = AdmittedFields(caller="someone", model="m", reserved_tokens=10)
    return Record(
        event_id=event(run, kind.value),
        tenant="acme",
        kind=kind,
        recorded_at=SystemClock().now(),
        fields=fields,
        sealed=EncryptedFields(subject="client:acme-app", prompt="[]"),
        workflow_id=run,
        run_id="1",
    )


async def _unsigned(_: bytes) -> None:
    await asyncio.sleep(0)
