"""Ports of rates and of the ledger. As in ``domain.ports``, any method may raise ``Refusal``."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from domain.budgets.values import (
    Admitted,
    AlreadyAdmitted,
    AlreadyRecorded,
    Appended,
    BegunCalls,
    QuotaSpent,
    QuotaState,
    Rate,
    RateDecision,
    Reservation,
)
from domain.records.records import Record


class RateLimiter(Protocol):
    """Request rates of callers, shared by all processes, on the store's clock."""

    async def take(self, tenant: str, caller: str, rate: Rate) -> RateDecision:
        """Count one request of the caller, if the rate permits it. A refused request does not count."""
        ...


class Ledger(Protocol):
    """Budgets and records, in shared transactions."""

    async def admit(
        self, reservation: Reservation, record: Record
    ) -> Admitted | QuotaSpent | AlreadyAdmitted | AlreadyRecorded:
        """Reserve and record "admitted", both or neither; at most once a reservation and workflow ID.

        A workflow ID belongs to its first run, by the record's run ID, if it names the record's tenant. Nothing is
        reserved or recorded for another run of it, nor once its outcome is recorded.

        Raises:
            RecordConflict: an event of that ID exists with other content.
        """
        ...

    async def close(
        self,
        reservation_id: UUID | None,
        actual_tokens: int,
        record: Record,
        meanwhile: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> Appended:
        """Settle a reservation to the used tokens and record the outcome, both or neither.

        The first committed outcome wins: a repeat with the same content returns the stored row. Without a reservation
        only the outcome is recorded. ``meanwhile`` is awaited with the digest that is about to be stored, while the
        store commits: its result is valid only if ``close`` returns that same digest.

        The outcome of a workflow ID's first run is the ID's. Until then another run, not admitted, records its own.

        Raises:
            RecordConflict: an outcome of that ID exists with other content.
            OutcomeOfAnotherRun: the workflow ID has the outcome of another run, and this one was not admitted.
        """
        ...

    async def begin_call(self, reservation_id: UUID, tenant: str, most: int) -> int | None:
        """Count a call of a model under a reservation; return the number so far.

        None if the reservation is not held, or had ``most`` calls: then the model must not be called.
        """
        ...

    async def outcome(self, tenant: str, workflow_id: str) -> AlreadyAdmitted | AlreadyRecorded | None:
        """Return the end of a workflow ID of a tenant.

        None for an ID that no run has taken, or that was pruned.
        """
        ...

    async def begun_calls(self, reservation_id: UUID, tenant: str) -> BegunCalls:
        """Return the calls of models that began under a reservation, and its tokens."""
        ...

    async def append(self, record: Record) -> Appended:
        """Record a separate event. Exactly once by event ID.

        Raises:
            RecordConflict: an event of that ID exists with other content.
        """
        ...

    async def quota(self, tenant: str, caller: str, daily_limit: int) -> QuotaState:
        """Return the caller's budget today."""
        ...


class BudgetRetention(Protocol):
    """Removal of rows of rates and budgets that no run can need, in batches. Each call returns the number removed."""

    async def prune_reservations(self, older_than: timedelta) -> int:
        """Remove a batch of closed reservations of that age. Held ones stay.

        Raises:
            Refusal: INTERNAL if ``older_than`` is less than four days: such runs may still be open.
        """
        ...

    async def prune_accounts(self, older_than: timedelta) -> int:
        """Remove a batch of accounts of days that ended that long ago, without open reservations.

        Raises:
            Refusal: INTERNAL as above.
        """
        ...

    async def prune_first_runs(self, older_than: timedelta) -> int:
        """Remove a batch of workflow IDs of that age that have their outcome.

        Raises:
            Refusal: INTERNAL if ``older_than`` is less than 40 days.
        """
        ...

    async def prune_buckets(self) -> int:
        """Remove a batch of rate buckets that have been full for an hour."""
        ...
