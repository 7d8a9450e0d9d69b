"""Recorded histories: reading them, and what came of the runs that they tell of."""

from pathlib import Path

from google.protobuf import json_format
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter, WorkflowSerializationContext
from temporalio.exceptions import ApplicationError, CancelledError

from adapters.temporal.json_payloads import CompiledJsonConverter
from assay_temporal.codec import EncryptingCodec, OnUnauthenticated
from assay_temporal.contracts import InferenceResult
from assay_temporal.data_converter import encrypted
from assay_temporal.keyring import KeyRing
from domain.access.principals import SYSTEM_TENANT
from domain.identity import tenant_of_run
from domain.inference.runs import Status
from domain.refusals import Kind
from tests.replay.bench import NAMESPACE, keyring

HISTORIES = Path(__file__).with_name("recorded")
_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
_FAILED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED
_GOES_ON = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW
_CANCELLED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED


class NotClosed(Exception):
    """A history that ends before its run does hides what a replay would trip over."""


def read(text: str) -> WorkflowHistory:
    """A closed history from JSON, as Temporal's own tools write it.

    Raises:
        NotClosed: it does not tell the end of its run.
    """
    history = json_format.Parse(text, History())
    if not history.events or history.events[-1].event_type not in (_COMPLETED, _FAILED, _CANCELLED, _GOES_ON):
        raise NotClosed
    started = history.events[0].workflow_execution_started_event_attributes
    return WorkflowHistory(started.workflow_id, list(history.events))


def converter(keys: KeyRing) -> DataConverter:
    """The converter of every process of Assay."""
    codec = EncryptingCodec(
        keys,
        tenant_of=tenant_of_run,
        fallback_tenant=SYSTEM_TENANT,
        on_unauthenticated=OnUnauthenticated.READ_AS_NULL,
    )
    return encrypted(codec, CompiledJsonConverter)


async def outcome(history: WorkflowHistory) -> tuple[Status, Kind | None]:
    """Return the outcome of the run, read with the recorder's keys."""
    bound = converter(keyring()).with_context(WorkflowSerializationContext(NAMESPACE, history.workflow_id))
    last = history.events[-1]
    if last.event_type == _CANCELLED:
        return Status.CANCELLED, None
    if last.event_type == _FAILED:
        failure = Failure()
        failure.CopyFrom(last.workflow_execution_failed_event_attributes.failure)
        error = await bound.decode_failure(failure)
        if isinstance(error, CancelledError):  # nobody asked Temporal for it: the outcome was adopted
            return Status.CANCELLED, None
        assert isinstance(error, ApplicationError)
        return Status.FAILED, Kind(str(error.type))
    payloads: Payloads = last.workflow_execution_completed_event_attributes.result
    [result] = await bound.decode(payloads.payloads, [InferenceResult])
    return Status(result.status), Kind(result.problem.kind) if result.problem else None
