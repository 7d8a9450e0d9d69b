"""Inference from a workflow: ``result = await ask(InferenceCall(model="...", prompt="..."))``.

The run is a child workflow, or a Nexus operation if the plugin has an endpoint.

Runs inside the sandbox: no key, no clock, no I/O. The plugin's signing activity has these; its result is in the
workflow's history, so that a replay asks for the same run.
"""

import asyncio
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    NexusOperationError,
    is_cancelled_exception,
)

from assay_temporal.contracts import WORKFLOW, Answer, InferenceResult, SignedRequest
from assay_temporal.errors import Denied, Faulted, NotLetIn
from assay_temporal.inference import InferenceCall, request_hash
from assay_temporal.nexus import AssayService, NexusStart
from assay_temporal.outcomes import faulted
from assay_temporal.starts import RUN_TOTAL, SIGN_ACTIVITY, SignedStart, StartToSign

_TRIES: Final = 3  # of starts that were signed, but reached the server after their expiry
_LOCAL_ATTEMPT: Final = timedelta(seconds=4)
_ATTEMPT: Final = timedelta(seconds=10)
_PATIENCE: Final = timedelta(hours=24)
_ONCE: Final = RetryPolicy(maximum_attempts=1)
_AGAIN: Final = RetryPolicy(initial_interval=timedelta(seconds=0.5), maximum_interval=timedelta(seconds=10))
_EXPIRED: Final = "expired-context"
_NOT_LET_IN: Final = "not-let-in"


async def ask(call: InferenceCall) -> InferenceResult:
    """Request inference from a model, governed by Assay.

    A denial is a result like any other: ``status`` is ``blocked`` or ``refused`` and ``problem`` has the reason; so is
    a run that was withdrawn (``cancelled``). See ``ask_for_answer`` for a function that raises. Cancelling (this
    workflow, this task, or by ``asyncio.timeout``) cancels the run and waits until it is settled. The end of this
    workflow cancels it as well, without waiting, but not by Nexus, where a run continues after its workflow was
    terminated.

    Raises:
        Faulted: a fault, or the run was ended by others.
        NotLetIn: the team has no keys.
        InvalidCall: the call can't be encoded as JSON.
    """
    body = call.body()
    digest = request_hash(body)
    for _ in range(_TRIES - 1):
        result = await _run(body, digest, await _signed(digest))
        if result.problem is None or result.problem.kind != _EXPIRED:
            return result
    return await _run(body, digest, await _signed(digest))


async def ask_for_answer(call: InferenceCall) -> Answer:
    """Request an answer; a denial raises.

    Raises:
        Denied: the policy denied it, or a budget is exhausted. Uncaught, this workflow fails with the
            kind of refusal as the failure's type.
        Faulted, NotLetIn, InvalidCall: see ``ask``.
    """
    result = await ask(call)
    if result.result is None:
        raise Denied(result)
    return result.result


async def _run(body: dict[str, Any], digest: str, start: SignedStart) -> InferenceResult:
    try:
        result = await (_child(body, digest, start) if start.endpoint is None else _operation(body, start))
    except (ChildWorkflowError, NexusOperationError) as error:
        if is_cancelled_exception(error) and _being_cancelled():
            raise asyncio.CancelledError from error
        raise faulted(start.run_id, error.cause) from error
    if result.id != start.run_id:  # by Nexus a result is bound to its run, but not to its caller
        raise Faulted("internal", run_id=start.run_id)
    return result


async def _child(body: dict[str, Any], digest: str, start: SignedStart) -> InferenceResult:
    result: InferenceResult = await workflow.execute_child_workflow(
        WORKFLOW,
        SignedRequest(body, start.context),
        id=start.run_id,
        task_queue=start.task_queue,
        result_type=InferenceResult,
        cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        execution_timeout=RUN_TOTAL,
        memo={"request_hash": digest},
        static_summary=f"inference for {workflow.info().workflow_type}",
    )
    return result


async def _operation(body: dict[str, Any], start: SignedStart) -> InferenceResult:
    client = workflow.create_nexus_client(service=AssayService, endpoint=start.endpoint or "")
    return await client.execute_operation(
        AssayService.infer,
        NexusStart(start.run_id, body, start.context),
        schedule_to_close_timeout=RUN_TOTAL,
        cancellation_type=workflow.NexusOperationCancellationType.WAIT_COMPLETED,
        summary="request inference from Assay",
    )


def _being_cancelled() -> bool:
    """Return True if this task is cancelled, rather than the run alone."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _signed(digest: str) -> SignedStart:
    """Sign, locally if keys are available. Else as a regular activity, so that waiting occupies no slot."""
    start = StartToSign(str(workflow.uuid4()), digest)
    try:
        signed: SignedStart = await workflow.execute_local_activity(
            SIGN_ACTIVITY,
            start,
            result_type=SignedStart,
            schedule_to_close_timeout=_LOCAL_ATTEMPT,
            retry_policy=_ONCE,
            summary="sign the request to Assay",
        )
    except FailureError as error:
        _require_neither_cancelled_nor_let_out(error)
        return await _signed_patiently(start)
    return signed


async def _signed_patiently(start: StartToSign) -> SignedStart:
    try:
        signed: SignedStart = await workflow.execute_activity(
            SIGN_ACTIVITY,
            start,
            result_type=SignedStart,
            start_to_close_timeout=_ATTEMPT,
            schedule_to_close_timeout=_PATIENCE,
            retry_policy=_AGAIN,
            summary="sign the request to Assay (waiting for keys)",
        )
    except ActivityError as error:
        _require_neither_cancelled_nor_let_out(error)
        raise faulted(None, error.cause) from error
    return signed


def _require_neither_cancelled_nor_let_out(error: FailureError) -> None:
    if is_cancelled_exception(error):
        raise asyncio.CancelledError from error
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError) and cause.type == _NOT_LET_IN:
        raise NotLetIn from error
