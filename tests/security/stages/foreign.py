"""Workflows of others in the namespace that schedule Assay's stages."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

ONCE = RetryPolicy(maximum_attempts=1)


async def schedule(stage: str, given: Any, queue: str) -> Any:
    """Schedule a stage; return its result, or the type of its failure."""
    try:
        return await workflow.execute_activity(
            stage, given, task_queue=queue, start_to_close_timeout=timedelta(seconds=20), retry_policy=ONCE
        )
    except ActivityError as error:
        cause = error.cause
        return {"failed": cause.type if isinstance(cause, ApplicationError) else type(cause).__name__}


@workflow.defn(name="Foreign")
class Foreign:
    """Of a type of its own."""

    @workflow.run
    async def run(self, stage: str, given: Any) -> Any:
        return await schedule(stage, given, "assay")


@workflow.defn(name="GuardedInference")
class Impostor:
    """Of the name of Assay's workflow, on a queue of its own."""

    @workflow.run
    async def run(self, stage: str, given: Any) -> Any:
        return await schedule(stage, given, "assay")
