"""The Nexus service: workflows of other namespaces start signed runs with it."""

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
        """Start the run. The first stage verifies the start, as for every run."""
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
        """Cancel a run. The token is untrusted: it cancels only a run whose unguessable ID it contains."""
        _require_run(options.workflow_id)
        await super().cancel_workflow_run(ctx, options)

    async def cancel_workflow_update(
        self, ctx: nexus.TemporalCancelOperationContext, options: nexus.CancelUpdateWorkflowOptions
    ) -> None:
        """Refuse: the service has none."""
        del ctx, options
        _not_ours()

    async def cancel_activity(
        self, ctx: nexus.TemporalCancelOperationContext, options: nexus.CancelActivityOptions
    ) -> None:
        """Refuse: the service has none."""
        del ctx, options
        _not_ours()


@service_handler(service=AssayService)
class NexusGate:
    """See ``assay_temporal.nexus.AssayService``."""

    @operation_handler
    def infer(self) -> OperationHandler[NexusStart, InferenceResult]:
        """Return the handler of the operation."""
        return _Infer()


def _require_run(workflow_id: str) -> None:
    if not RUN_ID.match(workflow_id):
        _not_ours()


def _not_ours() -> NoReturn:
    raise HandlerError("there is no run with that ID", type=HandlerErrorType.NOT_FOUND, retryable_override=False)
