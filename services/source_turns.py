"""Turns by source of a request: what one source waits for must not occupy a store for the others."""

from asyncio import Semaphore
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_AT_ONCE = 2


@dataclass
class _Queue:
    places: Semaphore = field(default_factory=lambda: Semaphore(_AT_ONCE))
    users: int = 0


class SourceTurns:
    """Queues of sources, each with two places. A queue exists while it has users."""

    def __init__(self) -> None:
        """Begin without queues."""
        self._queues: dict[str, _Queue] = {}

    def __len__(self) -> int:
        """Return the number of sources that wait or are served."""
        return len(self._queues)

    @asynccontextmanager
    async def turn(self, source: str) -> AsyncIterator[None]:
        """Wait for the source's turn, in the order of arrival."""
        queue = self._queues.setdefault(source, _Queue())
        queue.users += 1
        try:
            async with queue.places:
                yield
        finally:
            queue.users -= 1
            if not queue.users:
                del self._queues[source]
