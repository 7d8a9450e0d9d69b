"""A stream ends with its process, and is taken up from another one."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from embedded.stack import serve_spec
from tests.fakes.behaviours import Hang, answer
from tests.gateway import Gateway
from tests.processes import serving, worker_of

PATH = "/v1/responses"


async def read(gateway: Gateway, path: str, take: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Read the events of a stream up to its end."""
    bearer = {"Authorization": f"Bearer {await gateway.token()}"}
    async with gateway.http.stream("GET", path, headers=bearer) as response:
        assert response.status_code == 200
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                await take(json.loads(line.removeprefix("data: ")))


async def events(gateway: Gateway, path: str) -> list[dict[str, Any]]:
    """All events of a stream."""
    found: list[dict[str, Any]] = []

    async def keep(event: dict[str, Any]) -> None:
        found.append(event)

    await read(gateway, path, keep)
    return found


async def test_the_process_of_a_stream_is_killed_and_another_sends_the_events_that_are_missing(
    bare: Gateway, tmp_path: Path
):
    api = serve_spec(bare.servers, bare.settings, "api")
    received = bare.provider.stats.received
    bare.provider.script(Hang(answer("At last.")))
    async with serving(worker_of(bare), tmp_path / "worker.log"):
        async with serving(api, tmp_path / "first.log") as first:
            made = (await bare.post({"model": "fake", "input": "Hello", "background": True}, path=PATH)).json()
            stream = f"{PATH}/{made['id']}?stream=true"
            await bare.provider.until(lambda stats: stats.received > received, 30)
            seen: list[dict[str, Any]] = []

            async def kill_after_two(event: dict[str, Any]) -> None:
                seen.append(event)
                if len(seen) == 2:
                    await first.kill()

            with pytest.raises(httpx2.HTTPError):
                await read(bare, stream, kill_after_two)
        assert [event["type"] for event in seen] == ["response.created", "response.in_progress"]
        async with serving(api, tmp_path / "second.log"):
            bare.provider.release()
            rest = await events(bare, f"{stream}&starting_after={seen[-1]['sequence_number']}")
            assert rest[-1]["type"] == "response.completed"
            assert rest[-1]["response"]["output"][0]["content"][0]["text"] == "At last."
            assert await events(bare, stream) == [*seen, *rest]
    assert bare.provider.stats.received == received + 1
