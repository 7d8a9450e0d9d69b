"""Feed of runs within one process: the worker publishes, the API subscribes.

Publishing never waits for a reader, and unread events are bounded: a slow reader loses the oldest ones, and counts
them. A delivered outcome is kept for a minute, for later readers while the engine does not have it yet.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final, Generic

from cachetools import TTLCache

from domain.identity import tenant_of_run
from domain.inference.feed import FeedClosed, OutcomeRecorded, ResultT, RunEvent
from domain.refusals import Kind, Refusal

MOST_EVENTS: Final = 64
"""Maximum number of unread events of a reader."""
MOST_KEPT: Final = 256
"""Maximum number of kept outcomes."""
KEPT_SECONDS: Final = 60.0
"""A workflow task not completed by its worker is rescheduled after 10 s: this leaves time for the engine to learn the
outcome.
"""


def require_tenant_of(run_id: str, tenant: str) -> None:
    """Check that the run belongs to the tenant, by its ID.

    Raises:
        Refusal: NOT_FOUND, as for a run that does not exist.
    """
    if tenant_of_run(run_id) != tenant:
        raise Refusal(Kind.NOT_FOUND, "there is no such run for this caller")


class LocalSubscription(Generic[ResultT]):
    """The ``RunSubscription`` of one reader in this process."""

    def __init__(self, released: "Callable[[LocalSubscription[ResultT]], None]") -> None:
        """``released`` is called once it is closed."""
        self.missed = 0
        """Number of events dropped because this reader is slow."""
        self._released = released
        self._waiting: deque[RunEvent[ResultT]] = deque()
        self._last: OutcomeRecorded[ResultT] | None = None
        self._wake: asyncio.Future[None] | None = None
        self._outcome: asyncio.Future[ResultT] | None = None
        self._cut_off = False
        self._closed = False

    def offer(self, event: RunEvent[ResultT]) -> None:
        """Accept an event. After the outcome there are none."""
        if self._last is not None or self._closed:
            return
        if isinstance(event, OutcomeRecorded):
            self._last = event
            if self._outcome is not None and not self._outcome.done():
                self._outcome.set_result(event.result)
        else:
            if len(self._waiting) >= MOST_EVENTS:
                self._waiting.popleft()
                self.missed += 1
            self._waiting.append(event)
        self._wake_reader()

    def cut_off(self) -> None:
        """End the feed: no more events follow."""
        self._cut_off = True
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(FeedClosed())
        self._wake_reader()

    def outcome(self) -> "asyncio.Future[ResultT]":
        """See ``RunSubscription``. One future for all calls, which may also be set from another source."""
        if self._outcome is None:
            self._outcome = asyncio.get_running_loop().create_future()
            if self._last is not None:
                self._outcome.set_result(self._last.result)
            elif self._cut_off or self._closed:
                self._outcome.set_exception(FeedClosed())
        return self._outcome

    async def __aiter__(self) -> AsyncIterator[RunEvent[ResultT]]:
        """See ``RunSubscription``."""
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._last is not None:
                yield self._last
                return
            if self._cut_off or self._closed:
                raise FeedClosed
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None

    def close(self) -> None:
        """See ``RunSubscription``."""
        if self._closed:
            return
        self._closed = True
        self._waiting.clear()
        if self._outcome is not None:
            self._outcome.cancel()
        self._wake_reader()
        self._released(self)

    def _wake_reader(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class LocalRunFeed(Generic[ResultT]):
    """The ``RunFeed`` of one process."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start without readers."""
        self._kept: TTLCache[str, OutcomeRecorded[ResultT]] = TTLCache(MOST_KEPT, KEPT_SECONDS, monotonic)
        self._subscribed: dict[str, list[LocalSubscription[ResultT]]] = {}
        self._closed = False

    def publish(self, run_id: str, event: RunEvent[ResultT]) -> None:
        """See ``RunFeed``."""
        subscribed = self._subscribed.get(run_id)
        if subscribed is None:
            return
        if isinstance(event, OutcomeRecorded):
            self._kept.setdefault(run_id, event)
        for subscription in subscribed:
            subscription.offer(event)

    def subscribe(self, tenant: str, run_id: str) -> LocalSubscription[ResultT]:
        """See ``RunFeed``. An outcome that another reader was given is there at once."""
        require_tenant_of(run_id, tenant)

        def forget(subscription: LocalSubscription[ResultT]) -> None:
            subscribed = self._subscribed[run_id]
            subscribed.remove(subscription)
            if not subscribed:
                del self._subscribed[run_id]

        made: LocalSubscription[ResultT] = LocalSubscription(forget)
        self._subscribed.setdefault(run_id, []).append(made)
        if (kept := self._kept.get(run_id)) is not None:
            made.offer(kept)
        elif self._closed:
            made.cut_off()
        return made

    def recorded(self, tenant: str, run_id: str) -> OutcomeRecorded[ResultT] | None:
        """Return the outcome that a reader received recently, or None.

        Raises:
            Refusal: NOT_FOUND if the run is another tenant's.
        """
        require_tenant_of(run_id, tenant)
        return self._kept.get(run_id)

    def close(self) -> None:
        """End all present and future subscriptions. Runs continue without readers."""
        self._closed = True
        for subscribed in self._subscribed.values():
            for subscription in subscribed:
                subscription.cut_off()
