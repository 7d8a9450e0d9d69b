"""The guards of a request and its answer: pure functions, which run in a thread or in the loop."""

from collections.abc import Mapping

from domain.answers.screen import screen_output, with_carriers
from domain.inference.content import Content
from domain.inference.requests import InferenceRequest
from domain.policy.document import Policy
from domain.ports import NO_TEXT_CACHE, TextCache
from domain.privacy.answers import add_data
from domain.privacy.masking import Masked, mask_request
from domain.privacy.phones import PhonesOfRequest
from domain.privacy.ports import PhoneSearches
from domain.screening.detectors import Detector
from domain.screening.policy import ScreeningPolicy
from domain.screening.screen import screen
from domain.screening.verdicts import Verdict, without_review
from domain.text.sanitise import Removal, sanitise_request


def clean_request(
    request: InferenceRequest,
    policy: Policy,
    tenant: str,
    phones: PhoneSearches,
    key: bytes,
    cache: TextCache,
) -> tuple[tuple[Removal, ...], Masked]:
    """Remove hidden text and mask sensitive values. ``key`` makes the placeholders."""
    request, removals = sanitise_request(request, policy.sanitising, cache)
    if policy.privacy is None:
        return removals, Masked(request)
    return removals, mask_request(request, policy.privacy, tenant, PhonesOfRequest(phones), key, cache)


def screen_request(
    request: InferenceRequest,
    original: InferenceRequest | None,
    policy: Policy,
    screening: ScreeningPolicy,
    detectors: Mapping[str, Detector],
    cache: TextCache,
) -> Verdict:
    """Judge a request by its original, None if they are the same, before masking."""
    if original is not None:
        request, _ = sanitise_request(original, policy.sanitising, cache)
    return screen(request, original or request, screening, detectors, cache)


def screen_answer(
    answer: Content, request: InferenceRequest, policy: Policy, phones: PhoneSearches, cache: TextCache = NO_TEXT_CACHE
) -> Verdict:
    """Judge an answer to a request, with the data that the request did not contain."""
    verdict = screen_output(answer, request, policy.output, cache)
    if policy.privacy is not None:
        verdict = add_data(verdict, answer, request, policy.privacy, phones.begin(), cache)
    return without_review(with_carriers(verdict, answer), policy.screening.without_reviewers)
