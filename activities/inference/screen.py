"""Guards of prompts and answers."""

import asyncio
from collections.abc import Callable, Mapping

from temporalio import activity

from activities.contracts.stages import Problem, SanitiseResult, ScreenInput, ScreenOutputInput, StageInput, problem_of
from domain.answers.canary import add_canary
from domain.answers.screen import screen_output
from domain.ports import IdentityKeys
from domain.privacy.answers import add_data
from domain.privacy.masking import Masked, MaskedSpan, mask_request
from domain.privacy.ports import PhoneNumbers
from domain.refusals import Kind, Refusal
from domain.screening.detectors import SLOW, Detector
from domain.screening.screen import screen
from domain.screening.verdicts import Verdict
from domain.text.sanitise import sanitise_request
from services.policies.parsed import Policies

_NO_FAULTS = frozenset({Kind.INVALID_REQUEST, Kind.REVIEW_UNAVAILABLE})
_PLACES_TOLD = 10


class ScreeningActivities:
    """Sanitising, masking and screening, by the run's policy."""

    def __init__(
        self,
        policies: Policies,
        detectors: Mapping[str, Detector],
        phones: PhoneNumbers,
        identities: IdentityKeys,
        judged: Callable[[str, Verdict], None] = lambda *_: None,
    ) -> None:
        """Take detectors, and the keys for canaries.

        ``judged`` is called with each verdict, and ``prompt`` or ``answer``.
        """
        self._policies = policies
        self._detectors = detectors
        self._phones = phones
        self._judged = judged
        self._identities = identities

    @activity.defn
    async def sanitise_prompt(self, stage: StageInput) -> SanitiseResult:
        """Remove hidden text, mask sensitive values, report both; add a canary if enabled."""
        run = stage.run
        of_run = f"{run.workflow_id}\0{run.run_id}"
        policy = await self._policies.get(run.policy)
        try:
            request, removals = sanitise_request(stage.request, policy.sanitising)
            removed = tuple(removal.category for removal in removals)
            masked = Masked(request)
            if policy.privacy is not None:
                masked = mask_request(request, policy.privacy, run.tenant, self._phones, of_run)
        except Refusal as refusal:
            if refusal.kind not in _NO_FAULTS:
                raise
            return SanitiseResult(problem=problem_of(refusal))
        request = masked.request
        if policy.output.canary_action:
            request = add_canary(request, await self._identities.tenant_key(run.tenant), of_run)
        return SanitiseResult(
            request=request if request != stage.request else None,
            removed=removed,
            problem=_blocked(masked.blocked) if masked.blocked else None,
            values=() if masked.blocked else masked.values,
            masked=dict(masked.masked) if masked.masked else None,
            redacted=dict(masked.redacted) if masked.redacted else None,
        )

    @activity.defn
    async def screen_prompt(self, stage: ScreenInput) -> Verdict:
        """Judge the request before masking, since a masked address may reveal an attack.

        A detector that can't run raises: without a verdict nothing passes.
        """
        policy = await self._policies.get(stage.run.policy)
        request, original = stage.request, stage.original or stage.request
        if stage.original is not None:
            request, _ = sanitise_request(original, policy.sanitising)
        models = (request.model, *policy.fallbacks(stage.run.tenant, request.model))
        screening = policy.screening.for_request(stage.run.tenant, models)
        given = request, original, screening, self._detectors
        slow = not SLOW.isdisjoint(screening.detectors)
        verdict = await asyncio.to_thread(screen, *given) if slow else screen(*given)
        self._judged("prompt", verdict)
        return verdict

    @activity.defn
    async def screen_output(self, stage: ScreenOutputInput) -> Verdict:
        """Judge the answer before it is returned."""
        policy = await self._policies.get(stage.run.policy)
        answer = stage.reply.content
        verdict = screen_output(answer, stage.request, policy.output)
        if policy.privacy:
            verdict = add_data(verdict, answer, stage.request, policy.privacy, self._phones)
        self._judged("answer", verdict)
        return verdict


def _blocked(places: tuple[MaskedSpan, ...]) -> Problem:
    """Return the denial: kinds and positions, never a value. Positions are those in the first text with any."""
    kinds = tuple(dict.fromkeys(place.found.kind.value for place in places))
    first = places[0].address
    told = [
        f"{place.found.kind.value} at {place.found.start}-{place.found.end}"
        for place in places
        if place.address == first
    ]
    more = f" and {len(told) - _PLACES_TOLD} more" if len(told) > _PLACES_TOLD else ""
    return Problem(
        Kind.SENSITIVE_DATA_BLOCKED.value,
        f"contains data that must not be sent to a model: {', '.join(told[:_PLACES_TOLD])}{more} (character offsets)",
        field=first.dotted,
        rules=kinds,
    )
