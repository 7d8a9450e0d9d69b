"""Waiting for the outcome of a run: for Temporal's word of it, or for that of a worker in this process.

An outcome stands once its record is committed, which is before the workflow's last task is completed. A worker that
shares the API's process can tell then, and the caller need not wait for Temporal to learn of it. See decision 11.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from cachetools import TTLCache

from api import run_views
from api.run_views import RunView
from assay_temporal.contracts import InferenceResult

_KEPT_SECONDS = 60.0
"""A workflow task that its worker did not complete is another's after 10 s: long enough for Temporal to know, too."""
_MOST_KEPT = 256


class Outcomes:
    """Outcomes of runs that someone waits for here, by the runs' public IDs."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start without waiters."""
        self._told: TTLCache[str, RunView] = TTLCache(_MOST_KEPT, _KEPT_SECONDS, monotonic)
        self._waiting: dict[str, list[asyncio.Future[RunView]]] = {}

    def recorded(self, result: InferenceResult) -> None:
        """A worker of this process has committed this outcome. Of no interest unless someone waits for it."""
        for future in self._waiting.get(result.id, ()):
            if not future.done():
                future.set_result(run_views.ended(result.id, result))

    def told(self, public_id: str) -> RunView | None:
        """An outcome that a caller has had while Temporal is still to learn of it: whoever asks next gets the same."""
        return self._told.get(public_id)

    async def first(self, public_id: str, of_engine: "asyncio.Future[RunView]", stopping: asyncio.Event) -> RunView:
        """The outcome, from whoever knows it first; the run as running once it is time to stop. Ends ``of_engine``."""
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
                self._told[public_id] = recorded.result()
                return recorded.result()
            return run_views.running(public_id)
        finally:
            stop.cancel()
            of_engine.cancel()
            recorded.cancel()
            self._forget(public_id, recorded)

    def _forget(self, public_id: str, recorded: "asyncio.Future[RunView]") -> None:
        waiting = self._waiting[public_id]
        waiting.remove(recorded)
        if not waiting:
            del self._waiting[public_id]
