"""The guards on the way in and on the way out."""

from collections.abc import Callable

from temporalio import activity

from activities.policies import Policies
from activities.stages import Sanitised, ScreenInput, ScreenOutputInput, StageInput, problem_of
from domain.output_canary import TOKEN_BYTES, add_canary
from domain.output_screening import screen_output
from domain.refusals import Kind, Refusal
from domain.sanitise import sanitise_request
from domain.screening import screen
from domain.verdicts import Verdict


class ScreeningActivities:
    """Sanitising and screening, by the run's policy."""

    def __init__(self, policies: Policies, randomness: Callable[[int], bytes]) -> None:
        """``randomness`` gives so many bytes that nobody can foresee."""
        self._policies = policies
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
        return screen(stage.request.messages, original.messages, policy.screening)

    @activity.defn
    async def screen_output(self, stage: ScreenOutputInput) -> Verdict:
        """Judge the answer before anyone sees it."""
        policy = await self._policies.get(stage.run.policy)
        return screen_output(stage.reply.content, stage.request.messages, policy.output)
