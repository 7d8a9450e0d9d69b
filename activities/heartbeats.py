"""Heartbeats of an activity that takes long, beside its work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from temporalio import activity


@asynccontextmanager
async def heartbeats() -> AsyncIterator[None]:
    """Heartbeat five times in each heartbeat timeout, until left: by its answers an attempt hears that it is cancelled.

    Not at once: most calls end before, and save one.
    """
    timeout = activity.info().heartbeat_timeout

    async def beat() -> None:
        while timeout is not None:
            await asyncio.sleep(timeout.total_seconds() / 5)
            activity.heartbeat()

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
