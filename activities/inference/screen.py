"""Guards of prompts and answers."""

import asyncio
from collections.abc import Callable, Mapping

from temporalio import activity

from activities.contracts.stages import Problem, SanitiseResult, ScreenInput, ScreenOutputInput, StageInput, problem_of
from activities.inference.text_threads import TextThreads
from domain.answers.canary import add_canary
from domain.answers.screen import screen_output
from domain.inference.content import Content
from domain.inference.requests import InferenceRequest
from domain.inference.texts import texts_of, texts_of_answer
from domain.policy.document import Policy
from domain.ports import IdentityKeys
from domain.privacy.answers import add_data
from domain.privacy.masking import Masked, MaskedSpan, mask_request
from domain.privacy.ports import PhoneSearches
from domain.refusals import Kind, Refusal
from domain.screening.detectors import SLOW, Detector
from domain.screening.policy import ScreeningPolicy
from domain.screening.screen import screen
from domain.screening.verdicts import Verdict, without_review
from domain.text.sanitise import Removal, sanitise_request
from services.policies.parsed import Policies

_NO_FAULTS = frozenset({Kind.INVALID_REQUEST, Kind.REVIEW_UNAVAILABLE})
_PLACES_TOLD = 10


class ScreeningActivities:
    """Sanitising, masking and screening, by the run's policy."""

    def __init__(
        self,
        policies: Policies,
        detectors: Mapping[str, Detector],
        phones: PhoneSearches,
        identities: IdentityKeys,
        threads: TextThreads,
        judged: Callable[[str, Verdict], None] = lambda *_: None,
    ) -> None:
        """Take detectors, the keys for canaries, and the threads for long texts.

        ``judged`` is called with each verdict, and ``prompt`` or ``answer``.
        """
        self._policies = policies
        self._detectors = detectors
        self._phones = phones
        self._threads = threads
        self._judged = judged
        self._identities = identities

    @activity.defn
    async def sanitise_prompt(self, stage: StageInput) -> SanitiseResult:
        """Remove hidden text, mask sensitive values, report both; add a canary if enabled."""
        run = stage.run
        of_run = f"{run.workflow_id}\0{run.run_id}"
        policy = await self._policies.get(run.policy)
        try:
            texts = texts_of(stage.request)
            removals, masked = await self._threads.run(
                texts, _masked, stage.request, policy, run.tenant, self._phones, of_run
            )
        except Refusal as refusal:
            if refusal.kind not in _NO_FAULTS:
                raise
            return SanitiseResult(problem=problem_of(refusal))
        request = masked.request
        if policy.output.canary_action:
            request = add_canary(request, await self._identities.tenant_key(run.tenant), of_run)
        return SanitiseResult(
            request=request if request != stage.request else None,
            removed=tuple(removal.category for removal in removals),
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
        request = stage.request
        models = (request.model, *policy.fallbacks(stage.run.tenant, request.model))
        screening = policy.screening.for_request(stage.run.tenant, models)
        given = request, stage.original, policy, screening, self._detectors
        if SLOW.isdisjoint(screening.detectors):
            verdict = await self._threads.run(texts_of(stage.original or request), _screened, *given)
        else:
            verdict = await asyncio.to_thread(_screened, *given)
        self._judged("prompt", verdict)
        return verdict

    @activity.defn
    async def screen_output(self, stage: ScreenOutputInput) -> Verdict:
        """Judge the answer before it is returned."""
        policy = await self._policies.get(stage.run.policy)
        answer, request = stage.reply.content, stage.request
        texts = (*texts_of_answer(answer), *texts_of(request))  # the answer is compared with the request
        verdict = await self._threads.run(texts, _judged_answer, answer, request, policy, self._phones)
        self._judged("answer", verdict)
        return verdict


def _masked(
    request: InferenceRequest, policy: Policy, tenant: str, phones: PhoneSearches, seed: str
) -> tuple[tuple[Removal, ...], Masked]:
    request, removals = sanitise_request(request, policy.sanitising)
    if policy.privacy is None:
        return removals, Masked(request)
    return removals, mask_request(request, policy.privacy, tenant, phones.begin(), seed)


def _screened(
    request: InferenceRequest,
    original: InferenceRequest | None,
    policy: Policy,
    screening: ScreeningPolicy,
    detectors: Mapping[str, Detector],
) -> Verdict:
    if original is not None:
        request, _ = sanitise_request(original, policy.sanitising)
    return screen(request, original or request, screening, detectors)


def _judged_answer(answer: Content, request: InferenceRequest, policy: Policy, phones: PhoneSearches) -> Verdict:
    verdict = screen_output(answer, request, policy.output)
    if policy.privacy is not None:
        verdict = add_data(verdict, answer, request, policy.privacy, phones.begin())
    return without_review(verdict, policy.screening.without_reviewers)


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
