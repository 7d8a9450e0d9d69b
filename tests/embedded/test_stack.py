"""All four servers running: what they promise to those who use them."""

import asyncio
import os
import stat
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import asyncpg
import psutil
import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from config.settings import Settings
from embedded.doctor import examine
from embedded.process.child import ChildSpec
from embedded.process.errors import DataDirInUseError, EmbeddedError
from embedded.process.ports import unused_ports
from embedded.process.probes import http_ready, request
from embedded.process.spawn import run_to_end
from embedded.servers.group import ALL_SERVERS, EmbeddedServers
from embedded.servers.temporal import SEARCH_ATTRIBUTES

ProcessesOf = Callable[[EmbeddedServers], dict[str, psutil.Process]]
DEADLINE = 30


async def connect(servers: EmbeddedServers, password: str | None = None) -> asyncpg.Connection:
    return await asyncpg.connect(
        host="127.0.0.1",
        port=servers.client_settings().database.port,
        user=servers.postgres_superuser,
        password=password or servers.postgres_superuser_password,
        database="postgres",
    )


async def query(servers: EmbeddedServers, sql: str) -> object:
    connection = await connect(servers)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def vault_port(servers: EmbeddedServers) -> int:
    return int(servers.vault_url.rsplit(":", 1)[1])


async def test_every_child_is_ready_under_its_own_process(servers: EmbeddedServers) -> None:
    status = servers.status()

    assert {s.name for s in status} == ALL_SERVERS
    assert all(s.ready and s.pid is not None for s in status)
    assert len({s.pid for s in status}) == len(ALL_SERVERS)


async def test_only_the_owner_can_enter_the_data_directory_and_read_a_secret(servers: EmbeddedServers) -> None:
    assert stat.S_IMODE(servers.layout.root.stat().st_mode) == 0o700
    secrets = list(servers.layout.secrets.iterdir())
    assert len(secrets) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert not [
        path
        for path in servers.layout.root.rglob("*")
        if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]


async def test_no_secret_is_in_a_command_line_an_environment_or_a_log(
    servers: EmbeddedServers, processes_of: ProcessesOf
) -> None:
    secrets = (servers.postgres_superuser_password, servers.vault_root_token, servers.model_api_key)
    shown = [" ".join(p.cmdline()) + repr(p.environ()) for p in processes_of(servers).values()]
    logged = [path.read_text(errors="replace") for path in servers.layout.logs.iterdir()]

    assert all(len(secret) >= 20 for secret in secrets)
    assert not [secret for secret in secrets for text in (*shown, *logged) if secret in text]


async def test_a_child_does_not_see_our_environment(servers: EmbeddedServers, processes_of: ProcessesOf) -> None:
    for process in processes_of(servers).values():
        assert set(process.environ()) <= {"PATH", "HOME", "LANG", "TMPDIR", "LC_CTYPE", "PGDATA", "PG_GRANDPARENT_PID"}


async def test_postgres_keeps_its_durability_and_asks_for_a_scram_password(servers: EmbeddedServers) -> None:
    assert await query(servers, "SHOW fsync") == "on"
    assert await query(servers, "SHOW synchronous_commit") == "on"
    assert str(await query(servers, "SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'")).startswith("SCRAM")
    assert await query(servers, "SHOW unix_socket_directories") == ""
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(servers, password="wrong")


async def test_postgres_keeps_statements_and_values_out_of_its_log(servers: EmbeddedServers) -> None:
    with pytest.raises(asyncpg.DataError):
        await query(servers, "SELECT 'tell-tale'::int")

    assert "tell-tale" not in servers.layout.log("postgres").read_text()


async def test_openbao_is_initialised_unsealed_and_active(servers: EmbeddedServers) -> None:
    health = await request("GET", vault_port(servers), "/v1/sys/health")

    assert health.status == 200
    assert health.json()["initialized"] is True
    assert health.json()["sealed"] is False
    own = await request("GET", vault_port(servers), "/v1/auth/token/lookup-self", headers=token(servers))
    assert own.json()["data"]["policies"] == ["root"]


async def test_temporal_has_the_namespace_with_retention_and_search_attributes(servers: EmbeddedServers) -> None:
    client = await Client.connect(servers.temporal_address, namespace="assay")
    namespace = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="assay"))
    attributes = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="assay"))

    assert namespace.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=11)
    assert set(SEARCH_ATTRIBUTES) <= set(attributes.custom_attributes)
    assert servers.temporal_ui_url is not None
    assert await http_ready(int(servers.temporal_ui_url.rsplit(":", 1)[1]), "/")


async def test_the_model_answers_only_those_who_have_its_key(servers: EmbeddedServers) -> None:
    port = int(servers.model_url.removesuffix("/v1").rsplit(":", 1)[1])
    body = {"model": "smollm2", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}
    ask = partial(request, "POST", port, "/v1/chat/completions", body=body, timeout_seconds=30)

    refused = [await ask(), await ask(headers={"Authorization": "Bearer wrong"})]
    answer = await ask(headers={"Authorization": f"Bearer {servers.model_api_key}"})

    assert [r.status for r in refused] == [401, 401]
    assert answer.status == 200
    assert answer.json()["model"] == "smollm2"
    assert answer.json()["choices"][0]["message"]["content"]
    assert answer.json()["usage"]["completion_tokens"] <= 8


async def test_a_second_owner_is_refused_and_told_who_the_first_is(servers: EmbeddedServers, make_settings) -> None:
    second = EmbeddedServers(make_settings(servers.layout.root))

    with pytest.raises(DataDirInUseError, match=rf"process {os.getpid()}") as refused:
        await second.start()

    assert refused.value.pid == os.getpid()
    assert all(s.ready for s in servers.status())


async def test_the_doctor_knows_our_own_servers(servers: EmbeddedServers, make_settings) -> None:
    checks = {check.name: check for check in await examine(servers.client_settings())}

    assert [c for c in checks.values() if c.outcome == "fail"] == []
    assert checks[f"port {vault_port(servers)} of openbao"].explanation == "in use by this data directory's own server"


@pytest.mark.parametrize("name", sorted(ALL_SERVERS))
async def test_a_killed_child_comes_back_with_its_data(
    servers: EmbeddedServers, processes_of: ProcessesOf, name: str
) -> None:
    await query(servers, "CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS n")
    before = processes_of(servers)

    await servers.kill(name)
    async with asyncio.timeout(DEADLINE):
        await servers.until_ready(name)

    after = processes_of(servers)
    assert after[name].pid != before[name].pid
    assert not before[name].is_running()
    assert {n for n in ALL_SERVERS if after[n] == before[n]} == ALL_SERVERS - {name}
    assert next(s.restarts for s in servers.status() if s.name == name) >= 1
    assert await query(servers, "SELECT n FROM kept") == 42
    assert (await request("GET", vault_port(servers), "/v1/sys/health")).status == 200


async def test_a_restart_is_orderly(servers: EmbeddedServers, processes_of: ProcessesOf) -> None:
    before = processes_of(servers)["postgres"]

    await servers.restart("postgres")

    assert processes_of(servers)["postgres"] != before
    assert await query(servers, "SELECT 1") == 1
    assert "database system is shut down" in servers.layout.log("postgres").read_text()


@pytest.fixture
def web_directory(tmp_path: Path) -> Path:
    directory = tmp_path / "web"
    directory.mkdir()
    return directory


async def test_a_process_of_ones_own_is_supervised_and_prepared_before_each_start(
    servers: EmbeddedServers, web_directory: Path
) -> None:
    (port,) = unused_ports(1)
    prepared: list[str] = []

    async def before_start() -> None:
        prepared.append("again")
        (web_directory / "readyz").write_text("fresh")

    await servers.add(
        ChildSpec(
            name="own",
            argv=(sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"),
            ready=partial(http_ready, port, "/readyz"),
            port=port,
            cwd=web_directory,
            before_start=before_start,
        )
    )
    assert prepared == ["again"]

    await servers.kill("own")
    async with asyncio.timeout(DEADLINE):
        await servers.until_ready("own")

    assert prepared == ["again", "again"]
    with pytest.raises(EmbeddedError, match="own"):
        await servers.add(ChildSpec(name="own", argv=("/bin/true",), ready=partial(http_ready, port, "/")))


async def test_servers_cannot_be_started_from_another_thread() -> None:
    def elsewhere() -> None:
        asyncio.run(run_to_end((sys.executable, "-c", ""), log=Path(os.devnull)))

    with pytest.raises(EmbeddedError, match="main thread"):
        await asyncio.to_thread(elsewhere)


def token(servers: EmbeddedServers) -> dict[str, str]:
    return {"X-Vault-Token": servers.vault_root_token}


def test_client_settings_lead_to_these_servers(servers: EmbeddedServers) -> None:
    settings: Settings = servers.client_settings()

    assert settings.vault.address == servers.vault_url
    assert settings.temporal.address == servers.temporal_address
    assert settings.database.host == "127.0.0.1"
