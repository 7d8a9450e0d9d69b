"""Waiting until a signed checkpoint covers a recorded outcome."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from api.inference.run_views import RunView
from domain.refusals import Refusal
from domain.transparency.ports import LogProofs

_FIRST_LOOK_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 0.5


class Sealing:
    """Adds inclusion proofs to receipts for callers that prefer them."""

    def __init__(
        self, proofs: LogProofs, stopping: asyncio.Event, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the proofs. Once ``stopping`` is set, waiting ends at once."""
        self._proofs = proofs
        self._stopping = stopping
        self._monotonic = monotonic

    async def now(self, tenant: str, view: RunView) -> RunView:
        """Return the run with its receipt's proof, if one is available now; otherwise without."""
        if (event := _event_of(view)) is None:
            return view
        with suppress(Refusal):
            proof = await self._proofs.sealed(tenant, event)
            if proof is not None:
                return replace(view, proof=proof.text())
        return view

    async def wait(self, tenant: str, view: RunView, seconds: float) -> RunView | None:
        """Return the run with its receipt's proof, or None if there is none after ``seconds``.

        A run without a receipt has nothing to prove, and is returned unchanged.
        """
        if _event_of(view) is None:
            return view
        deadline, pause = self._monotonic() + seconds, _FIRST_LOOK_SECONDS
        while True:
            found = await self.now(tenant, view)
            left = deadline - self._monotonic()
            if found.proof is not None:
                return found
            if left <= 0 or self._stopping.is_set():
                return None
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pause, left)):
                    await self._stopping.wait()
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)


def _event_of(view: RunView) -> UUID | None:
    receipt = view.result.receipt if view.result is not None else None
    return UUID(receipt.event_id) if receipt is not None else None
