"""How Assay's own recurring workflows execute a step: a regular activity, patient while a server is away."""

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
    """How long an attempt may take, and all of them; how they follow; how often an attempt has to tell that it lives.

    They are made in ``workflows/timing.py``.
    """

    attempt: timedelta
    total: timedelta
    retry: RetryPolicy
    heartbeat: timedelta | None = None


async def step(lengths: ActivityTimeouts, stage: Stage[StageIn, StageOut], given: StageIn, summary: str) -> StageOut:
    """Run a step.

    Raises:
        ActivityError: it failed, or its time is over.
        ApplicationError: INTERNAL; someone else has answered in the activity's place.
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
    if made is None:  # what does not authenticate is read as null
        raise failure_for(Kind.INTERNAL, retryable=False)
    return made
