"""The Nexus service: workflows of other namespaces start runs with it, signed like any other start."""

from typing import NoReturn

from nexusrpc import HandlerError, HandlerErrorType
from nexusrpc.handler import OperationHandler, operation_handler, service_handler
from temporalio import nexus
from temporalio.common import WorkflowIDReusePolicy

from assay_temporal.contracts import WORKFLOW, InferenceResult, SignedRequest
from assay_temporal.nexus import AssayService, NexusStart
from domain.identity import RUN_ID
from workflows.timing import RUN_TOTAL


class _Infer(nexus.TemporalOperationHandler[NexusStart, InferenceResult]):
    async def start_operation(
        self,
        ctx: nexus.TemporalStartOperationContext,
        client: nexus.TemporalNexusClient,
        input: NexusStart,  # noqa: A002 - Temporal's signature
    ) -> nexus.TemporalOperationResult[InferenceResult]:
        """Start the run. Whether the start holds is the first stage's to say, as for every start."""
        del ctx
        _require_run(input.run_id)
        return await client.start_workflow(
            WORKFLOW,
            SignedRequest(input.request, input.context),
            id=input.run_id,
            result_type=InferenceResult,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            execution_timeout=RUN_TOTAL,
            static_summary="started by Nexus",
        )

    async def cancel_workflow_run(
        self, ctx: nexus.TemporalCancelOperationContext, options: nexus.CancelWorkflowRunOptions
    ) -> None:
        """Cancel a run. The token is the caller's word: what it names is cancelled only if it is a run's ID, which
        nobody guesses."""
        _require_run(options.workflow_id)
        await super().cancel_workflow_run(ctx, options)

    async def cancel_workflow_update(
        self, ctx: nexus.TemporalCancelOperationContext, options: nexus.CancelUpdateWorkflowOptions
    ) -> None:
        """There are none of ours."""
        del ctx, options
        _not_ours()

    async def cancel_activity(
        self, ctx: nexus.TemporalCancelOperationContext, options: nexus.CancelActivityOptions
    ) -> None:
        """There are none of ours."""
        del ctx, options
        _not_ours()


@service_handler(service=AssayService)
class NexusGate:
    """See ``assay_temporal.nexus.AssayService``."""

    @operation_handler
    def infer(self) -> OperationHandler[NexusStart, InferenceResult]:
        """See there."""
        return _Infer()


def _require_run(workflow_id: str) -> None:
    if not RUN_ID.match(workflow_id):
        _not_ours()


def _not_ours() -> NoReturn:
    raise HandlerError("there is no run with that ID", type=HandlerErrorType.NOT_FOUND, retryable_override=False)
