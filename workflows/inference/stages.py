"""Execution of a stage: short ones locally first, then with backoff; the model call as an activity."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from temporalio import exceptions, workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

from activities.contracts.call_failures import CallFailure, call_failure_of
from activities.contracts.names import CLOSE_REQUEST, Stage
from activities.contracts.stages import InvokeInput
from activities.failures import HANDED_OVER
from domain.refusals import Kind
from workflows import timing

StageIn = TypeVar("StageIn")
StageOut = TypeVar("StageOut")

_STORE_AWAY = frozenset({Kind.STORE_UNAVAILABLE, Kind.VAULT_UNAVAILABLE, Kind.ENGINE_UNAVAILABLE})
_MUST_HAPPEN = frozenset({CLOSE_REQUEST.name})  # an outcome is recorded after any failure
_KINDS = frozenset(kind.value for kind in Kind)


class StageFailed(Exception):
    """A stage failed. ``kind`` is None if it timed out.

    ``call`` has the details of a model call; ``proof`` is the worker's, if it failed there.
    """

    def __init__(
        self,
        stage: str,
        kind: Kind | None,
        *,
        final: bool,
        call: CallFailure | None = None,
        proof: str | None = None,
    ) -> None:
        super().__init__(f"{stage}: {kind or 'timeout'}")
        self.stage = stage
        self.kind = kind
        self.call = call or CallFailure()
        self.proof = proof
        self.worth_waiting = not final and (kind is None or kind in _STORE_AWAY or stage in _MUST_HAPPEN)


class _HandedOver(Exception):
    """The worker of an attempt stops. ``failed_before`` is the number of earlier failed attempts."""

    def __init__(self, cause: ApplicationError) -> None:
        super().__init__()
        told = cause.details[0] if cause.details else 0
        self.failed_before = (
            told if isinstance(told, int) and told > 0 else 0
        )  # null, for a value that failed authentication
        self.lost = call_failure_of(cause.details).lost


async def short(stage: Stage[StageIn, StageOut], given: StageIn, summary: str, characters: int) -> StageOut:
    """Run a short stage of a request of that many characters.

    First as a local activity, which needs no round trip to the server. If its server does not answer within some
    seconds it is repeated as a regular activity with backoff, so that waiting runs occupy no slot.

    Raises:
        StageFailed: see there.
        CancelledError: the run was cancelled meanwhile.
    """
    lengths = timing.short_stage(characters)
    try:
        return await _by_short(
            stage.name,
            workflow.execute_local_activity(
                stage.name,
                given,
                result_type=stage.gives,
                schedule_to_close_timeout=lengths.local,
                retry_policy=timing.LOCAL_RETRY,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=summary,
            ),
        )
    except StageFailed as failed:
        if not failed.worth_waiting:
            raise
    return await _by_short(
        stage.name,
        workflow.execute_activity(
            stage.name,
            given,
            result_type=stage.gives,
            start_to_close_timeout=lengths.patient,
            schedule_to_close_timeout=timing.PATIENT_TOTAL,
            retry_policy=timing.PATIENT_RETRY,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=f"{summary} (waiting for a server)",
        ),
    )


async def long(
    stage: Stage[InvokeInput, StageOut], given: InvokeInput, summary: str, lengths: timing.ModelCallLengths
) -> StageOut:
    """Run the model call: heartbeats, retries by class of error, and an awaited cancellation.

    An attempt handed over by a stopping worker is repeated, and counts only its time. Time-outs are enforced by
    Temporal: if they were compared here, changing one would change the replay of old runs.

    Without the store no call is begun. The workflow then waits, and no attempt of the model's is used up.

    Raises:
        StageFailed: see there.
        CancelledError: the run was cancelled meanwhile.
    """
    end = workflow.now() + lengths.total
    attempts = timing.MODEL_RETRY.maximum_attempts
    pauses = iter(timing.MODEL_STORE_PAUSES)
    while True:
        try:
            return await _by_kind(
                stage.name,
                workflow.execute_activity(
                    stage.name,
                    given,
                    result_type=stage.gives,
                    start_to_close_timeout=lengths.attempt,
                    schedule_to_close_timeout=max(end - workflow.now(), timing.MODEL_LEFT),
                    heartbeat_timeout=timing.MODEL_HEARTBEAT,
                    retry_policy=replace(timing.MODEL_RETRY, maximum_attempts=attempts),
                    cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                    summary=summary,
                ),
            )
        except _HandedOver as handed:
            attempts = max(1, attempts - handed.failed_before)
            given = replace(given, lost=handed.lost or given.lost)
        except StageFailed as failed:
            pause = next(pauses, None) if failed.kind in _STORE_AWAY else None
            if pause is None or not workflow.patched("model-call-waits-for-the-store"):
                raise
            await asyncio.sleep(pause.total_seconds())
            end = workflow.now() + lengths.total
            given = replace(given, lost=failed.call.lost or given.lost)


def heed_cancellation() -> None:
    """Stop here if the run was cancelled meanwhile.

    An activity whose cancellation is awaited may end in any way: with its result, or by its timeout. The cancellation
    stays valid nevertheless.

    Raises:
        CancelledError: it was.
    """
    if _cancelling():
        raise asyncio.CancelledError


def _cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _by_short(stage: str, work: Awaitable[StageOut]) -> StageOut:
    """Await a short stage. Only a model call is handed over: for others, someone else has reported it."""
    try:
        return await _by_kind(stage, work)
    except _HandedOver as error:
        raise StageFailed(stage, Kind.INTERNAL, final=True) from error


async def _by_kind(stage: str, work: Awaitable[StageOut]) -> StageOut:
    """Await a stage. A local activity's failure is raised directly, a regular one's inside an ``ActivityError``."""
    try:
        made = await work
    except FailureError as error:
        if is_cancelled_exception(error) or _cancelling():  # cancelled: then it is not retried, however it failed
            raise asyncio.CancelledError from error
        cause = error.cause if isinstance(error, ActivityError) else error
        if isinstance(cause, ApplicationError) and cause.type is None and isinstance(cause.cause, ApplicationError):
            cause = cause.cause  # the stage's argument could not be read: the reason is inside
        if isinstance(cause, ApplicationError) and cause.type == HANDED_OVER:
            raise _HandedOver(cause) from error
        if isinstance(cause, ApplicationError):
            kind = Kind(cause.type) if cause.type in _KINDS else Kind.INTERNAL
            raise StageFailed(
                stage, kind, final=cause.non_retryable, call=call_failure_of(cause.details), proof=_proof_of(cause)
            ) from error
        beats = cause.last_heartbeat_details if isinstance(cause, exceptions.TimeoutError) else ()
        raise StageFailed(stage, None, final=False, call=call_failure_of(beats)) from error
    if made is None:  # a value that fails authentication is read as null: another worker answered for the activity
        raise StageFailed(stage, Kind.INTERNAL, final=True)
    return made


def _proof_of(cause: ApplicationError) -> str | None:
    """Return the proof of a failure, its last detail. ``close_request`` verifies it."""
    last = cause.details[-1] if cause.details else None
    return last if isinstance(last, str) else None
