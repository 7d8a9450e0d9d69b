"""Reading of a run's start and of its later messages, none of which is trusted."""

import asyncio
from collections.abc import Mapping
from typing import Any

from temporalio import workflow

from activities.contracts.stages import Closed, Run, unverified_run
from assay_temporal.contracts import Withdrawal
from domain.identity import epoch_ms


async def whatever_happens(closing: asyncio.Future[Closed]) -> Closed:
    """Await the closing, also if the run is cancelled meanwhile: a late cancellation must not prevent the record."""
    try:
        return await asyncio.shield(closing)
    except asyncio.CancelledError:
        return await closing


def reason_of(withdrawal: object) -> str | None:
    """Return the reason; None for an argument that failed authentication and was read as null."""
    return withdrawal.reason if isinstance(withdrawal, Withdrawal) else None


def unverified() -> Run:
    """Return the unverified run, before its signed context is proven."""
    info = workflow.info()
    return unverified_run(info.workflow_id, info.run_id, epoch_ms(info.workflow_start_time))


def read_start(start: object) -> tuple[Any, Any]:
    """Return request and context of a start; None for each if it is malformed."""
    if not isinstance(start, Mapping):
        return None, None
    return start.get("request"), start.get("context")
