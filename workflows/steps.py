"""Execution of a step of recurring workflows: a regular activity, with backoff while a server is unavailable."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.contracts.names import Stage
from activities.failures import failure_for
from domain.refusals import Kind
from workflows.inference.stages import StageIn, StageOut


@dataclass(frozen=True)
class ActivityTimeouts:
    """Time-outs of an attempt and of all attempts, their backoff, and the heartbeat timeout.

    They are made in ``workflows/timing.py``.
    """

    attempt: timedelta
    total: timedelta
    retry: RetryPolicy
    heartbeat: timedelta | None = None


async def step(lengths: ActivityTimeouts, stage: Stage[StageIn, StageOut], given: StageIn, summary: str) -> StageOut:
    """Run a step.

    Raises:
        ActivityError: it failed, or timed out.
        ApplicationError: INTERNAL; another worker answered for the activity.
    """
    made: StageOut | None = await workflow.execute_activity(
        stage.name,
        given,
        result_type=stage.gives,
        start_to_close_timeout=lengths.attempt,
        schedule_to_close_timeout=lengths.total,
        heartbeat_timeout=lengths.heartbeat,
        retry_policy=lengths.retry,
        summary=summary,
    )
    if made is None:  # a value that fails authentication is read as null
        raise failure_for(Kind.INTERNAL, retryable=False)
    return made
