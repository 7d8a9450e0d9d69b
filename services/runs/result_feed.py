"""Feed of runs across processes: the result of a run's workflow, once it ended.

It has no event but the outcome, and receives it when the workflow is over.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Generic

from domain.inference.feed import FeedClosed, OutcomeRecorded, ResultT, RunEvent
from services.runs.local_feed import require_tenant_of

ResultOf = Callable[[str], Coroutine[Any, Any, ResultT]]


class ResultSubscription(Generic[ResultT]):
    """The ``RunSubscription`` of one run's result. The engine is queried once, when the outcome is awaited."""

    def __init__(self, run_id: str, result_of: ResultOf[ResultT]) -> None:
        self._run_id = run_id
        self._result_of = result_of
        self._asking: asyncio.Task[ResultT] | None = None
        self._closed = False

    def outcome(self) -> "asyncio.Task[ResultT]":
        """See ``RunSubscription``. Raises what the engine's answer raises as well.

        Raises:
            FeedClosed: the subscription was closed.
        """
        if self._closed:
            raise FeedClosed
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._result_of(self._run_id))
        return self._asking

    async def __aiter__(self) -> AsyncIterator[RunEvent[ResultT]]:
        """See ``RunSubscription``."""
        yield OutcomeRecorded(await self.outcome())

    def close(self) -> None:
        """See ``RunSubscription``."""
        self._closed = True
        if self._asking is not None:
            self._asking.cancel()


class ResultFeed(Generic[ResultT]):
    """The ``RunFeed`` over the results of workflows."""

    def __init__(self, result_of: ResultOf[ResultT]) -> None:
        """``result_of`` waits for the result of a run by its ID, and raises its errors."""
        self._result_of = result_of

    def publish(self, run_id: str, event: RunEvent[ResultT]) -> None:
        """See ``RunFeed``. Nothing to do: a result reaches its readers by the workflow's end."""

    def subscribe(self, tenant: str, run_id: str) -> ResultSubscription[ResultT]:
        """See ``RunFeed``."""
        require_tenant_of(run_id, tenant)
        return ResultSubscription(run_id, self._result_of)
