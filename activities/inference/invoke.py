"""The one long stage: the model."""

import asyncio
from dataclasses import replace

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.contracts.call_failures import CallFailure, call_failure_of
from activities.contracts.stages import InvokeInput, ModelReply
from activities.failures import failure_for, handed_over
from activities.heartbeats import heartbeats
from activities.inference import evidence
from domain.budgets.ports import Ledger
from domain.identity import provider_name
from domain.inference.lost_attempts import CALLS_A_MODEL, LostAttempts
from domain.inference.models import ModelCall, ProviderFailure
from domain.inference.ports import ModelProvider
from domain.inference.requests import InferenceRequest
from domain.ports import IdentityKeys
from domain.refusals import Kind, Refusal
from services.policies.parsed import Policies


class ModelActivities:
    """Calls a model once per attempt; Temporal controls the retries."""

    def __init__(self, provider: ModelProvider, policies: Policies, ledger: Ledger, identities: IdentityKeys) -> None:
        self._provider = provider
        self._identities = identities
        self._policies = policies
        self._ledger = ledger

    @activity.defn
    async def invoke_model(self, call: InvokeInput) -> ModelReply:
        """Call the model with heartbeats, which detect a dead worker or a cancellation within seconds.

        A stopping worker hands over its calls: such an attempt does not count. A call that has timed out is not
        repeated: the provider may charge for it. Heartbeats carry lost attempts to the next one, this one with them, in
        case that its worker dies. A call needs the run's own reservation, still held, and counts.
        """
        earlier = call_failure_of(activity.info().heartbeat_details).lost or call.lost or LostAttempts()
        try:
            return await self._called(call, earlier)
        except ProviderFailure as failure:
            raise _failed(failure, earlier) from None
        except Refusal as refusal:
            details = (CallFailure(lost=earlier),) if earlier.attempts else ()
            raise failure_for(refusal.kind, *details, retry_after=refusal.retry_after) from None

    async def _called(self, call: InvokeInput, earlier: LostAttempts) -> ModelReply:
        policy = await self._policies.get(call.run.policy)
        model = policy.model(call.run.tenant, call.model)
        wanted = ModelCall(model, await self._named(call), call.call_id, dict(call.data))
        await self._count(call, len(policy.fallbacks(call.run.tenant, call.request.model)))
        unanswered = CallFailure(lost=earlier.one_more())
        try:
            async with asyncio.timeout(model.timeouts.total), heartbeats(unanswered):
                answer = await self._provider.complete(wanted)
        except TimeoutError:
            raise ProviderFailure(Kind.PROVIDER_TIMEOUT, retryable=False, lost=True) from None
        except asyncio.CancelledError:
            if (why := activity.cancellation_details()) is not None and why.worker_shutdown:
                raise handed_over(activity.info().attempt - 1, unanswered) from None
            raise
        lost = earlier if earlier.attempts else None
        return ModelReply(answer.content, model.alias, answer.finish_reason, answer.usage, lost)

    async def _named(self, call: InvokeInput) -> InferenceRequest:
        """Return the request with identifiers of the caller as providers may see them."""
        request = call.request
        if request.end_user is None and request.cache_key is None:
            return request
        tenant = call.run.tenant
        key = await self._identities.tenant_key(tenant)
        user, cache = request.end_user, request.cache_key
        return replace(
            request,
            end_user=user and provider_name(key, tenant, "end_user", user),
            cache_key=cache and provider_name(key, tenant, "cache_key", cache),
        )

    async def _count(self, call: InvokeInput, fallbacks: int) -> None:
        reservation = evidence.event_of(call.run, evidence.RESERVATION)
        most = CALLS_A_MODEL * (1 + fallbacks)
        if await self._ledger.begin_call(reservation, call.run.tenant, most) is None:
            raise Refusal(Kind.NOT_ADMITTED, "no reservation of the run is held, or its calls are used up")


def _failed(failure: ProviderFailure, earlier: LostAttempts) -> ApplicationError:
    """Return the failure of an attempt, with all that were lost. After one that was, a lost one is not repeated."""
    lost = earlier.one_more(failure.usage) if failure.lost else earlier
    told = CallFailure(
        lost if lost.attempts else None,
        None if failure.lost else failure.usage,
        failure.another,
        failure.retry_after,
    )
    retryable = failure.retryable and not (failure.lost and earlier.attempts)
    if retryable:  # to the next attempt; delivered with the failure, or before it
        activity.heartbeat(told)
    return failure_for(failure.kind, told, retryable=retryable, retry_after=failure.retry_after)
