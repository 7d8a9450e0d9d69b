"""Starting, awaiting, reading and cancelling runs: the API's only use of Temporal."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.inference import run_views
from api.inference.engine_errors import engine, keys_or_refusal, not_found
from api.inference.outcomes import Outcomes
from api.inference.result_proofs import ProvenResult, ResultProofs
from api.inference.run_views import RunView
from api.inference.signed_starts import SignedStarts
from assay_temporal import start_context
from assay_temporal.contracts import WORKFLOW, InferenceResult, SignedRequest
from assay_temporal.keyring import KeyRing
from domain.access.ports import AccessDecider
from domain.access.principals import SYSTEM_TENANT, Action, Principal
from domain.access.resources import Resource, ResourceKind
from domain.identity import run_id, tenant_of_run
from domain.inference.parsing import request_hash
from domain.inference.submissions import BegunSubmission
from domain.ports import Clock, IdentityKeys
from domain.refusals import Kind, Refusal
from services.plaintext_access import PlaintextAccess
from services.runs.attempts import RunAttempts
from services.runs.local_feed import LocalRunFeed
from services.runs.result_feed import ResultFeed
from workflows.inference import run_summary, search_attributes
from workflows.timing import RUN_TOTAL

_RPC_TIMEOUT = timedelta(seconds=5)
_CONTEXT_SECONDS = 60
_HEAD_START_SECONDS = 0.5
Handle = WorkflowHandle[Any, InferenceResult]


@dataclass(frozen=True, slots=True)
class Submission:
    """A caller's request. ``idempotency_key`` is the caller's own, if sent; ``begun`` names the run without one."""

    principal: Principal
    body: Mapping[str, Any]
    model: str
    policy_hash: str
    idempotency_key: str | None
    begun: BegunSubmission | None = None
    digest: str | None = None
    """Hash of the body, if it is known."""


@dataclass(frozen=True, slots=True)
class Started:
    """A run by tenant and public ID. ``here``: a worker of this process has its first task by the start's response."""

    tenant: str
    public_id: str
    here: bool = False


@dataclass(frozen=True, slots=True)
class _Described:
    """A run as Temporal describes it. ``own``: it says that the principal is its caller, which proves nothing."""

    own: bool
    ended: bool


class Runs:
    """Runs of the workflow, by their public IDs."""

    def __init__(
        self,
        client: Client,
        task_queue: str,
        keyring: KeyRing,
        identities: IdentityKeys,
        clock: Clock,
        random_tag: Callable[[], str],
        require_vault: Callable[[], None],
        feed: LocalRunFeed[InferenceResult],
        access: AccessDecider,
        reading: PlaintextAccess,
        require_engine: Callable[[], None],
        attempts: RunAttempts,
        proofs: ResultProofs,
        starts: SignedStarts,
    ) -> None:
        """Take the parts.

        ``require_vault`` refuses while Vault is unavailable: with cached keys a run could be started but not finished.
        ``require_engine`` refuses while Temporal is known to be unavailable, since its calls wait for time-outs.
        ``feed`` has the events of a worker in this process; closing it ends all waiting.
        """
        self._client = client
        self._task_queue = task_queue
        self._keyring = keyring
        self._identities = identities
        self._clock = clock
        self._random_tag = random_tag
        self._require_vault = require_vault
        self._outcomes = Outcomes(feed, ResultFeed(self._result))
        self._access = access
        self._reading = reading
        self._require_engine = require_engine
        self._attempts = attempts
        self._proofs = proofs
        self._starts = starts

    async def start(self, submission: Submission) -> Started:
        """Start the run, or return the one started before with this idempotency key.

        A run of the key that ended in a passing fault, by the record, gets a further attempt.

        Raises:
            Refusal: UNKNOWN_MODEL for one that the caller's API key may not use; IDEMPOTENCY_MISMATCH;
                ENGINE_UNAVAILABLE, VAULT_UNAVAILABLE, STORE_UNAVAILABLE.
        """
        submission.principal.require_model(submission.model)
        self._require_vault()
        self._require_engine()
        principal = submission.principal
        digest = submission.digest or request_hash(submission.body)
        begun = submission.begun
        public_id = begun.run_id if begun is not None else await self._named(submission)
        async with keys_or_refusal(), engine():
            started = await self._start(submission, public_id, digest)
            if submission.idempotency_key is not None:
                await self._require_same_request(public_id, digest)
            if started is None:  # it has ended
                further = begun is None or not begun.run.fresh_failure
                public_id = await self._attempts.latest(principal.tenant, public_id, further=further)
                started = await self._start(submission, public_id, digest)
        return started or Started(principal.tenant, public_id)

    async def _named(self, submission: Submission) -> str:
        """Return the run's ID by the caller's key, or a random one."""
        principal, own = submission.principal, submission.idempotency_key
        key = await self._identities.tenant_key(principal.tenant)
        return run_id(key, principal.tenant, principal.caller, own or f"random:{self._random_tag()}")

    async def _start(self, submission: Submission, public_id: str, digest: str) -> Started | None:
        """Start the run, or find it running. None if it has ended: the same key, the same answer."""
        principal = submission.principal
        context = await start_context.sign(
            self._context(submission, public_id, digest), self._keyring, countersigner=SYSTEM_TENANT
        )
        try:
            handle = await self._client.start_workflow(
                WORKFLOW,
                SignedRequest(dict(submission.body), context),
                id=public_id,
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                execution_timeout=RUN_TOTAL,
                memo={"request_hash": digest, "caller": principal.caller},
                static_summary=run_summary.static_summary(submission.model, principal.tenant),
                static_details=run_summary.static_details(submission.model, principal.tenant),
                search_attributes=search_attributes.running(
                    tenant=principal.tenant,
                    caller=principal.caller,
                    policy=submission.policy_hash,
                    model=submission.model,
                ),
                request_eager_start=True,
                rpc_timeout=_RPC_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return None
        return Started(principal.tenant, public_id, getattr(handle, "__temporal_eagerly_started", False))

    def _context(self, submission: Submission, public_id: str, digest: str) -> start_context.StartContext:
        principal = submission.principal
        return start_context.StartContext(
            tenant=principal.tenant,
            subject=principal.subject,
            client_id=principal.client_id,
            roles=tuple(sorted(role.value for role in principal.roles)),
            workflow_id=public_id,
            request_hash=digest,
            policy=submission.policy_hash,
            expires_at=int(self._clock.now().timestamp()) + _CONTEXT_SECONDS,
            issuer=principal.issuer,
            method=principal.method.value,
            api_key=None if principal.key is None else principal.key.id,
            models=None if principal.models is None else tuple(sorted(principal.models)),
        )

    async def _require_same_request(self, public_id: str, digest: str) -> None:
        description = await self._handle(public_id).describe(rpc_timeout=_RPC_TIMEOUT)
        if (await description.memo()).get("request_hash") != digest:
            raise Refusal(Kind.IDEMPOTENCY_MISMATCH, "this key was used with another body", field="Idempotency-Key")

    async def wait(self, started: Started, seconds: float) -> RunView:
        """Return the run's outcome, or its state after ``seconds``.

        A worker of this process that has begun the run most likely has the outcome first: it gets a head start before
        Temporal is queried, which costs more than a stage.
        """
        public_id = started.public_id
        if seconds <= 0:
            return run_views.running(public_id)
        try:
            async with asyncio.timeout(seconds):
                return await self._outcomes.first(started.tenant, public_id, _HEAD_START_SECONDS if started.here else 0)
        except TimeoutError:
            return run_views.running(public_id)

    async def admitted(self, started: Started) -> bool:
        """Return True for a run that passed guards and budget, or has its outcome. Raises STORE_UNAVAILABLE."""
        return await self._attempts.begun(started.tenant, started.public_id)

    async def read(self, public_id: str, principal: Principal) -> RunView:
        """Return the run's state to a permitted principal. Another caller's outcome is recorded as read first.

        Raises:
            Refusal: NOT_FOUND, also for another caller's run; ENGINE_UNAVAILABLE; STORE_UNAVAILABLE, VAULT_UNAVAILABLE
                if the reading can't be recorded.
        """
        found = await self._described(public_id, principal, Action.READ_OWN_RUN)
        if found.ended:
            view = await self._outcome(public_id)
        else:
            view = self._outcomes.recorded(principal.tenant, public_id) or run_views.running(public_id)
        if not view.running and not (found.own and await self._is_callers(view, principal)):
            await self._require(principal, Action.READ_ANY_RUN, public_id)
            await self._reading.record(principal, public_id)
        return view

    async def _is_callers(self, view: RunView, principal: Principal) -> bool:
        """Return True if the principal is the run's caller: by proof, or by the signed start."""
        if view.result is None:
            return True  # nothing of the run is shown
        if view.caller is not None:
            return view.caller == principal.caller
        async with keys_or_refusal():
            return await self._starts.caller(view.id) == principal.caller

    async def _outcome(self, public_id: str) -> RunView:
        try:
            found = await self._proven(public_id)
        except WorkflowFailureError as error:
            return run_views.failed(public_id, error)
        return run_views.ended(public_id, found.result, found.caller)

    async def _result(self, public_id: str) -> InferenceResult:
        return (await self._proven(public_id)).result

    async def _proven(self, public_id: str) -> ProvenResult:
        async with keys_or_refusal(), engine():
            try:
                result = await self._handle(public_id).result()
            except WorkflowFailureError as error:
                return await self._proofs.of_failure(public_id, error)
            return await self._proofs.of_result(public_id, result)

    async def cancel(self, public_id: str, principal: Principal) -> RunView:
        """Request the run's cancellation. A run that has ended is unchanged."""
        if (await self._described(public_id, principal, Action.CANCEL_OWN_RUN)).ended:
            return await self.read(public_id, principal)
        async with engine():
            await self._handle(public_id).cancel(rpc_timeout=_RPC_TIMEOUT)
        return run_views.running(public_id)

    async def _described(self, public_id: str, principal: Principal, action: Action) -> _Described:
        await self._require(principal, action, public_id)
        self._require_engine()
        async with keys_or_refusal(), engine():
            description = await self._handle(public_id).describe(rpc_timeout=_RPC_TIMEOUT)
            memo = await description.memo()
        # only the workflow knows the caller of a team's run, and shows it once verified
        own = principal.caller in (
            memo.get("caller"),
            description.typed_search_attributes.get(search_attributes.CALLER),
        )
        if not own:
            await self._require(principal, Action.READ_ANY_RUN, public_id)
        return _Described(own=own, ended=description.close_time is not None)

    async def _require(self, principal: Principal, action: Action, public_id: str) -> None:
        """Pass if the principal may. A run that they may not see is not found."""
        tenant = tenant_of_run(public_id)
        if tenant is None:
            raise not_found()
        try:
            await self._access.require(principal, action, Resource(tenant, ResourceKind.RUN, public_id))
        except Refusal:
            raise not_found() from None

    def _handle(self, public_id: str) -> Handle:
        return self._client.get_workflow_handle(public_id, result_type=InferenceResult)
