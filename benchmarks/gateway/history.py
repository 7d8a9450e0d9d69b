"""History of a run in Temporal: read once per subject, for any of its runs."""

import asyncio
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

_PATIENCE_SECONDS = 10.0


async def history_of(address: str, namespace: str, task_queue: str) -> dict[str, Any]:
    """Return events, workflow tasks and bytes of one completed run on that queue, and True for an eager start.

    Raises:
        TimeoutError: there is no run.
    """
    client = await Client.connect(address, namespace=namespace)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while (handle := await _any_run(client, task_queue)) is None:  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.1)  # the list of runs lags a little
    events = (await handle.fetch_history()).events
    info = (await handle.describe()).raw_description.workflow_execution_info
    started = events[0].workflow_execution_started_event_attributes
    return {
        "events": len(events),
        "workflow_tasks": sum(event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED for event in events),
        "bytes": info.history_size_bytes,
        "eager_start": started.eager_execution_accepted,
    }


async def _any_run(client: Client, task_queue: str) -> WorkflowHandle[Any, Any] | None:
    query = f"TaskQueue = '{task_queue}' AND ExecutionStatus = 'Completed'"
    async for found in client.list_workflows(query, limit=1):
        return client.get_workflow_handle(found.id, run_id=found.run_id)
    return None
