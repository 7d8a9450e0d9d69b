"""Guards of prompts and answers."""

import asyncio
from collections.abc import Callable, Mapping

from temporalio import activity

from activities.contracts.stages import Problem, SanitiseResult, ScreenInput, ScreenOutputInput, StageInput, problem_of
from activities.inference.guards import clean_request, screen_answer, screen_request
from activities.inference.text_threads import TextThreads
from domain.answers.canary import add_canary
from domain.inference.texts import texts_of, texts_of_answer
from domain.ports import IdentityKeys
from domain.privacy.conversations import conversation_key
from domain.privacy.masking import MaskedSpan
from domain.privacy.ports import PhoneSearches
from domain.refusals import Kind, Refusal
from domain.screening.detectors import SLOW, Detector
from domain.screening.verdicts import Verdict
from services.policies.parsed import Policies
from services.text_caches import TextCaches

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
        caches: TextCaches | None = None,
    ) -> None:
        """Take detectors, the keys for canaries and placeholders, and the threads for long texts.

        ``judged`` is called with each verdict, and ``prompt`` or ``answer``. Without ``caches`` no result is kept.
        """
        self._policies = policies
        self._detectors = detectors
        self._phones = phones
        self._threads = threads
        self._caches = caches or TextCaches(0, b"")
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
            cache = self._caches.of(run.tenant, run.caller, run.policy)
            key = conversation_key(await self._identities.tenant_key(run.tenant), run.caller, stage.request)
            removals, masked = await self._threads.run(
                texts, clean_request, stage.request, policy, run.tenant, self._phones, key, cache
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
        cache = self._caches.of(stage.run.tenant, stage.run.caller, stage.run.policy)
        given = request, stage.original, policy, screening, self._detectors, cache
        if SLOW.isdisjoint(screening.detectors):
            verdict = await self._threads.run(texts_of(stage.original or request), screen_request, *given)
        else:
            verdict = await asyncio.to_thread(screen_request, *given)
        self._judged("prompt", verdict)
        return verdict

    @activity.defn
    async def screen_output(self, stage: ScreenOutputInput) -> Verdict:
        """Judge the answer before it is returned."""
        policy = await self._policies.get(stage.run.policy)
        answer, request = stage.reply.content, stage.request
        texts = (*texts_of_answer(answer), *texts_of(request))  # the answer is compared with the request
        cache = self._caches.of(stage.run.tenant, stage.run.caller, stage.run.policy)
        verdict = await self._threads.run(texts, screen_answer, answer, request, policy, self._phones, cache)
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
