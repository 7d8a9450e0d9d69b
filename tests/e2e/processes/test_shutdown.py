"""Processes that are asked to end (SIGTERM) while they work end in order, and what they began is finished, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import httpx2
import pytest

from embedded.stack import serve_spec
from tests.doubles.keys import FixedKeyRing
from tests.fakes.behaviours import Hang, Trickle, answer
from tests.gateway import Gateway, eventually
from tests.processes import Served, serving, with_worker

pytestmark = pytest.mark.long

BODY = {"model": "fake", "prompt": "Hello"}
BAD_WORDS = ("panic", "fatal", "abort", "traceback", "core dumped", "never retrieved", "was destroyed")
RUNS = "WorkflowType = 'GuardedInference'"
REPETITIONS = 2
SENDERS = 8
EACH = 2


async def under_load(gateway: Gateway) -> list[str]:
    """Send runs, also while the process ends; the IDs of those that were accepted."""
    accepted: list[str] = []

    async def send(number: int) -> None:
        for _ in range(EACH):
            try:
                response = await gateway.post(BODY, headers={"Prefer": "wait=1" if number % 2 else "respond-async"})
            except httpx2.HTTPError:
                return  # the process that served it is gone
            if response.status_code in (200, 202):
                accepted.append(response.json()["id"])

    await asyncio.gather(*(send(number) for number in range(SENDERS)))
    return accepted


async def stopped_under_load(gateway: Gateway, served: Served) -> list[str]:
    """Load the gateway, one call to its model hanging, and stop a process of it; the runs that were accepted."""
    received = gateway.provider.stats.received
    gateway.provider.script(Hang(answer("never heard")))
    load = asyncio.create_task(under_load(gateway))
    await gateway.provider.until(lambda stats: stats.received > received + SENDERS, 30)
    code = await served.stop()
    text = served.log.read_text().lower()
    assert code == 0, (code, text[-2000:])
    assert [word for word in BAD_WORDS if word in text] == [], text[-2000:]
    return await load


@asynccontextmanager
async def api_of(gateway: Gateway, tmp_path: Path) -> AsyncIterator[None]:
    async with serving(serve_spec(gateway.servers, gateway.settings, "api"), tmp_path / "api.log"):
        yield


@pytest.mark.parametrize("role", ["all", "worker"])
async def test_a_process_that_is_stopped_under_load_ends_in_order_and_loses_nothing(
    bare: Gateway, tmp_path: Path, role: str
):
    before = {run.id async for run in (await bare.temporal(FixedKeyRing())).list_workflows(RUNS)}
    used, reserved = await bare.budget("acme")
    bare.provider.default = Trickle(answer("in its own time"))
    stopped = serve_spec(bare.servers, with_worker(bare.settings, graceful_shutdown_seconds=1.0), role)
    accepted: list[str] = []
    async with api_of(bare, tmp_path) if role == "worker" else nullcontext():
        for number in range(REPETITIONS):
            async with serving(stopped, tmp_path / f"{number}.log") as served:
                await bare.token()
                accepted += await stopped_under_load(bare, served)
    async with serving(serve_spec(bare.servers, bare.settings), tmp_path / "last.log"):
        await all_ended_once(bare, before, set(accepted), used, reserved)


async def all_ended_once(gateway: Gateway, before: set[str], accepted: set[str], used: int, reserved: int) -> None:
    """Every run that was begun is completed, and charged with its lost attempts."""
    client = await gateway.temporal(FixedKeyRing())

    async def none_runs() -> bool:
        return not {run.id async for run in client.list_workflows(f"{RUNS} AND ExecutionStatus = 'Running'")} - before

    await eventually(none_runs, 60)
    begun = {run.id async for run in client.list_workflows(RUNS)} - before
    assert accepted <= begun
    tokens = 0
    for run in begun:
        ended = await gateway.run(run)
        assert ended["status"] == "completed", (
            ended,
            gateway.temporal_cli("workflow", "show", "-w", run, "-o", "json").stdout,
        )
        tokens += ended["usage"]["total_tokens"]
    lost = await gateway.superuser(
        "SELECT coalesce(sum((fields->>'attempts_lost_tokens')::int), 0)::int AS tokens FROM assay.record"
        " WHERE workflow_id = ANY($1)",
        list(begun),
    )
    assert await gateway.budget("acme") == (used + tokens + lost[0]["tokens"], reserved)
    outcomes = await gateway.superuser(
        "SELECT kind, count(*)::int AS number FROM assay.record WHERE workflow_id = ANY($1) GROUP BY kind", list(begun)
    )
    assert {row["kind"]: row["number"] for row in outcomes} == {"admitted": len(begun), "completed": len(begun)}
