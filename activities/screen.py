"""The guards on the way in and on the way out."""

import asyncio
from collections.abc import Callable, Mapping

from temporalio import activity

from activities.policies import Policies
from activities.stages import Sanitised, ScreenInput, ScreenOutputInput, StageInput, problem_of
from domain.output_canary import TOKEN_BYTES, add_canary
from domain.output_screening import screen_output
from domain.refusals import Kind, Refusal
from domain.sanitise import sanitise_request
from domain.screening import screen
from domain.screening_detectors import SLOW, Detector
from domain.verdicts import Verdict


class ScreeningActivities:
    """Sanitising and screening, by the run's policy."""

    def __init__(
        self,
        policies: Policies,
        detectors: Mapping[str, Detector],
        randomness: Callable[[int], bytes],
        judged: Callable[[str, Verdict], None] = lambda *_: None,
    ) -> None:
        """Take what judges, and what gives so many bytes that nobody can foresee.

        ``judged`` hears of each verdict, and of what: ``prompt`` or ``answer``.
        """
        self._policies = policies
        self._detectors = detectors
        self._judged = judged
        self._randomness = randomness

    @activity.defn
    async def sanitise_prompt(self, stage: StageInput) -> Sanitised:
        """Remove what hides; name what was removed. Where the policy wants it, mark the system message."""
        policy = await self._policies.get(stage.run.policy)
        try:
            request, removed = sanitise_request(stage.request, policy.sanitising)
        except Refusal as refusal:
            if refusal.kind is not Kind.INVALID_REQUEST:
                raise
            return Sanitised(problem=problem_of(refusal))
        if policy.output.canary_action:
            request = add_canary(request, self._randomness(TOKEN_BYTES))
        changed = request if request != stage.request else None
        return Sanitised(changed, tuple(removal.category for removal in removed))

    @activity.defn
    async def screen_prompt(self, stage: ScreenInput) -> Verdict:
        """Judge the request. A detector that can't run raises: no verdict is no pass."""
        policy = await self._policies.get(stage.run.policy)
        original = stage.original or stage.request
        request = stage.request
        models = (request.model, *policy.fallbacks(stage.run.tenant, request.model))
        screening = policy.screening.for_request(stage.run.tenant, models)
        given = request.messages, original.messages, screening, self._detectors
        slow = not SLOW.isdisjoint(screening.detectors)
        verdict = await asyncio.to_thread(screen, *given) if slow else screen(*given)
        self._judged("prompt", verdict)
        return verdict

    @activity.defn
    async def screen_output(self, stage: ScreenOutputInput) -> Verdict:
        """Judge the answer before anyone sees it."""
        policy = await self._policies.get(stage.run.policy)
        verdict = screen_output(stage.reply.content, stage.request.messages, policy.output)
        self._judged("answer", verdict)
        return verdict
