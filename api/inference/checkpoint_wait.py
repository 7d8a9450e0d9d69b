"""Waiting until a recorded outcome is in a signed checkpoint of its tenant's log: the promise of a receipt, kept."""

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
    """Puts the proof to the receipts of those who ask for it."""

    def __init__(
        self, proofs: LogProofs, stopping: asyncio.Event, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the proofs. Once ``stopping`` is set, nobody is kept waiting."""
        self._proofs = proofs
        self._stopping = stopping
        self._monotonic = monotonic

    async def now(self, tenant: str, view: RunView) -> RunView:
        """The run with its receipt's proof, if there is one by now; where it can't be had, without."""
        if (event := _event_of(view)) is None:
            return view
        with suppress(Refusal):
            proof = await self._proofs.sealed(tenant, event)
            if proof is not None:
                return replace(view, proof=proof.text())
        return view

    async def wait(self, tenant: str, view: RunView, seconds: float) -> RunView | None:
        """The run with its receipt's proof, or None if there is none when ``seconds`` are over.

        A run without a receipt has nothing that could be sealed, and is given as it is.
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
