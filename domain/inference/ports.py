"""Ports of model providers, of events of runs, and of large payloads.

As in ``domain.ports``, any method may raise ``Refusal``.
"""

from collections.abc import AsyncIterator, Awaitable, Sequence
from datetime import timedelta
from typing import Protocol

from domain.inference.feed import ResultT, RunEvent
from domain.inference.models import ModelAnswer, ModelCall


class ModelProvider(Protocol):
    """Providers of models: of one wire format, or of all."""

    async def complete(self, call: ModelCall) -> ModelAnswer:
        """Ask once, without retries.

        Raises:
            ProviderFailure: by class of error.
        """
        ...


class RunSubscription(Protocol[ResultT]):
    """One reader's events of a run, from the subscription on. To be closed."""

    def __aiter__(self) -> AsyncIterator[RunEvent[ResultT]]:
        """Events in their order, up to the outcome. A slow reader misses the oldest of them, never the outcome.

        Raises:
            FeedClosed: the feed ended before the run.
        """
        ...

    def outcome(self) -> Awaitable[ResultT]:
        """The run's result, once it is recorded; the other events are passed over.

        Raises:
            FeedClosed: the feed ended before the run.
        """
        ...

    def close(self) -> None:
        """End the subscription, and release what it holds."""
        ...


class RunFeed(Protocol[ResultT]):
    """Events of runs, from the worker to those who wait for a run."""

    def publish(self, run_id: str, event: RunEvent[ResultT]) -> None:
        """Pass an event on, without waiting for any reader. It is dropped where nobody has subscribed."""
        ...

    def subscribe(self, tenant: str, run_id: str) -> RunSubscription[ResultT]:
        """Subscribe to a run of the tenant.

        Raises:
            Refusal: NOT_FOUND if the run is another tenant's.
        """
        ...


class PayloadStore(Protocol):
    """Large payloads of workflows, encrypted already, by content hash. What is read is to be checked against it."""

    async def put(self, tenant: str, workflow_id: str, content: bytes) -> bytes:
        """Keep a content of the workflow's; give its SHA-256. A repeat keeps it for longer."""
        ...

    async def get(self, digest: bytes) -> bytes | None:
        """The content of that hash, or None."""
        ...

    async def old_workflows(self, older_than: timedelta, after: str, most: int) -> Sequence[str]:
        """Workflows with contents stored that long ago: in the order of their IDs, ``most`` of those beyond ``after``.

        Raises:
            Refusal: INTERNAL if ``older_than`` is less than four days: such runs may still be open.
        """
        ...

    async def purge(self, older_than: timedelta, workflow_ids: Sequence[str]) -> int:
        """Remove contents of these workflows that were stored that long ago; give how many were removed.

        Raises:
            Refusal: INTERNAL as above.
        """
        ...
