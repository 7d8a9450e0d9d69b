"""PostgreSQL recovers while more runs than slots wait for it, without delaying others.

``ASSAY_TEST_SLOWNESS`` multiplies what is promised, for machines that are slow or busy.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import asyncpg
import pytest

from tests.chaos.conftest import SLOTS
from tests.chaos.faults import ready, suspended
from tests.fakes.behaviours import Reply, answer
from tests.gateway import Gateway, eventually

PROMISED_SECONDS = 2.0 * float(os.environ.get("ASSAY_TEST_SLOWNESS", "1"))
OUTAGE_SECONDS = 6.0  # by then whoever waits has the longest pauses between attempts
WAITING = 24  # more than slots; more than a machine's processors do at once would measure these
Outage = Callable[[Gateway], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Until:
    """Nothing until the event, then ``then``."""

    event: asyncio.Event
    then: Reply

    async def output(self, _: asyncio.Event) -> AsyncIterator[bytes]:
        await self.event.wait()
        async for piece in self.then.output(self.event):
            yield piece


@contextlib.asynccontextmanager
async def silent(gateway: Gateway) -> AsyncIterator[None]:
    """Its processes are stopped: whoever asks waits until the time is over, and holds what it needs for that."""
    with suspended(gateway, "postgres"):
        yield


@contextlib.asynccontextmanager
async def refusing(gateway: Gateway) -> AsyncIterator[None]:
    """Connections are cut, and new ones refused at once."""
    here, servers = gateway.local.database, gateway.servers
    administrator = await asyncpg.connect(
        host=here.host,
        port=here.port,
        database="postgres",
        user=servers.postgres_superuser,
        password=servers.postgres_superuser_password,
    )
    try:
        await administrator.execute(f'ALTER DATABASE "{here.name}" ALLOW_CONNECTIONS false')
        await administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", here.name
        )
        try:
            yield
        finally:
            await administrator.execute(f'ALTER DATABASE "{here.name}" ALLOW_CONNECTIONS true')
    finally:
        await administrator.close()


async def begun(gateway: Gateway, event: asyncio.Event, count: int, client: str) -> list[str]:
    """Runs that are admitted, and whose model answers once the event is set."""
    await gateway.token(client)
    gateway.provider.script(*(Until(event, answer(f"answer {number}")) for number in range(count)))
    body = {"model": "fake", "prompt": "Hello"}
    accepted = await asyncio.gather(
        *(gateway.post(body, client, headers={"Prefer": "respond-async"}) for _ in range(count))
    )
    assert {response.status_code for response in accepted} == {202}
    runs = [response.json()["id"] for response in accepted]

    async def admitted() -> bool:
        [row] = await gateway.superuser(
            "SELECT count(*) AS count FROM assay.record WHERE kind = 'admitted' AND workflow_id = ANY ($1)", runs
        )
        return row["count"] == count

    await eventually(admitted, 60)
    return runs


async def cancel(gateway: Gateway, run_id: str) -> None:
    response = await gateway.post({}, path=f"/v1/inferences/{run_id}/cancel")
    assert response.status_code in (200, 202), response.text


async def asked_anew(gateway: Gateway) -> str:
    """Ask for another tenant until the edge has its store as well; the status of the answer."""
    while (response := await gateway.post({"model": "fake", "prompt": "Hello"}, "globex-app")).status_code == 503:
        await asyncio.sleep(0.02)
    return str(response.json().get("status"))


@pytest.mark.timed
@pytest.mark.parametrize("outage", [silent, refusing], ids=["silent", "refusing"])
async def test_an_unrelated_run_and_a_cancellation_finish_as_soon_as_their_store_is_there(
    breakable: Gateway, outage: Outage
):
    await ready(breakable)
    answered, back, never = asyncio.Event(), asyncio.Event(), asyncio.Event()
    received = breakable.provider.stats.received
    [unrelated] = await begun(breakable, back, 1, "globex-app")
    cancelled_before, cancelled_now = await begun(breakable, never, 2, "acme-app")
    await breakable.provider.until(lambda stats: stats.received == received + 3)
    waiting = await begun(breakable, answered, WAITING, "acme-app")
    await breakable.provider.until(lambda stats: stats.received == received + SLOTS)
    took = dict[str, float]()

    async def clocked(name: str, ended: Callable[[], object]) -> object:
        found = await ended()  # type: ignore[misc]
        took[name] = time.monotonic() - returned
        return found

    async def status_of(run_id: str, client: str = "acme-app") -> str:
        return (await breakable.until_ended(run_id, client))["status"]

    async def cancelled_late() -> str:
        await cancel(breakable, cancelled_now)
        return await status_of(cancelled_now)

    async with outage(breakable):
        began = time.monotonic()
        answered.set()  # they can't be recorded, and wait
        await cancel(breakable, cancelled_before)
        await eventually(lambda: _past(began + OUTAGE_SECONDS), OUTAGE_SECONDS + 5)
    returned = time.monotonic()
    back.set()
    ended = await asyncio.gather(
        clocked("asked anew", lambda: asked_anew(breakable)),
        clocked("answered now", lambda: status_of(unrelated, "globex-app")),
        clocked("cancelled during the outage", lambda: status_of(cancelled_before)),
        clocked("cancelled now", cancelled_late),
    )
    print({name: round(seconds, 2) for name, seconds in took.items()})  # noqa: T201 - shown where it fails, or with -s
    assert ended == ["completed", "completed", "cancelled", "cancelled"]
    assert {name: seconds for name, seconds in took.items() if seconds > PROMISED_SECONDS} == {}
    assert {(await breakable.until_ended(run_id))["status"] for run_id in waiting} == {"completed"}


async def _past(moment: float) -> bool:
    return time.monotonic() >= moment
