"""Removes what no run needs any more: large payloads, reservations, workflow IDs, past accounts, full rate buckets.

A payload is needed until the history that refers to it is gone: its run ends ``RUN_TOTAL`` after it was stored at the
latest, and the namespace's retention later the history goes. Old enough it is after both, and a day for clocks. But a
run may have been reset, or started without a limit of time: hence Temporal is asked about every workflow first, and
what it still knows keeps its payloads.

A reservation needs no such question: a run that repeats its admission or its end after that age finds the record that
it made, and PostgreSQL makes no second reservation where they were pruned.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.budgets.ports import BudgetRetention
from domain.inference.ports import PayloadStore
from domain.inference.run_lengths import ids_kept, outlasts
from domain.refusals import Refusal

_EVERY: Final = timedelta(hours=1)
_RPC_TIMEOUT: Final = timedelta(seconds=10)
_BATCH: Final = 50
log = structlog.get_logger(__name__)


class Housekeeping:
    """Periodic cleanup by a worker. Any number of workers may run it concurrently."""

    def __init__(self, client: Client, payloads: PayloadStore, budgets: BudgetRetention) -> None:
        """Take the parts."""
        self._client = client
        self._payloads = payloads
        self._budgets = budgets

    async def run(self) -> None:
        """Clean up once an hour, until cancelled."""
        while True:
            await self._tidy_up(self.purge, "payloads.purged", "payloads.not_purged")
            await self._tidy_up(self.prune, "budgets.pruned", "budgets.not_pruned")
            await asyncio.sleep(_EVERY.total_seconds())

    async def _tidy_up(self, remove: Callable[[], Awaitable[int]], done: str, failed: str) -> None:
        try:
            removed = await remove()
        except (Refusal, RPCError) as error:
            log.warning(failed, reason=type(error).__name__)
        else:
            if removed:
                log.info(done, removed=removed)

    async def purge(self) -> int:
        """Remove unneeded payloads; return their number.

        Raises:
            Refusal: STORE_UNAVAILABLE.
            RPCError: Temporal does not answer. Then nothing more is removed.
        """
        age = outlasts(await self._retention())
        removed, last = 0, ""
        while batch := await self._payloads.old_workflows(age, last, _BATCH):
            gone = [workflow_id for workflow_id in batch if not await self._known(workflow_id)]
            removed += await self._payloads.purge(age, gone)
            last = batch[-1]
        return removed

    async def prune(self) -> int:
        """Remove rows of rates and budgets that are not needed; return their number.

        Raises:
            Refusal: STORE_UNAVAILABLE.
            RPCError: Temporal does not answer. Rate buckets are removed all the same.
        """
        removed = await _all(self._budgets.prune_buckets)
        retention = await self._retention()
        age = outlasts(retention)
        removed += await _all(partial(self._budgets.prune_first_runs, ids_kept(retention)))
        removed += await _all(partial(self._budgets.prune_reservations, age))
        return removed + await _all(partial(self._budgets.prune_accounts, age))

    async def _retention(self) -> timedelta:
        """Return the namespace's retention of closed runs."""
        question = DescribeNamespaceRequest(namespace=self._client.namespace)
        answer = await self._client.workflow_service.describe_namespace(question, timeout=_RPC_TIMEOUT)
        return answer.config.workflow_execution_retention_ttl.ToTimedelta()

    async def _known(self, workflow_id: str) -> bool:
        """Return True if Temporal has a run of that workflow, open or closed."""
        try:
            await self._client.get_workflow_handle(workflow_id).describe(rpc_timeout=_RPC_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True


async def _all(batch: Callable[[], Awaitable[int]]) -> int:
    """Remove batch after batch until one is empty; return how many rows were removed."""
    removed = 0
    while (more := await batch()) > 0:
        removed += more
    return removed


@contextlib.asynccontextmanager
async def housekeeping(client: Client, payloads: PayloadStore, budgets: BudgetRetention) -> AsyncIterator[None]:
    """Run the cleanup beside the work in this block."""
    task = asyncio.create_task(Housekeeping(client, payloads, budgets).run(), name="housekeeping")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
