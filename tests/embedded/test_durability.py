"""Stops, crashes and half-done starts: the data is still there, nothing is left running, nothing else is touched."""

import asyncio
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from config.settings import Settings
from embedded.process import identity
from embedded.process.child import ChildSpec
from embedded.process.errors import (
    ChildFailedError,
    DataDirError,
    DataDirInUseError,
    EmbeddedError,
    PortTakenError,
    StateLostError,
)
from embedded.process.files import write_private
from embedded.process.layout import Layout
from embedded.process.lock import acquire, data_dir_lock
from embedded.process.probes import request
from embedded.process.spawn import spawn, user_namespace_works
from embedded.process.supervisor import Supervisor
from embedded.servers.group import ALL_SERVERS, EmbeddedServers
from tests.processes import bound

MakeSettings = Callable[[Path], Settings]
Command = Callable[[Settings], list[str]]
DEADLINE = 30


def token(servers: EmbeddedServers) -> dict[str, str]:
    return {"X-Vault-Token": servers.vault_root_token}


async def vault(servers: EmbeddedServers, method: str, path: str, body: object = None) -> object:
    port = int(servers.vault_url.rsplit(":", 1)[1])
    answer = await request(method, port, f"/v1/{path}", body=body, headers=token(servers))
    assert answer.status in {200, 204}, answer
    return answer.json() if answer.body else None


async def sql(servers: EmbeddedServers, statement: str) -> object:
    connection = await asyncpg.connect(
        host="127.0.0.1",
        port=servers.client_settings().database.port,
        user="postgres",
        password=servers.postgres_superuser_password,
        database="postgres",
    )
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def write_everywhere(servers: EmbeddedServers) -> None:
    await sql(servers, "CREATE TABLE kept AS SELECT 42 AS n")
    await vault(servers, "POST", "sys/mounts/kept", {"type": "kv", "options": {"version": "2"}})
    for _ in range(100):  # the mount upgrades itself to version 2 in the background
        try:
            await vault(servers, "POST", "kept/data/one", {"data": {"n": "42"}})
        except AssertionError:
            await asyncio.sleep(0.05)
        else:
            return
    pytest.fail("the mount never took a secret")


async def assert_kept_everywhere(servers: EmbeddedServers) -> None:
    assert await sql(servers, "SELECT n FROM kept") == 42
    secret = await vault(servers, "GET", "kept/data/one")
    assert isinstance(secret, dict)
    assert secret["data"]["data"] == {"n": "42"}


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=DEADLINE)
    return not alive


async def test_data_survives_an_orderly_stop_and_a_change_of_ports(tmp_path: Path, make_settings: MakeSettings) -> None:
    boots: list[str] = []

    async def bootstrap(servers: EmbeddedServers) -> None:
        assert all(status.ready for status in servers.status())
        boots.append(servers.vault_root_token)

    async with EmbeddedServers(make_settings(tmp_path / "d"), bootstrap=bootstrap) as first:
        await write_everywhere(first)
        running = [psutil.Process(status.pid) for status in first.status()]
    assert gone(running)
    assert not list(first.layout.run.iterdir())

    async with EmbeddedServers(make_settings(tmp_path / "d"), bootstrap=bootstrap) as second:
        await assert_kept_everywhere(second)
    assert boots == [boots[0]] * 2


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list["subprocess.Popen[str]"]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()
    identity.stop_leftovers(tmp_path / "d" / "run", DEADLINE)


async def test_nothing_outlives_a_killed_supervisor_and_the_data_does(
    tmp_path: Path, make_settings: MakeSettings, supervisor_command: Command, started: list["subprocess.Popen[str]"]
) -> None:
    settings = make_settings(tmp_path / "d")
    supervisor = subprocess.Popen(bound(*supervisor_command(settings)), stdout=subprocess.PIPE, text=True)
    started.append(supervisor)
    report = json.loads(await asyncio.to_thread(supervisor.stdout.readline))
    watched = EmbeddedServers(settings)
    await write_everywhere(watched)
    children = [psutil.Process(child["pid"]) for child in report["children"]]
    everyone = [p for child in children for p in (child, *child.children(recursive=True))]
    assert len(children) == len(ALL_SERVERS)

    supervisor.kill()
    supervisor.wait()

    if sys.platform == "linux":
        assert gone(everyone)
    async with EmbeddedServers(settings) as again:
        await assert_kept_everywhere(again)
        assert gone(everyone)


async def test_an_ordinary_user_can_run_everything_and_ends_it_with_ctrl_c(
    tmp_path: Path, make_settings: MakeSettings, supervisor_command: Command
) -> None:
    if os.geteuid() != 0:
        pytest.skip("we are an ordinary user: every other test here shows it")
    if not await user_namespace_works():
        pytest.skip("root has no way to become an ordinary user here that can still read this installation")
    read, write = os.pipe()
    command = supervisor_command(make_settings(tmp_path / "d"))
    supervisor = await spawn(command, output=write, death_signal=signal.SIGKILL, user_namespace=True)
    os.close(write)
    with os.fdopen(read) as output:
        report = json.loads(await asyncio.to_thread(output.readline))
        children = [psutil.Process(child["pid"]) for child in report["children"]]

        supervisor.send_signal(signal.SIGINT)
        async with asyncio.timeout(DEADLINE):
            code = await supervisor.wait()

    assert report["euid"] != 0
    assert len(children) == len(ALL_SERVERS)
    assert code == 0
    assert gone(children)


async def test_a_taken_port_is_named_with_its_server_setting_and_holder(
    tmp_path: Path, make_settings: MakeSettings
) -> None:
    settings = make_settings(tmp_path / "d")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", settings.embedded.vault_port))
        holder.listen()

        with pytest.raises(PortTakenError) as taken:
            await EmbeddedServers(settings).start()

    assert taken.value.port == settings.embedded.vault_port
    assert taken.value.server == "openbao"
    assert taken.value.setting == "ASSAY_EMBEDDED__VAULT_PORT"
    assert taken.value.pid == os.getpid()
    assert not list((tmp_path / "d" / "run").iterdir())


async def test_two_servers_cannot_have_the_same_port(tmp_path: Path, make_settings: MakeSettings) -> None:
    settings = make_settings(tmp_path / "d")
    same = settings.embedded.model_copy(update={"model_port": settings.embedded.vault_port})

    with pytest.raises(EmbeddedError, match="VAULT_PORT and ASSAY_EMBEDDED__MODEL_PORT"):
        await EmbeddedServers(settings.model_copy(update={"embedded": same})).start()


@pytest.fixture
def sleeper() -> Iterator[psutil.Process]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    found = psutil.Process(process.pid)
    deadline = time.monotonic() + DEADLINE
    while not found.cmdline() and time.monotonic() < deadline:
        time.sleep(0.01)
    yield found
    process.kill()
    process.wait()


def test_a_leftover_is_stopped_by_its_recorded_identity(tmp_path: Path, sleeper: psutil.Process) -> None:
    identity.save(tmp_path, "model", identity.Identity.of(sleeper.pid, signal.SIGTERM))

    assert identity.stop_leftovers(tmp_path, 5) == ("model",)

    assert gone([sleeper])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stale", [{"create_time": 1_000_000_000.0}, {"exe": "/usr/bin/postgres"}])
def test_a_process_that_only_has_a_recorded_id_is_left_alone(
    tmp_path: Path, sleeper: psutil.Process, stale: dict[str, object]
) -> None:
    record = dataclasses.replace(identity.Identity.of(sleeper.pid, signal.SIGTERM), **stale)
    identity.save(tmp_path, "model", record)

    assert identity.stop_leftovers(tmp_path, 5) == ()

    assert sleeper.is_running()
    assert sleeper.status() != psutil.STATUS_ZOMBIE
    assert not list(tmp_path.iterdir())


def test_an_unreadable_record_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"pid": 1')

    assert identity.stop_leftovers(tmp_path, 5) == ()
    assert not list(tmp_path.iterdir())


async def test_openbao_starts_afresh_only_while_nothing_was_set_up(tmp_path: Path, make_settings: MakeSettings) -> None:
    settings = make_settings(tmp_path / "d")
    init_file = tmp_path / "d" / "secrets" / "openbao_init.json"
    tokens: list[str] = []

    async def bootstrap(servers: EmbeddedServers) -> None:
        tokens.append(servers.vault_root_token)
        if len(tokens) == 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await EmbeddedServers(settings, bootstrap=bootstrap, only={"openbao"}).start()
    init_file.unlink()
    async with EmbeddedServers(settings, bootstrap=bootstrap, only={"openbao"}):
        assert tokens[0] != tokens[1]
    init_file.unlink()

    with pytest.raises(StateLostError, match="openbao_init"):
        await EmbeddedServers(settings, bootstrap=bootstrap, only={"openbao"}).start()

    assert len(tokens) == 2
    assert (tmp_path / "d" / "openbao" / "raft" / "vault.db").exists()


async def test_postgres_recovers_from_a_broken_off_initdb_and_a_foreign_pid_file(
    tmp_path: Path, make_settings: MakeSettings, sleeper: psutil.Process
) -> None:
    settings = make_settings(tmp_path / "d")
    layout = Layout.at(settings.embedded.data_dir)
    layout.prepare()
    abandoned = layout.root / "postgres-new-abandoned"
    abandoned.mkdir()
    (abandoned / "PG_VERSION").write_text("18")

    async with EmbeddedServers(settings, only={"postgres"}) as servers:
        assert await sql(servers, "SELECT 1") == 1
        assert not abandoned.exists()
        lines = (layout.root / "postgres" / "postmaster.pid").read_text().splitlines()
    # As after a crash of the machine: the ID in the file is that of some other program now.
    (layout.root / "postgres" / "postmaster.pid").write_text("\n".join([str(sleeper.pid), *lines[1:]]) + "\n")

    async with EmbeddedServers(settings, only={"postgres"}) as servers:
        assert await sql(servers, "SELECT 1") == 1

    (layout.secrets / "postgres_superuser").unlink()
    with pytest.raises(StateLostError, match="password"):
        await EmbeddedServers(settings, only={"postgres"}).start()


async def test_a_postmaster_killed_among_sessions_starts_again(tmp_path: Path, make_settings: MakeSettings) -> None:
    async with EmbeddedServers(make_settings(tmp_path / "d"), only={"postgres"}) as servers:
        busy = asyncio.create_task(sql(servers, "SELECT pg_sleep(600)"))
        async with asyncio.timeout(DEADLINE):
            while await sql(servers, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") != 1:
                await asyncio.sleep(0.02)

        await servers.kill("postgres")
        async with asyncio.timeout(DEADLINE):
            await servers.until_ready("postgres")

        assert await sql(servers, "SELECT 1") == 1
        with pytest.raises((OSError, asyncpg.PostgresError)):
            await busy


async def test_a_child_that_ends_at_once_fails_the_start_and_points_to_its_log(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path / "d")
    layout.prepare()
    supervisor = Supervisor(layout)

    async def never() -> bool:
        return False

    def spec(name: str, code: str) -> ChildSpec:
        return ChildSpec(name=name, argv=(sys.executable, "-c", code), ready=never)

    with pytest.raises(ChildFailedError, match="exited with code 3") as failed:
        await supervisor.start(
            [spec("short", "print('why'); raise SystemExit(3)"), spec("long", "import time; time.sleep(600)")]
        )

    assert failed.value.log.read_text() == "why\n"
    assert supervisor.status() == ()
    assert not list(layout.run.iterdir())


async def test_a_child_that_ignores_its_stop_signal_is_killed_with_its_family(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path / "d")
    layout.prepare()
    supervisor = Supervisor(layout)
    code = (
        "import signal, subprocess, sys, time, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "pathlib.Path('up').write_text(str(p.pid)); time.sleep(600)"
    )

    async def up() -> bool:
        return (tmp_path / "up").exists() and bool((tmp_path / "up").read_text())

    argv = (sys.executable, "-c", code)
    await supervisor.start([ChildSpec(name="deaf", argv=argv, ready=up, cwd=tmp_path, stop_grace_seconds=0.2)])
    (status,) = supervisor.status()
    family = [psutil.Process(status.pid), psutil.Process(int((tmp_path / "up").read_text()))]

    await supervisor.stop()

    assert gone(family)


def test_a_directory_with_other_files_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    tmp_path.chmod(0o755)

    with pytest.raises(DataDirError, match="not Assay's"):
        Layout.at(tmp_path).prepare()

    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_log_grown_too_long_is_set_aside_at_a_start(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path / "d")
    layout.prepare()
    layout.log("model").write_bytes(b"x" * (6 * 1024 * 1024))

    os.close(layout.open_log("model"))

    assert layout.log("model").stat().st_size == 0
    assert (layout.logs / "model.log.1").stat().st_size == 6 * 1024 * 1024


def test_the_lock_is_free_again_once_given_up(tmp_path: Path) -> None:
    first, second = data_dir_lock(tmp_path / "lock"), data_dir_lock(tmp_path / "lock")
    acquire(first)
    with pytest.raises(DataDirInUseError, match=str(os.getpid())):
        acquire(second)
    first.release()

    acquire(second)

    assert (tmp_path / "lock").read_text().strip() == str(os.getpid())
    second.release()


def test_a_failed_write_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    write_private(path, b"old")

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_private(path, b"new")

    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["secret"]
