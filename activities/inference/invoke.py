"""The one long stage: the model."""

import asyncio

from temporalio import activity

from activities.contracts.stages import InvokeInput, ModelReply
from activities.failures import handed_over
from activities.heartbeats import heartbeats
from domain.inference.models import ModelCall, ProviderFailure
from domain.inference.ports import ModelProvider
from domain.refusals import Kind
from services.policies.parsed import Policies


class ModelActivities:
    """Calls a model once per attempt; Temporal controls the retries."""

    def __init__(self, provider: ModelProvider, policies: Policies) -> None:
        self._provider = provider
        self._policies = policies

    @activity.defn
    async def invoke_model(self, call: InvokeInput) -> ModelReply:
        """Call the model with heartbeats, which detect a dead worker or a cancellation within seconds.

        A stopping worker hands over its calls: such an attempt does not count. A call that has timed out is not
        repeated: the provider may charge for it.
        """
        policy = await self._policies.get(call.run.policy)
        model = policy.model(call.run.tenant, call.model)
        wanted = ModelCall(model, call.request, call.call_id)
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
