"""Screening of prompts: detectors in, one verdict out. Text that can't be judged never passes.

Each message is judged separately, by the thresholds for its kind and length, and the severest decision counts. Scores
of different rules are combined by noisy-or (Pearl 1988), 1 - (1-a)(1-b)...: two findings weigh more than one.
"""

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from domain.inference.requests import Message
from domain.refusals import Kind, Refusal
from domain.screening.detectors import ONNX, Detector, Inspection, ScreenedMessage, pair
from domain.screening.ngrams_detector import Ngrams
from domain.screening.normaliser import Normaliser
from domain.screening.policy import RiskBands, ScreeningPolicy, Thresholds, Treatment
from domain.screening.rules import Rules
from domain.screening.verdicts import Decision, DetectorReport, DetectorState, Finding, Mode, RiskBand, Verdict

DETECTORS: Mapping[str, Detector] = MappingProxyType({Rules.name: Rules(), Normaliser.name: Normaliser()})
"""Detectors that need only the policy. The others are constructed when a process starts."""
DETECTOR_NAMES = (*DETECTORS, Ngrams.name, ONNX)
"""Every detector that a policy can name."""

_SEVERITY = (Decision.ALLOW, Decision.REVIEW, Decision.BLOCK)


def screen(
    messages: tuple[Message, ...],
    original_messages: tuple[Message, ...],
    policy: ScreeningPolicy,
    detectors: Mapping[str, Detector] = DETECTORS,
) -> Verdict:
    """Judge sanitised messages by their normalised originals.

    Findings refer to the original messages.

    Raises:
        Refusal: SCREENING_UNAVAILABLE if any detector that the policy names can't run, or none is named.
    """
    if not policy.detectors or not policy.treatments:
        raise Refusal(Kind.SCREENING_UNAVAILABLE, "no detector is enabled, or no detector can lead to a decision")
    conversation = _conversation(messages, original_messages, policy)
    inspections = {name: _inspect(name, detectors, conversation, policy) for name in policy.detectors}
    findings = tuple(finding for inspection in inspections.values() for finding in inspection.findings)
    scores = tuple(
        combine(finding for finding in findings if finding.message == index) for index in range(len(messages))
    )
    least = severest([Decision.ALLOW, *(inspection.at_least for inspection in inspections.values())])
    if not any(inspection.state is DetectorState.SCORED for inspection in inspections.values()):
        least = severest([least, Decision.REVIEW])
    judged = [(treatment, _judge(treatment, messages, scores, least)) for treatment in policy.treatments]
    acted = severest([Decision.ALLOW, *(found for treatment, found in judged if treatment.mode is Mode.ENFORCE)])
    monitored = all(treatment.mode is Mode.MONITOR for treatment, _ in judged)
    score = max(scores, default=0.0)
    return Verdict(
        decision=acted,
        score=score,
        risk=_band(score, policy.bands),
        findings=findings,
        detectors=tuple(DetectorReport(name, inspection.state) for name, inspection in inspections.items()),
        mode=Mode.MONITOR if monitored else Mode.ENFORCE,
        withheld=severest([found for _, found in judged]) if monitored else None,
    )


def _judge(treatment: Treatment, messages: tuple[Message, ...], scores: tuple[float, ...], least: Decision) -> Decision:
    """Return the decision of one treatment for the messages' scores."""
    thresholds = (treatment.thresholds_of(message.text_kind, len(message.content)) for message in messages)
    return severest([least, *(decide(score, found) for score, found in zip(scores, thresholds, strict=True))])


def combine(findings: Iterable[Finding]) -> float:
    """Return the combined score of a message's findings, by rule, rounded for a uniform text form."""
    by_rule: dict[tuple[str, str], float] = {}
    for finding in findings:
        key = (finding.detector, finding.rule)
        by_rule[key] = max(finding.score, by_rule.get(key, 0.0))
    return round(1.0 - math.prod(1.0 - score for score in by_rule.values()), 6)


def decide(score: float, thresholds: Thresholds) -> Decision:
    """Return the decision for a score."""
    if score >= thresholds.block:
        return Decision.BLOCK
    return Decision.REVIEW if score >= thresholds.review else Decision.ALLOW


def severest(decisions: Iterable[Decision]) -> Decision:
    """Return the severest of some decisions.

    Raises:
        ValueError: there are none.
    """
    return max(decisions, key=_SEVERITY.index)


def _band(score: float, bands: RiskBands) -> RiskBand:
    if score >= bands.high:
        return RiskBand.HIGH
    return RiskBand.RAISED if score >= bands.raised else RiskBand.LOW


def _conversation(
    messages: tuple[Message, ...], originals: tuple[Message, ...], policy: ScreeningPolicy
) -> tuple[ScreenedMessage, ...]:
    """Normalise the messages as sent, once for all detectors."""
    try:
        return pair(messages, originals, policy)
    except Exception as error:  # noqa: BLE001 - whatever was raised, nothing was judged
        detail = f"the messages could not be normalised ({type(error).__name__})"
        raise Refusal(Kind.SCREENING_UNAVAILABLE, detail) from None


def _inspect(
    name: str,
    detectors: Mapping[str, Detector],
    conversation: tuple[ScreenedMessage, ...],
    policy: ScreeningPolicy,
) -> Inspection:
    """Run one detector. The cause of a failure is dropped: its text may quote the prompt."""
    try:
        inspection = detectors[name].inspect(conversation, policy)
    except Exception as error:  # noqa: BLE001 - whatever a detector raises, it has not judged
        detail = f"the detector '{name}' could not run ({type(error).__name__})"
        raise Refusal(Kind.SCREENING_UNAVAILABLE, detail) from None
    if not all(0.0 <= found.score <= 1.0 and 0 <= found.message < len(conversation) for found in inspection.findings):
        raise Refusal(Kind.SCREENING_UNAVAILABLE, f"the detector '{name}' returned an invalid finding")
    return inspection
