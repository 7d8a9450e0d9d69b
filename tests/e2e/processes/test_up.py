"""``assay up`` as a person runs it: ready, killed, back again with everything, stopped by Ctrl-C."""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import psutil
import pytest

from config.settings import Settings
from embedded.places import places
from tests.command import ASSAY, assay, environment
from tests.fakes.behaviours import Hang, answer
from tests.fakes.provider import FakeProvider
from tests.gateway import eventually, settings_for
from tests.paths import ROOT
from tests.processes import bound


@asynccontextmanager
async def up(settings: Settings, **streams: int) -> AsyncIterator[asyncio.subprocess.Process]:
    data = settings.embedded.data_dir
    elsewhere = {"ASSAY_EMBEDDED__DATA_DIR": str(data.with_name("nothing-comes-here"))}
    elsewhere |= {"ASSAY_VAULT__TIMEOUT_SECONDS": "15", "ASSAY_DATABASE__POOL_SIZE": "7"}  # which lead nowhere else
    command = (*ASSAY, "up", "--json", "--data-dir", str(data))
    process = await asyncio.create_subprocess_exec(
        *bound(*command), cwd=ROOT, env=environment(settings) | elsewhere, stdout=asyncio.subprocess.PIPE, **streams
    )
    try:
        text = ""
        async with asyncio.timeout(60):
            while True:
                text += (await process.stdout.readline()).decode()
                try:
                    assert json.loads(text)["ready"] is True
                    break
                except ValueError:
                    assert process.returncode is None, text
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def audit_verify(settings: Settings, directory: Path, run: dict) -> None:
    """The receipt, checked by the command; and a changed answer, found by it."""
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{settings.api.port}", trust_env=False) as http:
        (directory / "keys.json").write_text((await http.get("/.well-known/jwks.json")).text)
    (directory / "run.json").write_text(json.dumps(run))
    (directory / "request.json").write_text(json.dumps({"model": "fake", "prompt": "Remember me"}))
    options = ("--keys", str(directory / "keys.json"), "--request", str(directory / "request.json"))
    claims = await assay(settings, "audit", "verify", str(directory / "run.json"), *options)
    assert claims["checked"] == "signature, answer, request"
    changed = {**run, "result": {**run["result"], "content": "another answer"}}
    (directory / "run.json").write_text(json.dumps(changed))
    refused = await asyncio.create_subprocess_exec(
        *ASSAY, "audit", "verify", str(directory / "run.json"), *options, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, said = await refused.communicate()
    assert refused.returncode == 1
    assert b"another answer" in said


def below(process: asyncio.subprocess.Process) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


async def gone(children: list[psutil.Process]) -> None:
    async def all_ended() -> bool:
        return not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)

    await eventually(all_ended, 20)


@pytest.mark.long
async def test_everything_survives_kill_9_of_everything(tmp_path: Path):
    async with FakeProvider() as provider:
        settings = settings_for(tmp_path, provider.base_url)
        async with up(settings) as first:
            children = below(first)
            assert len(children) >= 5
            provider.script(Hang(answer("never heard")), answer("finished later"))
            accepted = await assay(settings, "submit", "Remember me", "--model", "fake", "--no-wait")
            assert accepted["status"] == "running"
            await provider.until(lambda stats: stats.received == 1)
            token = (await assay(settings, "token"))["access_token"]
            for process in (psutil.Process(first.pid), *children):
                with contextlib.suppress(psutil.NoSuchProcess):  # it went with its parent
                    process.kill()
            await first.wait()
            await gone(children)
        async with up(settings) as second:
            children = below(second)
            base = f"http://127.0.0.1:{settings.api.port}"
            async with httpx2.AsyncClient(base_url=base, trust_env=False) as http:

                async def ended() -> bool:
                    response = await http.get(
                        f"/v1/inferences/{accepted['id']}", headers={"Authorization": f"Bearer {token}"}
                    )
                    assert response.status_code == 200, response.text
                    return response.json()["status"] == "completed"

                await eventually(ended, 60)
            run = await assay(settings, "get", accepted["id"])
            assert run["result"]["content"] == "finished later"
            kinds = [row["kind"] for row in await assay(settings, "audit", "search", "--run", accepted["id"])]
            assert kinds == ["completed", "admitted"]
            await audit_verify(settings, tmp_path, run)
            second.send_signal(signal.SIGINT)
            async with asyncio.timeout(30):
                assert await second.wait() == 0
            await gone(children)


async def test_a_killed_supervisor_leaves_nobody_behind_and_no_secret_in_any_environment(tmp_path: Path):
    async with FakeProvider() as provider:
        settings = settings_for(tmp_path, provider.base_url)
        async with up(settings) as process:
            children = below(process)
            found = places(settings)
            secrets = [json.loads(found.client("demo").read_text())["client_secret"]]
            secrets += [
                path.read_text("latin-1").strip()
                for path in (found.root / "secrets").iterdir()
                if path.stat().st_size > 8
            ]
            secrets += [
                path.read_text("latin-1") for path in (found.root / "credentials").iterdir() if "secret" in path.name
            ]
            assert len(secrets) >= 5
            for child in children:
                seen = " ".join([*child.cmdline(), *child.environ().values()])
                assert not [secret for secret in secrets if secret in seen]
            logs = "".join(path.read_text(errors="replace") for path in (found.root / "logs").iterdir())
            assert not [secret for secret in secrets if secret in logs]
            process.kill()
            await process.wait()
            await gone(children)
