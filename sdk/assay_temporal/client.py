"""Inference from a plain client of Temporal: a service without workflows of its own."""

from typing import Any, Final

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from assay_temporal.contracts import WORKFLOW, Answer, InferenceResult, SignedRequest
from assay_temporal.errors import AnotherRequest, Denied
from assay_temporal.inference import InferenceCall, request_hash
from assay_temporal.outcomes import faulted
from assay_temporal.plugin import AssayPlugin
from assay_temporal.starts import RUN_TOTAL

Run = WorkflowHandle[Any, InferenceResult]
_REQUEST_HASH: Final = "request_hash"


class AssayClient:
    """Starts governed runs in the team's name, signed as from a workflow."""

    def __init__(self, client: Client, plugin: AssayPlugin) -> None:
        """Take a client that was connected with the plugin.

        Raises:
            ValueError: it was not, or does not encrypt any more; or it is not in Assay's namespace.
        """
        plugin.require_encryption(client)
        if plugin.endpoint is not None:
            raise ValueError("endpoint is for workflows only: a client can't reach Assay's namespace by Nexus")
        self._client = client
        self._signer = plugin.signer

    def new_run_id(self) -> str:
        """Return an ID for a run. Store it before the start, and repeat the start with it after a crash: one run."""
        return self._signer.new_run_id()

    async def start(self, call: InferenceCall, *, run_id: str | None = None) -> Run:
        """Start a run, or find the one with that ID; return its handle.

        Raises:
            AnotherRequest: the run with that ID has another request.
            InvalidCall: the call can't be encoded as JSON.
            KeyUnavailable: the tenant's key is unavailable.
            RPCError: Temporal does not answer, or denies access.
        """
        body = call.body()
        digest = request_hash(body)
        signed = await self._signer.sign(run_id or self.new_run_id(), digest)
        try:
            handle: Run = await self._client.start_workflow(
                WORKFLOW,
                SignedRequest(body, signed.context),
                id=signed.run_id,
                task_queue=signed.task_queue,
                result_type=InferenceResult,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                execution_timeout=RUN_TOTAL,
                memo={_REQUEST_HASH: digest},
                static_summary="started by a client",
            )
        except WorkflowAlreadyStartedError:  # it has ended: the same ID, the same answer
            handle = self.get(signed.run_id)
        if run_id is not None:
            await self._require_same_request(handle, digest)
        return handle

    def get(self, run_id: str) -> Run:
        """Return the handle of a run that was started before."""
        return self._client.get_workflow_handle(run_id, result_type=InferenceResult)

    async def result(self, run: Run) -> InferenceResult:
        """Wait for a run's end. A denial is a result like any other; see ``assay_temporal.ask``.

        Raises:
            Faulted: a fault, or the run was ended by others.
        """
        try:
            return await run.result()
        except WorkflowFailureError as error:
            raise faulted(run.id, error.cause) from error

    async def ask(self, call: InferenceCall, *, run_id: str | None = None) -> InferenceResult:
        """Start a run and wait for its result. A caller that stops waiting leaves it running: cancel it by its handle.

        Raises:
            Faulted, AnotherRequest, InvalidCall, KeyUnavailable, RPCError: see there.
        """
        return await self.result(await self.start(call, run_id=run_id))

    async def ask_for_answer(self, call: InferenceCall, *, run_id: str | None = None) -> Answer:
        """Request an answer; a denial raises.

        Raises:
            Denied: the policy denied it, or a budget is exhausted.
            Faulted, AnotherRequest, InvalidCall, KeyUnavailable, RPCError: see there.
        """
        result = await self.ask(call, run_id=run_id)
        if result.result is None:
            raise Denied(result)
        return result.result

    async def _require_same_request(self, run: Run, digest: str) -> None:
        description = await run.describe()
        if (await description.memo()).get(_REQUEST_HASH) != digest:
            raise AnotherRequest(run.id)
