"""The one long stage: the model."""

import asyncio
from typing import Final

from temporalio import activity

from activities.contracts.stages import InvokeInput, ModelReply
from activities.failures import handed_over
from activities.heartbeats import heartbeats
from activities.inference import evidence
from domain.budgets.ports import Ledger
from domain.inference.models import ModelCall, ProviderFailure
from domain.inference.ports import ModelProvider
from domain.refusals import Kind, Refusal
from services.policies.parsed import Policies

CALLS_A_MODEL: Final = 8
"""Most calls of a run for each of its model and the fallbacks: four attempts, and some that are lost or handed over."""


class ModelActivities:
    """Calls a model once per attempt; Temporal controls the retries."""

    def __init__(self, provider: ModelProvider, policies: Policies, ledger: Ledger) -> None:
        self._provider = provider
        self._policies = policies
        self._ledger = ledger

    @activity.defn
    async def invoke_model(self, call: InvokeInput) -> ModelReply:
        """Call the model with heartbeats, which detect a dead worker or a cancellation within seconds.

        A stopping worker hands over its calls: such an attempt does not count. A call that has timed out is not
        repeated: the provider may charge for it. A call needs the run's own reservation, still held, and counts.
        """
        policy = await self._policies.get(call.run.policy)
        model = policy.model(call.run.tenant, call.model)
        wanted = ModelCall(model, call.request, call.call_id)
        await self._count(call, len(policy.fallbacks(call.run.tenant, call.request.model)))
        try:
            async with asyncio.timeout(model.timeouts.total), heartbeats():
                answer = await self._provider.complete(wanted)
        except TimeoutError:
            raise ProviderFailure(Kind.PROVIDER_TIMEOUT, retryable=False) from None
        except asyncio.CancelledError:
            if (why := activity.cancellation_details()) is not None and why.worker_shutdown:
                raise handed_over(activity.info().attempt - 1) from None
            raise
        return ModelReply(answer.content, model.alias, answer.finish_reason, answer.usage)

    async def _count(self, call: InvokeInput, fallbacks: int) -> None:
        reservation = evidence.event_of(call.run, evidence.RESERVATION)
        most = CALLS_A_MODEL * (1 + fallbacks)
        if await self._ledger.begin_call(reservation, call.run.tenant, most) is None:
            raise Refusal(Kind.NOT_ADMITTED, "no reservation of the run is held, or its calls are used up")
