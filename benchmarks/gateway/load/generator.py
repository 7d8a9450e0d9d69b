"""Load generator: a separate process with callers that each send one request after another, and check each answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from benchmarks.gateway.load.wire import Connection, Target, connect
from benchmarks.tools.helper import Job, Jobs, serve_jobs

Caller = Callable[[], Awaitable[None]]


async def closed_loop(callers: list[Caller], requests: int) -> tuple[list[float], float]:
    """Send ``requests`` in all, by callers that wait for each answer; return latencies in ms, and the total seconds."""
    left = requests
    latencies: list[float] = []

    async def call(caller: Caller) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            began = time.perf_counter()
            await caller()
            latencies.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(call(caller))
    return latencies, time.perf_counter() - began


class HttpCaller:
    """A caller with its own keep-alive connection."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._request = target.request()
        self._connection: Connection | None = None
        self.connections = 0

    async def connect(self) -> None:
        """Connect, unless the existing connection is still open."""
        if self._connection is None or self._connection.closed:
            self._connection = await connect(self._target.port)
            self.connections += 1

    async def __call__(self) -> None:
        """Send one request and check its answer."""
        await self.connect()
        if self._connection is None:
            raise ConnectionError
        status, body = await self._connection.send(self._request)
        self._target.check(status, body)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()


async def run_job(job: Job) -> Job:
    """Connect, then measure. The first failed request ends it."""
    callers = [HttpCaller(Target(**job["target"])) for _ in range(job["callers"])]
    try:
        for caller in callers:
            await caller.connect()
        latencies, seconds = await closed_loop([*callers], job["requests"])
    finally:
        for caller in callers:
            caller.close()
    return {"latencies_ms": latencies, "seconds": seconds, "connections": sum(c.connections for c in callers)}


async def _main(jobs: Jobs) -> None:
    jobs.ready()
    await jobs.work(run_job)


if __name__ == "__main__":
    serve_jobs(_main)
