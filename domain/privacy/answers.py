"""Secrets and personal data in answers, with the detectors for prompts."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from domain.inference.requests import Message
from domain.privacy.finding import find
from domain.privacy.policy import DataKind, Found, PrivacyPolicy
from domain.privacy.ports import PhoneNumbers, TooMuchToScan
from domain.refusals import Kind, Refusal
from domain.screening.screen import severest
from domain.screening.verdicts import Decision, DetectorReport, DetectorState, Finding, RiskBand, Verdict

DETECTOR = "sensitive_data"
NOT_SCANNED = "not_scanned"

_SCORES: Mapping[Decision, float] = MappingProxyType({Decision.REVIEW: 0.6, Decision.BLOCK: 1.0})
_RISKS: Mapping[Decision, RiskBand] = MappingProxyType(
    {Decision.REVIEW: RiskBand.RAISED, Decision.BLOCK: RiskBand.HIGH}
)
_ORDER = (RiskBand.LOW, RiskBand.RAISED, RiskBand.HIGH)


def add_data(
    verdict: Verdict, answer: str, messages: Iterable[Message], policy: PrivacyPolicy, phones: PhoneNumbers
) -> Verdict:
    """Raise the verdict for personal data in the answer that the prompt did not contain.

    Raises:
        Refusal: SCREENING_UNAVAILABLE if a detector can't run.
    """
    wanted = frozenset(kind for kind in DataKind if policy.answers[kind] is not Decision.ALLOW)
    if not wanted:
        return verdict
    text = answer[: policy.max_scanned_chars]
    whole = len(text) == len(answer)
    found: list[Found] = []
    try:
        found = find(text, wanted, policy, phones)
    except TooMuchToScan:
        whole = False
    except Exception as error:  # noqa: BLE001 - whatever was raised, the answer is not searched; its text may quote it
        detail = f"the answer could not be searched for personal data ({type(error).__name__})"
        raise Refusal(Kind.SCREENING_UNAVAILABLE, detail) from None
    asked = tuple(message.content for message in messages)
    judged = [
        (policy.answers[value.kind], value.kind.value, value.start, value.end)
        for value in found
        if not any(text[value.start : value.end] in content for content in asked)
    ]
    if not whole:
        judged.append((Decision.REVIEW, NOT_SCANNED, 0, len(answer)))
    findings = tuple(Finding(DETECTOR, rule, _SCORES[action], 0, start, end) for action, rule, start, end in judged)
    state = DetectorState.SCORED if whole else DetectorState.NOT_SCANNED
    return replace(
        verdict,
        decision=severest([verdict.decision, *(action for action, *_ in judged)]),
        score=max([verdict.score, *(finding.score for finding in findings)]),
        risk=max([verdict.risk, *(_RISKS[action] for action, *_ in judged)], key=_ORDER.index),
        findings=(*verdict.findings, *findings),
        detectors=(*verdict.detectors, DetectorReport(DETECTOR, state)),
    )
