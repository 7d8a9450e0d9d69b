"""Heartbeats of a long activity, beside its work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from temporalio import activity


@asynccontextmanager
async def heartbeats(*details: object) -> AsyncIterator[None]:
    """Heartbeat with these details five times per heartbeat timeout, until left.

    Cancellation arrives in heartbeat responses. The first one is delayed: most calls end before it, and save it.
    """
    timeout = activity.info().heartbeat_timeout

    async def beat() -> None:
        while timeout is not None:
            await asyncio.sleep(timeout.total_seconds() / 5)
            activity.heartbeat(*details)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
