"""Secrets and personal data in answers, with the detectors for prompts."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from domain.inference.content import Content
from domain.inference.requests import InferenceRequest
from domain.inference.texts import TextAddress, texts_of, texts_of_answer
from domain.ports import NO_TEXT_CACHE, TextCache
from domain.privacy.finding import find
from domain.privacy.policy import DataKind, Found, PrivacyPolicy
from domain.privacy.ports import PhoneNumbers, TooMuchToScan
from domain.refusals import Kind, Refusal
from domain.screening.screen import severest
from domain.screening.verdicts import (
    NOT_SCANNED,
    Decision,
    DetectorReport,
    DetectorState,
    Finding,
    RiskBand,
    Verdict,
    found_at,
)
from domain.text.compatibility import compatibility_view, searched_text
from domain.text.example_jwt import is_example_jwt
from domain.text.example_secrets import is_example_key, is_example_password, is_example_token
from domain.text.json_text import readable, span_in

DETECTOR = "sensitive_data"

_SCORES: Mapping[Decision, float] = MappingProxyType({Decision.REVIEW: 0.6, Decision.BLOCK: 1.0})
_RISKS: Mapping[Decision, RiskBand] = MappingProxyType(
    {Decision.REVIEW: RiskBand.RAISED, Decision.BLOCK: RiskBand.HIGH}
)
_ORDER = (RiskBand.LOW, RiskBand.RAISED, RiskBand.HIGH)


def add_data(
    verdict: Verdict,
    answer: Content,
    request: InferenceRequest,
    policy: PrivacyPolicy,
    phones: PhoneNumbers,
    cache: TextCache = NO_TEXT_CACHE,
) -> Verdict:
    """Raise the verdict for personal data in the answer that the request did not contain.

    Raises:
        Refusal: SCREENING_UNAVAILABLE if a detector can't run.
    """
    wanted = frozenset(kind for kind in DataKind if policy.answers[kind] is not Decision.ALLOW)
    if not wanted:
        return verdict
    asked = tuple(searched_text(text, cache) for text in texts_of(request))
    judged: list[tuple[Decision, Finding]] = []
    left = policy.max_scanned_chars
    for text in texts_of_answer(answer):
        view = compatibility_view(readable(text))
        read = view.text[:left]
        left -= len(read)
        whole = len(read) == len(view.text)
        try:
            found = find(read, wanted, policy, phones)
        except TooMuchToScan:
            found, whole = [], False
        except Exception as error:  # noqa: BLE001 - whatever was raised, the answer is not searched; its text may quote it
            detail = f"the answer could not be searched for personal data ({type(error).__name__})"
            raise Refusal(Kind.SCREENING_UNAVAILABLE, detail) from None
        for value in found:
            if not any(read[value.start : value.end] in known for known in asked) and not _is_example(read, value):
                place = span_in(view, value.start, value.end)
                judged.append(_judged(policy.answers[value.kind], value.kind.value, text.address, place))
        if not whole:
            judged.append(_judged(Decision.REVIEW, NOT_SCANNED, text.address, (0, len(text.text))))
    findings = tuple(finding for _, finding in judged)
    unread = any(finding.rule == NOT_SCANNED for finding in findings)
    state = DetectorState.NOT_SCANNED if unread else DetectorState.SCORED
    return replace(
        verdict,
        decision=severest([verdict.decision, *(action for action, _ in judged)]),
        score=max([verdict.score, *(finding.score for finding in findings)]),
        risk=max([verdict.risk, *(_RISKS[action] for action, _ in judged)], key=_ORDER.index),
        findings=(*verdict.findings, *findings),
        detectors=(*verdict.detectors, DetectorReport(DETECTOR, state)),
    )


def _is_example(text: str, value: Found) -> bool:
    """Return True for an evident example of a secret, which answers about configuration contain."""
    written = text[value.start : value.end]
    match value.kind:
        case DataKind.PRIVATE_KEY:
            return written.startswith("-----") and is_example_key(text, value.start)
        case DataKind.API_KEY:
            return is_example_token(written)
        case DataKind.PASSWORD:
            return is_example_password(written)
        case DataKind.TOKEN:
            return is_example_jwt(text, value.start)
    return False


def _judged(action: Decision, rule: str, at: TextAddress, place: tuple[int, int]) -> tuple[Decision, Finding]:
    return action, found_at(at, DETECTOR, rule, _SCORES[action], *place)
