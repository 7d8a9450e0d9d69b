"""Waiting for a run's outcome while its connection lasts."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from fastapi import Request

from api.inference.run_views import RunView


class ClientGone(Exception):
    """The client closed its connection. Its run continues."""


class AwaitedRun:
    """The outcome of a run, awaited for one connection. To be closed."""

    def __init__(self, request: Request, outcome: Coroutine[Any, Any, RunView]) -> None:
        """Begin to wait. The request's body must have been read."""
        self.outcome = asyncio.create_task(outcome)
        self._gone = asyncio.create_task(_disconnected(request))

    async def within(self, seconds: float | None) -> RunView | None:
        """Return the outcome, or None if there is none after ``seconds``.

        Raises:
            ClientGone: the client closed its connection before.
            Refusal, KeyUnavailable: as the wait for the outcome raises them.
        """
        await asyncio.wait({self.outcome, self._gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self.outcome.done():
            return self.outcome.result()
        if self._gone.done():
            raise ClientGone
        return None

    def answered(self) -> bool:
        """Return True once the outcome is known without a fault."""
        done = self.outcome.done() and not self.outcome.cancelled()
        return done and self.outcome.exception() is None

    def ignore_connection(self) -> None:
        """Leave the connection to the response, which has begun."""
        self._gone.cancel()

    def close(self) -> None:
        """Stop waiting."""
        self._gone.cancel()
        self.outcome.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
