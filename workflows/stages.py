"""How a run executes a stage: short ones locally first, patiently once a store is away; the model as a regular
activity."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError  # noqa: A004 - Temporal's own name

from domain.refusals import Kind
from workflows import timing

StageIn = TypeVar("StageIn")
StageOut = TypeVar("StageOut")

_STORE_AWAY = frozenset({Kind.STORE_UNAVAILABLE, Kind.VAULT_UNAVAILABLE, Kind.INTERNAL})


def kind_of(error: ActivityError) -> Kind | None:
    """The kind behind a failed stage; None for a timeout or anything else without one."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type in _KINDS:
        return Kind(cause.type)
    return None


_KINDS = frozenset(kind.value for kind in Kind)


def _worth_waiting(error: ActivityError) -> bool:
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return not cause.non_retryable and kind_of(error) in _STORE_AWAY
    return isinstance(cause, TimeoutError)


async def short(stage: Callable[[Any, StageIn], Awaitable[StageOut]], given: StageIn, summary: str) -> StageOut:
    """Run a short stage.

    First as a local activity, which costs no round trip to the server. If its store does not answer within two seconds
    it is repeated as a regular activity with backoff, so that waiting runs hold no slot.
    """
    try:
        return await workflow.execute_local_activity_method(
            stage,
            given,
            schedule_to_close_timeout=timing.LOCAL_ATTEMPT,
            retry_policy=timing.LOCAL_RETRY,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=summary,
        )
    except ActivityError as error:
        if not _worth_waiting(error):
            raise
    return await workflow.execute_activity_method(
        stage,
        given,
        start_to_close_timeout=timing.PATIENT_ATTEMPT,
        schedule_to_close_timeout=timing.PATIENT_TOTAL,
        retry_policy=timing.PATIENT_RETRY,
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=f"{summary} (waiting for a store)",
    )


async def long(stage: Callable[[Any, StageIn], Awaitable[StageOut]], given: StageIn, summary: str) -> StageOut:
    """Run the model call: heartbeats, retries by class of error, and a cancellation that is awaited."""
    return await workflow.execute_activity_method(
        stage,
        given,
        start_to_close_timeout=timing.MODEL_ATTEMPT,
        schedule_to_close_timeout=timing.MODEL_TOTAL,
        heartbeat_timeout=timing.MODEL_HEARTBEAT,
        retry_policy=timing.MODEL_RETRY,
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
    )
