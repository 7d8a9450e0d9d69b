"""Waiting for the outcome of a run: for Temporal's word of it, or for that of a worker in this process.

An outcome stands once its record is committed, which is before the workflow's last task is completed. A worker that
shares the API's process can tell then, and the caller need not wait for Temporal to learn of it. See decision 11.
"""

import asyncio
from contextlib import suppress
from typing import Any

from api import run_views
from api.run_views import RunView
from assay_temporal.contracts import InferenceResult


class Outcomes:
    """Outcomes of runs that someone waits for here, by the runs' public IDs."""

    def __init__(self) -> None:
        """Start without waiters."""
        self._told: dict[str, RunView] = {}
        self._waiting: dict[str, list[asyncio.Future[RunView]]] = {}
        self._settling: set[asyncio.Future[RunView]] = set()

    def recorded(self, result: InferenceResult) -> None:
        """A worker of this process has committed this outcome. Of no interest unless someone waits for it."""
        for future in self._waiting.get(result.id, ()):
            if not future.done():
                future.set_result(run_views.ended(result.id, result))

    def told(self, public_id: str) -> RunView | None:
        """An outcome that a caller has had while Temporal is still to learn of it: whoever asks next gets the same."""
        return self._told.get(public_id)

    async def first(self, public_id: str, of_engine: "asyncio.Future[RunView]", stopping: asyncio.Event) -> RunView:
        """The outcome, from whoever knows it first; the run as running once it is time to stop.

        Cancels ``of_engine``, unless it has to be waited for by others than the caller.
        """
        if (known := self._told.get(public_id)) is not None:
            of_engine.cancel()
            return known
        recorded: asyncio.Future[RunView] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(public_id, []).append(recorded)
        stop = asyncio.ensure_future(stopping.wait())
        try:
            awaited: set[asyncio.Future[Any]] = {recorded, of_engine, stop}
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if of_engine.done():
                return of_engine.result()
            if recorded.done():
                self._keep(public_id, recorded.result(), of_engine)
                return recorded.result()
            return run_views.running(public_id)
        finally:
            stop.cancel()
            if of_engine not in self._settling:
                of_engine.cancel()
            recorded.cancel()
            self._forget(public_id, recorded)

    def _keep(self, public_id: str, view: RunView, of_engine: "asyncio.Future[RunView]") -> None:
        """Remember what was told until Temporal knows it too, or can't be asked."""
        self._told[public_id] = view
        self._settling.add(of_engine)

        def settled(done: "asyncio.Future[RunView]") -> None:
            self._settling.discard(done)
            self._told.pop(public_id, None)
            with suppress(asyncio.CancelledError):
                done.exception()  # Temporal went away meanwhile: the outcome stands all the same

        of_engine.add_done_callback(settled)

    def _forget(self, public_id: str, recorded: "asyncio.Future[RunView]") -> None:
        waiting = self._waiting[public_id]
        waiting.remove(recorded)
        if not waiting:
            del self._waiting[public_id]
