"""Ports of model providers, of events of runs, and of large payloads.

As in ``domain.ports``, any method may raise ``Refusal``.
"""

from collections.abc import AsyncIterator, Awaitable, Sequence
from datetime import timedelta
from typing import Protocol

from domain.inference.feed import ResultT, RunEvent
from domain.inference.models import ModelAnswer, ModelCall
from domain.inference.runs import RecordedStart
from domain.inference.submissions import AskedRun, Ending, TaggedRun


class ModelProvider(Protocol):
    """Providers of models: of one wire format, or of all."""

    async def complete(self, call: ModelCall) -> ModelAnswer:
        """Call the model once, without retries.

        Raises:
            ProviderFailure: by class of error.
        """
        ...


class RunStarts(Protocol):
    """Starts of runs, as the workflow engine recorded them."""

    async def start_of(self, workflow_id: str, run_id: str) -> RecordedStart | None:
        """Return the start of a run; None if the engine has no such run.

        Raises:
            Refusal: ENGINE_UNAVAILABLE.
        """
        ...


class RunSubscription(Protocol[ResultT]):
    """One reader's events of a run, from the subscription on. To be closed."""

    def __aiter__(self) -> AsyncIterator[RunEvent[ResultT]]:
        """Yield events in order, up to the outcome. A slow reader misses the oldest of them, never the outcome.

        Raises:
            FeedClosed: the feed ended before the run.
        """
        ...

    def outcome(self) -> Awaitable[ResultT]:
        """Return the run's result once recorded, skipping other events.

        Raises:
            FeedClosed: the feed ended before the run.
        """
        ...

    def close(self) -> None:
        """End the subscription, and release its resources."""
        ...


class RunFeed(Protocol[ResultT]):
    """Events of runs, from the worker to the waiters of a run."""

    def publish(self, run_id: str, event: RunEvent[ResultT]) -> None:
        """Pass an event on without waiting for readers. It is dropped without a subscription."""
        ...

    def subscribe(self, tenant: str, run_id: str) -> RunSubscription[ResultT]:
        """Subscribe to a run of the tenant.

        Raises:
            Refusal: NOT_FOUND if the run is another tenant's.
        """
        ...


class SubmissionStore(Protocol):
    """Requests for runs of the last minutes, shared by all processes."""

    async def begin(self, asked: AskedRun) -> TaggedRun:
        """Return the run that the request repeats, or a new one."""
        ...

    async def note(self, run: TaggedRun, ending: Ending | None) -> None:
        """Note that the connection ended, or with None that it still waits. Once it ended, or another has followed,
        nothing is noted.
        """
        ...


class PayloadStore(Protocol):
    """Large payloads of workflows, already encrypted, by content hash. Readers must verify the hash."""

    async def put(self, tenant: str, workflow_id: str, content: bytes) -> bytes:
        """Store a payload of the workflow; return its SHA-256. A repeat extends its retention."""
        ...

    async def get(self, digest: bytes) -> bytes | None:
        """Return the payload with that hash, or None."""
        ...

    async def old_workflows(self, older_than: timedelta, after: str, most: int) -> Sequence[str]:
        """Return workflows with payloads stored that long ago, by ID, ``most`` after ``after``.

        Raises:
            Refusal: INTERNAL if ``older_than`` is less than four days: such runs may still be open.
        """
        ...

    async def purge(self, older_than: timedelta, workflow_ids: Sequence[str]) -> int:
        """Remove payloads of these workflows that were stored that long ago; return their number.

        Raises:
            Refusal: INTERNAL as above.
        """
        ...


class RunAncestry(Protocol):
    """Origin of runs that were reset, by the workflow engine's own word."""

    async def descends(self, workflow_id: str, run_id: str, earlier: str) -> bool:
        """Return True if the run descends from ``earlier`` by resets.

        Raises:
            Refusal: ENGINE_UNAVAILABLE.
        """
        ...


class DeletedResponses(Protocol):
    """Runs whose responses their callers have deleted. Raises ``Refusal`` with STORE_UNAVAILABLE."""

    async def add(self, tenant: str, run_id: str) -> None:
        """Add a run. A repeat changes nothing."""
        ...

    async def has(self, tenant: str, run_id: str) -> bool:
        """Return True for a run that was added by this tenant."""
        ...
