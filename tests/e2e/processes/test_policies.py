"""A change of the current policy is a command; a start is none."""

import asyncio
import signal
from pathlib import Path

import httpx2
import pytest
import yaml

from config.settings import Settings
from embedded.places import places
from tests.command import assay, run_assay
from tests.e2e.processes.test_up import up
from tests.gateway import eventually, settings_for
from tests.paths import ROOT

pytestmark = pytest.mark.long


def edit(settings: Settings, limit: int) -> None:
    path = settings.policies_dir / "limits.yaml"
    limits = yaml.safe_load(path.read_text())
    limits["rate"] = {"limit": limit, "window_seconds": 86_400}
    path.write_text(yaml.safe_dump(limits))


async def end(process: asyncio.subprocess.Process) -> str:
    """Stop the stack; what it said to people."""
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(30):
        _, said = await process.communicate()
    assert process.returncode == 0
    return said.decode()


async def test_a_policy_is_applied_by_a_command_and_by_no_later_start(tmp_path: Path):
    settings = settings_for(tmp_path, "http://127.0.0.1:9/v1")
    async with up(settings, stderr=asyncio.subprocess.PIPE) as process:
        [first] = await assay(settings, "policy", "list")
        assert (first["current"], first["by"][:18]) == (True, "v-approle-assay-op")
        shown = await assay(settings, "policy", "show")
        assert (shown["policy"], shown["document"]["models"]["models"][1]["base_url"]) == (
            *(first["policy"], "http://127.0.0.1:9/v1"),
        )
        code, text, _ = await run_assay(settings, "policy", "show", first["policy"][:8])
        assert (code, yaml.safe_load(text)) == (0, shown["document"])
        code, text, _ = await run_assay(settings, "policy", "list")
        assert (code, first["policy"][:16] in text, first["by"] in text) == (0, True, True)
        edit(settings, 1)
        applied = await assay(settings, "policy", "apply")
        assert (applied["before"], applied["sections"]) == (first["policy"], ["limits"])

        token = (await assay(settings, "token"))["access_token"]
        base = f"http://127.0.0.1:{settings.api.port}"
        async with httpx2.AsyncClient(
            base_url=base, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60
        ) as http:

            async def refused() -> bool:
                sent = {"model": "smollm2", "prompt": "Hello"}
                return (await http.post("/v1/inferences", json=sent)).status_code == 429

            await eventually(refused, 60)
        assert (await assay(settings, "policy", "apply"))["changed"] is False
        (settings.policies_dir / "limits.yaml").write_text("rate: {limit: none}")
        code, _, errors = await run_assay(settings, "policy", "apply")
        assert (code, "limits.yaml" in errors, "Traceback" in errors) == (1, True, False)
        assert "differs" not in await end(process)
    recorded = first["policy"], applied["policy"]
    async with up(settings, stderr=asyncio.subprocess.PIPE) as process:
        assert await current(settings) == applied["policy"]
        said = await end(process)
        assert "is not valid: limits.yaml" in " ".join(said.split())
    edit_back(settings)
    async with up(settings, stderr=asyncio.subprocess.PIPE) as process:
        assert await current(settings) == applied["policy"]
        changes = await assay(settings, "audit", "search", "--tenant", "system", "--kind", "policy_changed")
        assert [change["fields"]["policy"] for change in changes] == [*reversed(recorded)]
        said = " ".join((await end(process)).split())
        assert f"The policy in {settings.policies_dir} differs from the current one in: limits" in said
        assert f"ASSAY_EMBEDDED__DATA_DIR={places(settings).root}" in said


async def current(settings: Settings) -> str:
    [found] = [row["policy"] for row in await assay(settings, "policy", "list") if row["current"]]
    return str(found)


def edit_back(settings: Settings) -> None:
    shipped = ROOT / "policies" / "limits.yaml"
    (settings.policies_dir / "limits.yaml").write_text(shipped.read_text())
