"""Attempts at the request of an idempotency key.

A further one is made only where the record shows that the last may be repeated.
"""

from typing import Final

from domain.budgets.ports import Ledger
from domain.budgets.values import AlreadyRecorded
from domain.identity import attempt_id
from domain.inference.runs import may_be_repeated

MOST_ATTEMPTS: Final = 20
"""Runs of one idempotency key."""


class RunAttempts:
    """Attempts by the ledger's outcomes of their workflow IDs."""

    def __init__(self, ledger: Ledger) -> None:
        """Take the ledger."""
        self._ledger = ledger

    async def latest(self, tenant: str, first: str, *, further: bool = True) -> str:
        """Return the ID of the last attempt, or a new one after its passing fault.

        Args:
            tenant: the caller's.
            first: the workflow ID of the first attempt.
            further: whether to make a new one.

        Raises:
            Refusal: STORE_UNAVAILABLE.
        """
        for number in range(1, MOST_ATTEMPTS):
            found = await self._ledger.outcome(tenant, attempt_id(first, number))
            if found is None and number > 1 and not further:
                return attempt_id(first, number - 1)
            if not (isinstance(found, AlreadyRecorded) and may_be_repeated(found.kind, found.refusal)):
                return attempt_id(first, number)
        return attempt_id(first, MOST_ATTEMPTS)

    async def begun(self, tenant: str, workflow_id: str) -> bool:
        """Return True for an attempt that was admitted, or has its outcome.

        Raises:
            Refusal: STORE_UNAVAILABLE.
        """
        return await self._ledger.outcome(tenant, workflow_id) is not None
