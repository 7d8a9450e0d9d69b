"""Waiting for a run's outcome: from Temporal, or from a worker in the same process.

An outcome is final once its record is committed, before the workflow's last task completes. A worker in the API's
process can pass it on then, and the caller need not wait for Temporal. See decision 11.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from cachetools import TTLCache

from api.inference import run_views
from api.inference.run_views import RunView
from assay_temporal.contracts import InferenceResult

_KEPT_SECONDS = 60.0
"""A workflow task not completed by its worker is rescheduled after 10 s: this leaves time for Temporal to learn the
outcome.
"""
_MOST_KEPT = 256


class Outcomes:
    """Outcomes of runs with a waiter in this process, by the runs' public IDs."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start without waiters."""
        self._told: TTLCache[str, RunView] = TTLCache(_MOST_KEPT, _KEPT_SECONDS, monotonic)
        self._waiting: dict[str, list[asyncio.Future[RunView]]] = {}
        self._given_up = False

    def recorded(self, result: InferenceResult) -> None:
        """Pass on an outcome that a worker of this process has committed. Ignored without a waiter."""
        waiting = self._waiting.get(result.id, ())
        if waiting:
            self._told[result.id] = run_views.ended(result.id, result)
        for heard in waiting:
            if not heard.done():
                heard.set_result(self._told[result.id])

    def give_up(self) -> None:
        """Release all waiters: their runs continue, and are reported as running."""
        self._given_up = True
        for public_id, waiting in self._waiting.items():
            for heard in waiting:
                if not heard.done():
                    heard.set_result(run_views.running(public_id))

    def told(self, public_id: str) -> RunView | None:
        """Return an outcome that a caller received while Temporal may not have it yet, for later reads."""
        return self._told.get(public_id)

    async def first(
        self, public_id: str, ask_engine: Callable[[], Coroutine[Any, Any, RunView]], after: float = 0.0
    ) -> RunView:
        """Return the outcome from the first source to have it; the run as running once waiting ends.

        ``ask_engine`` waits for Temporal's result, and raises its errors. It is called ``after`` so many seconds, and
        cancelled when no waiter is left.
        """
        if (known := self._told.get(public_id)) is not None:
            return known
        if self._given_up:
            return run_views.running(public_id)
        loop = asyncio.get_running_loop()
        heard: asyncio.Future[RunView] = loop.create_future()
        asking: list[asyncio.Task[RunView]] = []

        def ask() -> None:
            asking.append(loop.create_task(ask_engine()))
            asking[0].add_done_callback(lambda asked: _pass_on(asked, heard))

        begin = loop.call_later(after, ask)
        self._waiting.setdefault(public_id, []).append(heard)
        try:
            return await heard
        finally:
            begin.cancel()
            for task in asking:
                task.cancel()
            self._forget(public_id, heard)

    def _forget(self, public_id: str, heard: "asyncio.Future[RunView]") -> None:
        waiting = self._waiting[public_id]
        waiting.remove(heard)
        if not waiting:
            del self._waiting[public_id]


def _pass_on(asked: "asyncio.Task[RunView]", heard: "asyncio.Future[RunView]") -> None:
    """Pass Temporal's result to the waiter, unless it has one."""
    if asked.cancelled():
        return
    error = asked.exception()
    if heard.done():
        return
    if error is not None:
        heard.set_exception(error)
    else:
        heard.set_result(asked.result())
