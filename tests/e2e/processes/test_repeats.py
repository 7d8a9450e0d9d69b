"""Repeats of a client whose API process was killed: one run, one call, one charge."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

from embedded.stack import serve_spec
from tests.fakes.behaviours import hang
from tests.gateway import Gateway
from tests.processes import serving

PATH = "/v1/chat/completions"


async def ask(gateway: Gateway, body: Any, retries: int) -> Any:
    return await gateway.post(body, path=PATH, headers={"X-Stainless-Retry-Count": str(retries)})


@pytest.mark.parametrize("stream", [False, True])
async def test_a_repeat_reaches_the_run_through_another_process(bare: Gateway, tmp_path: Path, stream: bool):
    api = serve_spec(bare.servers, bare.settings, "api")
    body = {"model": "fake", "messages": [{"role": "user", "content": f"Hello {stream}"}], "stream": stream}
    async with serving(serve_spec(bare.servers, bare.settings, "worker"), tmp_path / "worker.log"):
        async with serving(api, tmp_path / "first.log") as first:
            await bare.token()
            used, _ = await bare.budget("acme")
            received = bare.provider.stats.received
            bare.provider.script(hang())
            asking = asyncio.create_task(ask(bare, body, 0))
            await bare.provider.until(lambda stats: stats.received > received, 30)
            await first.kill()
            with pytest.raises(httpx2.HTTPError):
                await asking
        async with serving(api, tmp_path / "second.log"):
            again = asyncio.create_task(ask(bare, body, 1))
            await asyncio.sleep(0)
            bare.provider.release()
            response = await again
            assert response.status_code == 200, response.text
            run = await bare.until_ended(response.headers["assay-run-id"])
            assert "A plain answer." in response.text
            assert bare.provider.stats.received == received + 1
            assert await bare.budget("acme") == (used + 17, 0)
            kinds = [record["kind"] for record in await bare.records(run["id"], "acme")]
            assert sorted(kinds) == ["admitted", "completed"]
