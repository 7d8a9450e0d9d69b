"""A workflow that does something forbidden. In a module of its own: the sandbox imports what it stands in."""

from datetime import datetime

from temporalio import workflow
from temporalio.worker.workflow_sandbox import RestrictedWorkflowAccessError


@workflow.defn(failure_exception_types=[RestrictedWorkflowAccessError])
class LooksAtTheClock:
    @workflow.run
    async def run(self) -> str:
        return datetime.now().isoformat()  # noqa: DTZ005 - what the sandbox has to stop
