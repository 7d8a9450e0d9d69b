"""What a run leaves in Temporal's history: asked once a subject, of any of its runs."""

from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client


async def history_of(address: str, namespace: str, task_queue: str) -> dict[str, Any]:
    """Events, workflow tasks and bytes of one completed run on that queue, and whether it was started eagerly."""
    client = await Client.connect(address, namespace=namespace)
    query = f"TaskQueue = '{task_queue}' AND ExecutionStatus = 'Completed'"
    async for found in client.list_workflows(query, limit=1):
        handle = client.get_workflow_handle(found.id, run_id=found.run_id)
        events = (await handle.fetch_history()).events
        info = (await handle.describe()).raw_description.workflow_execution_info
        tasks = sum(event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED for event in events)
        started = events[0].workflow_execution_started_event_attributes
        return {
            "events": len(events),
            "workflow_tasks": tasks,
            "bytes": info.history_size_bytes,
            "eager_start": started.eager_execution_accepted,
        }
    return {}
