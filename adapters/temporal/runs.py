"""Run lists from Temporal: closed runs, the state of one, and its start."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cachetools import LRUCache
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.converter import WorkflowSerializationContext
from temporalio.service import RPCError, RPCStatusCode

from assay_temporal.contracts import WORKFLOW
from domain.inference.runs import RecordedStart
from domain.records.reconciliation import Beginning, ClosedRun, ClosedRuns, EngineState
from domain.refusals import Kind, Refusal

_RPC_TIMEOUT: Final = timedelta(seconds=10)
_STATES: Final = {
    WorkflowExecutionStatus.COMPLETED: EngineState.COMPLETED,
    WorkflowExecutionStatus.FAILED: EngineState.FAILED,
    WorkflowExecutionStatus.CANCELED: EngineState.CANCELLED,
    WorkflowExecutionStatus.TERMINATED: EngineState.TERMINATED,
    WorkflowExecutionStatus.TIMED_OUT: EngineState.TIMED_OUT,
}  # all others are open, or continue under another run's ID, which is no end either
_CLOSED: Final = "'Completed', 'Failed', 'Canceled', 'Terminated', 'TimedOut'"
_STAGE_DONE: Final = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
_MARKER: Final = EventType.EVENT_TYPE_MARKER_RECORDED
_TASK_FAILED: Final = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
_RESET: Final = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
_STARTED: Final = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
_MOST_ANCESTORS: Final = 256
_STUCK_ATTEMPTS: Final = 10
_STUCK: Final = "its workflow task keeps failing"
_LOCAL_STAGE: Final = "core_local_activity"


class TemporalRuns:
    """``RunLists``, ``RunStarts`` and ``RunAncestry`` over a client of the namespace."""

    def __init__(self, client: Client) -> None:
        """Take the client, with the converter that encrypted the runs."""
        self._client = client
        self._ancestors: LRUCache[tuple[str, str], frozenset[str]] = LRUCache(_MOST_ANCESTORS)

    async def closed(self, since: datetime | None, page: bytes, most: int) -> ClosedRuns:
        """See ``RunLists``. Temporal's visibility lags by moments."""
        query = f"WorkflowType = '{WORKFLOW}' AND ExecutionStatus IN ({_CLOSED})"
        if since is not None:
            query += f" AND CloseTime >= '{since.astimezone(UTC).isoformat()}'"
        listing = self._client.list_workflows(
            query, page_size=most, next_page_token=page or None, rpc_timeout=_RPC_TIMEOUT
        )
        with _engine():
            await listing.fetch_next_page()
        found = tuple(ClosedRun(run.id, run.run_id, run.start_time) for run in listing.current_page or ())
        return ClosedRuns(found, listing.next_page_token or None)

    async def newest(self, workflow_id: str) -> str | None:
        """See ``RunLists``."""
        described = await self._described(workflow_id, None)
        return described.run_id if described else None

    async def state(self, workflow_id: str, run_id: str) -> EngineState:
        """See ``RunLists``."""
        described = await self._described(workflow_id, run_id)
        if described is None:
            return EngineState.GONE
        return _STATES.get(described.status, EngineState.OPEN) if described.status else EngineState.OPEN

    async def end_stuck(self, workflow_id: str, run_id: str) -> bool:
        """See ``RunLists``. Others can answer for an activity so that no task of its workflow succeeds any more."""
        described = await self._described(workflow_id, run_id)
        if described is None or described.close_time is not None:
            return False
        if described.raw_description.pending_workflow_task.attempt < _STUCK_ATTEMPTS:
            return False
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        try:
            with _engine():
                await handle.terminate(reason=_STUCK, rpc_timeout=_RPC_TIMEOUT)
        except _NotFound:  # it has ended meanwhile
            return False
        return True

    async def _described(self, workflow_id: str, run_id: str | None) -> WorkflowExecutionDescription | None:
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        try:
            with _engine():
                return await handle.describe(rpc_timeout=_RPC_TIMEOUT)
        except _NotFound:
            return None

    async def beginning(self, workflow_id: str, run_id: str) -> Beginning | None:
        """See ``RunLists``."""
        try:
            with _engine():
                first = await self._first_event(workflow_id, run_id)
                started = first.workflow_execution_started_event_attributes
                identities: tuple[str, ...] = (run_id,)
                if started.original_execution_run_id != run_id:
                    identities = await self._identities(workflow_id, run_id, started.original_execution_run_id)
        except _NotFound:
            return None
        return Beginning(
            first.event_time.ToDatetime(tzinfo=UTC), identities, await self._argument(workflow_id, started)
        )

    async def start_of(self, workflow_id: str, run_id: str) -> RecordedStart | None:
        """See ``RunStarts``."""
        try:
            with _engine():
                first = await self._first_event(workflow_id, run_id)
        except _NotFound:
            return None
        started = first.workflow_execution_started_event_attributes
        return RecordedStart(
            started_at=first.event_time.ToDatetime(tzinfo=UTC),
            delay=started.first_workflow_task_backoff.ToTimedelta(),
            cron=bool(started.cron_schedule),
        )

    async def _first_event(self, workflow_id: str, run_id: str) -> HistoryEvent:
        request = GetWorkflowExecutionHistoryRequest(
            namespace=self._client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            maximum_page_size=1,
        )
        answer = await self._client.workflow_service.get_workflow_execution_history(request, timeout=_RPC_TIMEOUT)
        return answer.history.events[0]

    async def _identities(self, workflow_id: str, run_id: str, original: str) -> tuple[str, ...]:
        """Return the identities of a run that was reset: a new one for each reset before the first stage ended."""
        found = [original]
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        async for event in handle.fetch_history_events(rpc_timeout=_RPC_TIMEOUT):
            if _is_first_stage(event):
                break
            failed = event.workflow_task_failed_event_attributes
            if event.event_type == _TASK_FAILED and failed.cause == _RESET:
                found.append(failed.new_run_id)
        return tuple(dict.fromkeys(found))

    async def descends(self, workflow_id: str, run_id: str, earlier: str) -> bool:
        """See ``RunAncestry``. Only the server writes a reset, and the ID of the run that it makes, into a history."""
        known = self._ancestors.get((workflow_id, run_id))
        if known is None:
            try:
                with _engine():
                    known = await self._resets(workflow_id, run_id)
            except _NotFound:
                return False
            self._ancestors[workflow_id, run_id] = known
        return earlier in known

    async def _resets(self, workflow_id: str, run_id: str) -> frozenset[str]:
        found: set[str] = set()
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        async for event in handle.fetch_history_events(rpc_timeout=_RPC_TIMEOUT):
            if event.event_type == _STARTED:
                found.add(event.workflow_execution_started_event_attributes.original_execution_run_id)
            failed = event.workflow_task_failed_event_attributes
            if event.event_type == _TASK_FAILED and failed.cause == _RESET:
                found |= {failed.base_run_id, failed.new_run_id}
        return frozenset(found)

    async def _argument(self, workflow_id: str, started: WorkflowExecutionStartedEventAttributes) -> Any:  # noqa: ANN401
        place = WorkflowSerializationContext(namespace=self._client.namespace, workflow_id=workflow_id)
        try:
            given = await self._client.data_converter.with_context(place).decode(started.input.payloads)
        except (ValueError, TypeError, KeyError, RuntimeError):  # authentic, but not JSON
            return None
        return given[0] if given else None


class _NotFound(Exception):
    """Temporal has no such run."""


def _is_first_stage(event: HistoryEvent) -> bool:
    marker = event.marker_recorded_event_attributes
    local = event.event_type == _MARKER and marker.marker_name == _LOCAL_STAGE and not marker.HasField("failure")
    return local or event.event_type == _STAGE_DONE


@contextlib.contextmanager
def _engine() -> Iterator[None]:
    try:
        yield
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise _NotFound from None
        raise Refusal(Kind.ENGINE_UNAVAILABLE, "the workflow engine did not answer", retry_after=2) from None
