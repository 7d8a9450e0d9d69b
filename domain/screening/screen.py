"""Screening of prompts: detectors in, one verdict out. Text that can't be judged never passes.

Each text is judged separately, by the thresholds for its kind and length, and the severest decision counts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from domain.inference.carriers.kinds import unread_carrier
from domain.inference.carriers.reports import Judged, NotScanned, labels_of, reason_of
from domain.inference.content import OpaqueItem, UnreadItem
from domain.inference.requests import InferenceRequest
from domain.inference.texts import TextAddress, of_user, unread_of
from domain.ports import NO_TEXT_CACHE, TextCache
from domain.refusals import Kind, Refusal
from domain.screening.arrangement.detector import Arrangement
from domain.screening.detectors import ONNX, Detector, Inspection, ScreenedText, pair
from domain.screening.ngrams_detector import Ngrams
from domain.screening.normaliser import Normaliser
from domain.screening.policy import RiskBands, ScreeningPolicy, Treatment
from domain.screening.rules import Rules
from domain.screening.scores import TextScore, decide, score_of
from domain.screening.unasked import Unasked
from domain.screening.verdicts import (
    NOT_SCANNED,
    Decision,
    DetectorReport,
    DetectorState,
    Finding,
    Mode,
    RiskBand,
    Verdict,
    found_at,
    without_review,
)

DETECTORS: Mapping[str, Detector] = MappingProxyType(
    {Rules.name: Rules(), Normaliser.name: Normaliser(), Unasked.name: Unasked(), Arrangement.name: Arrangement()}
)
"""Detectors that need only the policy. The others are constructed when a process starts."""
DETECTOR_NAMES = (*DETECTORS, Ngrams.name, ONNX)
"""Every detector that a policy can name."""

UNREADABLE = "content"
"""The detector's name in findings on what no detector can read."""

_STATES = (DetectorState.NOT_SCANNED, DetectorState.SCORED)
_SEVERITY = (Decision.ALLOW, Decision.REVIEW, Decision.BLOCK)


def screen(
    request: InferenceRequest,
    original: InferenceRequest,
    policy: ScreeningPolicy,
    detectors: Mapping[str, Detector] = DETECTORS,
    cache: TextCache = NO_TEXT_CACHE,
) -> Verdict:
    """Judge a sanitised request by its normalised original.

    Texts in the ``cache`` were judged before, by these detectors under this policy. What compares several texts is
    judged each time.

    Findings refer to the original. The policy decides on images, which no detector can read; opaque items are recorded
    only, since every agent returns those of its provider.

    Raises:
        Refusal: SCREENING_UNAVAILABLE if any detector that the policy names can't run, or none is named.
    """
    if not policy.detectors or not policy.treatments:
        raise Refusal(Kind.SCREENING_UNAVAILABLE, "no detector is enabled, or no detector can lead to a decision")
    conversation = _conversation(request, original, policy, cache)
    inspections = {name: _inspect(name, detectors, conversation, policy) for name in policy.detectors}
    unread = tuple(unread_of(original))
    if unread:
        inspections[UNREADABLE] = _not_read(unread, original, policy)
    findings = tuple(finding for inspection in inspections.values() for finding in inspection.findings)
    scores = _scores(conversation, findings)
    least = severest([Decision.ALLOW, *(inspection.at_least for inspection in inspections.values())])
    if not any(inspection.state is DetectorState.SCORED for inspection in inspections.values()):
        least = severest([least, Decision.REVIEW])
    judged = [(treatment, _judge(treatment, conversation, scores, least)) for treatment in policy.treatments]
    acted = severest([Decision.ALLOW, *(found for treatment, found in judged if treatment.mode is Mode.ENFORCE)])
    monitored = all(treatment.mode is Mode.MONITOR for treatment, _ in judged)
    score = max((one.total for one in scores), default=0.0)
    verdict = Verdict(
        decision=acted,
        score=score,
        risk=_band(score, policy.bands),
        findings=findings,
        detectors=tuple(DetectorReport(name, inspection.state) for name, inspection in inspections.items()),
        mode=Mode.MONITOR if monitored else Mode.ENFORCE,
        withheld=severest([found for _, found in judged]) if monitored else None,
        carriers=labels_of(_by_carrier(conversation, scores, policy, inspections, unread)),
    )
    return without_review(verdict, policy.without_reviewers)


def _by_carrier(
    conversation: tuple[ScreenedText, ...],
    scores: tuple[TextScore, ...],
    policy: ScreeningPolicy,
    inspections: Mapping[str, Inspection],
    unread: tuple[tuple[TextAddress, UnreadItem], ...],
) -> Iterator[Judged]:
    """Yield each text and unread item with its carrier and decision, enforced or not."""
    cut: set[TextAddress] = set()
    least: dict[TextAddress, list[Decision]] = {}
    for inspection in (found for name, found in inspections.items() if name != UNREADABLE):
        for finding in inspection.findings:
            least.setdefault(finding.address, []).append(inspection.at_least)
            if finding.rule == NOT_SCANNED:
                cut.add(finding.address)
    for text, score in zip(conversation, scores, strict=True):
        if text.address in cut:
            yield text.received.carrier, None, NotScanned.TOO_LONG
            continue
        found = (decide(score, one.thresholds_of(text.kind, len(text.text))) for one in policy.treatments)
        yield text.received.carrier, severest([Decision.ALLOW, *least.get(text.address, ()), *found]), None
    for _, item in unread:
        yield unread_carrier(item), None, reason_of(item)


def _scores(conversation: tuple[ScreenedText, ...], findings: tuple[Finding, ...]) -> tuple[TextScore, ...]:
    """Return the score of each text."""
    by_text: dict[TextAddress, list[Finding]] = {text.address: [] for text in conversation}
    for finding in findings:
        by_text.setdefault(finding.address, []).append(finding)
    return tuple(score_of(by_text[text.address]) for text in conversation)


def _not_read(
    unread: tuple[tuple[TextAddress, UnreadItem], ...], request: InferenceRequest, policy: ScreeningPolicy
) -> Inspection:
    images = {True: policy.images, False: policy.tool_images}
    decisions = [
        Decision.ALLOW if isinstance(item, OpaqueItem) else images[of_user(request, at)] for at, item in unread
    ]
    findings = tuple(found_at(at, UNREADABLE, NOT_SCANNED, 0.0, 0, _length(item)) for at, item in unread)
    return Inspection(DetectorState.NOT_SCANNED, findings, severest(decisions))


def _length(item: UnreadItem) -> int:
    return len(item.data) if isinstance(item, OpaqueItem) else 0


def _judge(
    treatment: Treatment, conversation: tuple[ScreenedText, ...], scores: tuple[TextScore, ...], least: Decision
) -> Decision:
    """Return the decision of one treatment for the texts' scores."""
    thresholds = (treatment.thresholds_of(text.kind, len(text.text)) for text in conversation)
    return severest([least, *(decide(score, found) for score, found in zip(scores, thresholds, strict=True))])


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
    request: InferenceRequest, original: InferenceRequest, policy: ScreeningPolicy, cache: TextCache
) -> tuple[ScreenedText, ...]:
    """Pair the texts with those as sent, for all detectors."""
    try:
        return pair(request, original, policy, cache)
    except Exception as error:  # noqa: BLE001 - whatever was raised, nothing was judged
        detail = f"the messages could not be normalised ({type(error).__name__})"
        raise Refusal(Kind.SCREENING_UNAVAILABLE, detail) from None


def _inspect(
    name: str,
    detectors: Mapping[str, Detector],
    conversation: tuple[ScreenedText, ...],
    policy: ScreeningPolicy,
) -> Inspection:
    """Run one detector. The cause of a failure is dropped: its text may quote the prompt."""
    try:
        detector = detectors[name]
        if getattr(detector, "apart", False):
            inspection = _each(detector, name, conversation, policy)
        else:
            inspection = detector.inspect(conversation, policy)
    except Exception as error:  # noqa: BLE001 - whatever a detector raises, it has not judged
        detail = f"the detector '{name}' could not run ({type(error).__name__})"
        raise Refusal(Kind.SCREENING_UNAVAILABLE, detail) from None
    known = {text.address for text in conversation}
    if not all(0.0 <= found.score <= 1.0 and found.address in known for found in inspection.findings):
        raise Refusal(Kind.SCREENING_UNAVAILABLE, f"the detector '{name}' returned an invalid finding")
    return inspection


def _each(detector: Detector, name: str, conversation: tuple[ScreenedText, ...], policy: ScreeningPolicy) -> Inspection:
    """Run a detector on each text that it has not judged before."""
    made = [
        _at(text, text.recalled(f"detector {name}", partial(_alone, detector, text, policy))) for text in conversation
    ]
    states = {inspection.state for inspection in made}
    state = next((state for state in _STATES if state in states), DetectorState.NOT_APPLICABLE)
    findings = tuple(finding for inspection in made for finding in inspection.findings)
    return Inspection(state, findings, severest([Decision.ALLOW, *(inspection.at_least for inspection in made)]))


def _alone(detector: Detector, text: ScreenedText, policy: ScreeningPolicy) -> Inspection:
    inspection = detector.inspect((text,), policy)
    if any(finding.address != text.address for finding in inspection.findings):
        raise ValueError("a finding is in another text")
    return inspection


def _at(text: ScreenedText, inspection: Inspection) -> Inspection:
    """Return an inspection of a text's content with its address in this request."""
    at = text.address
    found = inspection.findings
    if all(finding.address == at for finding in found):
        return inspection
    placed = (replace(finding, message=at.message, part=at.part, field=at.field) for finding in found)
    return replace(inspection, findings=tuple(placed))
