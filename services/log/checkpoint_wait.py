"""Waiting until a signed checkpoint covers a recorded event."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from domain.refusals import Refusal
from domain.transparency.checkpoints import Proof
from domain.transparency.ports import LogProofs

_FIRST_LOOK_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 0.5


class CheckpointWait:
    """Returns inclusion proofs of events, at once or within a time."""

    def __init__(
        self, proofs: LogProofs, stopping: asyncio.Event, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the proofs. Once ``stopping`` is set, waiting ends at once."""
        self._proofs = proofs
        self._stopping = stopping
        self._monotonic = monotonic

    async def now(self, tenant: str, event: UUID) -> Proof | None:
        """Return the event's proof, or None: no checkpoint covers it yet, or the store can't prove it now."""
        with suppress(Refusal):
            return await self._proofs.sealed(tenant, event)
        return None

    async def wait(self, tenant: str, event: UUID, seconds: float) -> Proof | None:
        """Return the event's proof, or None if there is none after ``seconds``."""
        deadline, pause = self._monotonic() + seconds, _FIRST_LOOK_SECONDS
        while True:
            proof = await self.now(tenant, event)
            left = deadline - self._monotonic()
            if proof is not None:
                return proof
            if left <= 0 or self._stopping.is_set():
                return None
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pause, left)):
                    await self._stopping.wait()
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
