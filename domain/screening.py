"""Screening of prompts: detectors in, one verdict out. What can't be judged is never let through.

Scores of different rules are combined by noisy-or (Pearl 1988), 1 - (1-a)(1-b)...: two doubts weigh more than one. A
rule that matches in several messages counts once.
"""

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from domain.refusals import Kind, Refusal
from domain.requests import Message
from domain.screening_detectors import Detector, Exchange, Inspection, pair
from domain.screening_ngrams import Ngrams
from domain.screening_normaliser import Normaliser
from domain.screening_policy import ScreeningPolicy, Thresholds
from domain.screening_rules import Rules
from domain.verdicts import Decision, DetectorReport, DetectorState, Finding, RiskBand, Verdict

DETECTORS: Mapping[str, Detector] = MappingProxyType({Rules.name: Rules(), Normaliser.name: Normaliser()})
"""The detectors that need nothing but the policy. The others are made when a process starts."""
DETECTOR_NAMES = (*DETECTORS, Ngrams.name)
"""Every detector that a policy can name."""

_SEVERITY = (Decision.ALLOW, Decision.REVIEW, Decision.BLOCK)


def screen(
    messages: tuple[Message, ...],
    original_messages: tuple[Message, ...],
    policy: ScreeningPolicy,
    detectors: Mapping[str, Detector] = DETECTORS,
) -> Verdict:
    """Judge sanitised messages by what the originals say once they are normalised.

    Findings point into the original messages.

    Raises:
        Refusal: SCREENING_UNAVAILABLE if any detector that the policy names can't run, or none is named.
    """
    if not policy.detectors:
        raise Refusal(Kind.SCREENING_UNAVAILABLE, "no detector is switched on")
    conversation = _conversation(messages, original_messages, policy)
    inspections = {name: _inspect(name, detectors, conversation, policy) for name in policy.detectors}
    findings = tuple(finding for inspection in inspections.values() for finding in inspection.findings)
    score = combine(findings)
    least = [inspection.at_least for inspection in inspections.values()]
    if not any(inspection.state is DetectorState.SCORED for inspection in inspections.values()):
        least.append(Decision.REVIEW)
    return Verdict(
        decision=severest([decide(score, policy.thresholds), *least]),
        score=score,
        risk=_band(score, policy.thresholds),
        findings=findings,
        detectors=tuple(DetectorReport(name, inspection.state) for name, inspection in inspections.items()),
    )


def combine(findings: Iterable[Finding]) -> float:
    """The score of all findings together, by rule, rounded so that it is written the same everywhere."""
    by_rule: dict[tuple[str, str], float] = {}
    for finding in findings:
        key = (finding.detector, finding.rule)
        by_rule[key] = max(finding.score, by_rule.get(key, 0.0))
    return round(1.0 - math.prod(1.0 - score for score in by_rule.values()), 6)


def decide(score: float, thresholds: Thresholds) -> Decision:
    """What a score leads to."""
    if score >= thresholds.block:
        return Decision.BLOCK
    return Decision.REVIEW if score >= thresholds.review else Decision.ALLOW


def severest(decisions: Iterable[Decision]) -> Decision:
    """The severest of some decisions.

    Raises:
        ValueError: there are none.
    """
    return max(decisions, key=_SEVERITY.index)


def _band(score: float, thresholds: Thresholds) -> RiskBand:
    if score >= thresholds.high:
        return RiskBand.HIGH
    return RiskBand.RAISED if score >= thresholds.raised else RiskBand.LOW


def _conversation(
    messages: tuple[Message, ...], originals: tuple[Message, ...], policy: ScreeningPolicy
) -> tuple[Exchange, ...]:
    """Normalise what was sent, once for all detectors."""
    try:
        return pair(messages, originals, policy)
    except Exception as error:  # noqa: BLE001 - whatever was raised, nothing was judged
        detail = f"the messages could not be normalised ({type(error).__name__})"
        raise Refusal(Kind.SCREENING_UNAVAILABLE, detail) from None


def _inspect(
    name: str,
    detectors: Mapping[str, Detector],
    conversation: tuple[Exchange, ...],
    policy: ScreeningPolicy,
) -> Inspection:
    """Run one detector. The cause of a failure is not carried on: its text may quote the prompt."""
    try:
        inspection = detectors[name].inspect(conversation, policy)
    except Exception as error:  # noqa: BLE001 - whatever a detector raises, it has not judged
        detail = f"the detector '{name}' could not run ({type(error).__name__})"
        raise Refusal(Kind.SCREENING_UNAVAILABLE, detail) from None
    if not all(0.0 <= finding.score <= 1.0 for finding in inspection.findings):
        raise Refusal(Kind.SCREENING_UNAVAILABLE, f"the detector '{name}' gave a score that is none")
    return inspection
