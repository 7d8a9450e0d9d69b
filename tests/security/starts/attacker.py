"""A namespace writer with one signed start, and the wrong variants of what stops them."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from adapters.system.clock import SystemClock
from assay_temporal import start_context
from assay_temporal.contracts import WORKFLOW, InferenceResult, SignedRequest
from domain.budgets.values import Admitted, AlreadyAdmitted, AlreadyRecorded, QuotaSpent, Reservation
from domain.records.fields import open_fields
from domain.records.records import Record
from tests.doubles.clock import FixedClock
from tests.doubles.ledger import MemoryLedger
from tests.replay.bench import BODY, RecordingBench, keyring

TASK_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
Handle = WorkflowHandle[Any, InferenceResult]
Ended = tuple[str, str | None]


class ForgetfulLedger(MemoryLedger):
    """Wrong: it admits each run of a workflow ID."""

    async def admit(
        self, reservation: Reservation, record: Record
    ) -> Admitted | QuotaSpent | AlreadyAdmitted | AlreadyRecorded:
        self.first_runs.clear()
        return await super().admit(reservation, record)


class CarelessLedger(ForgetfulLedger):
    """Wrong: it also lets the model be called without a reservation."""

    async def begin_call(self, reservation_id: UUID, tenant: str, most: int) -> int | None:
        return 1


@dataclass
class Start:
    """A signed start, as it was seen on its way to Temporal."""

    client: Client
    queue: str
    workflow_id: str
    signed: SignedRequest

    async def use(self, **options: Any) -> Handle:
        """Start a run with it."""
        made: Handle = await self.client.start_workflow(
            WORKFLOW,
            self.signed,
            id=self.workflow_id,
            task_queue=self.queue,
            result_type=InferenceResult,
            **options,
        )
        return self.client.get_workflow_handle(self.workflow_id, run_id=made.result_run_id, result_type=InferenceResult)


@dataclass
class Scene:
    """A worker over a ledger on Temporal's own server, and a namespace writer."""

    bench: RecordingBench

    @property
    def calls(self) -> int:
        """The number of calls of the model."""
        return len(self.bench.model.calls)

    async def start(self, **context: Any) -> Start:
        """Sign a start, as the API does."""
        made = await self.bench.context(BODY, **context)
        signed = SignedRequest(BODY, await start_context.sign(made, keyring(), countersigner="system"))
        return Start(self.bench.client, self.bench.settings.temporal.task_queue, made.workflow_id, signed)

    def hang(self) -> asyncio.Event:
        """Let the next call of the model hang. Returns an event, set once it is made."""
        reached = asyncio.Event()

        async def never() -> str:
            reached.set()
            await asyncio.Event().wait()
            return "never"

        self.bench.model.script.append(never)
        return reached

    def outcomes(self) -> list[tuple[str, str | None, str | None]]:
        """Recorded tenant, kind and refusal of each run, in order."""
        return [
            (record.tenant, record.kind.value, open_fields(record.fields).get("refusal"))
            for record in self.bench.ledger.records.values()
        ]

    async def reset(self, handle: Handle, event: int) -> Handle:
        """Reset a run to before the workflow task that completed with this event."""
        answer = await self.bench.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=self.bench.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=handle.run_id),
                reason="again",
                workflow_task_finish_event_id=event,
                request_id=secrets.token_hex(8),
            )
        )
        return self.bench.client.get_workflow_handle(handle.id, run_id=answer.run_id, result_type=InferenceResult)


async def points(handle: Handle) -> list[int]:
    """The events that a run can be reset to."""
    return [event.event_id for event in (await handle.fetch_history()).events if event.event_type == TASK_COMPLETED]


async def end(handle: Handle) -> Ended:
    """The status of a run and its kind of problem, once it has ended."""
    try:
        result = await handle.result(follow_runs=False)
    except WorkflowFailureError as error:
        return "failed", getattr(error.cause, "type", None)
    return result.status, result.problem.kind if result.problem else None


async def until_expired(expires_at: int) -> None:
    """Wait until a context has expired."""
    async with asyncio.timeout(30):
        while datetime.now(UTC).timestamp() <= expires_at:
            await asyncio.sleep(0.05)


@asynccontextmanager
async def scene(bench: RecordingBench, ledger: MemoryLedger | None = None) -> AsyncIterator[Scene]:
    """A worker on the system's clock."""
    made = replace(bench, ledger=ledger or MemoryLedger(FixedClock()), model=type(bench.model)())
    async with made.working(SystemClock()):
        yield Scene(made)
