"""Screening of answers: secrets, leaked system messages, exfiltrating links, and content that controls a viewer."""

from collections.abc import Iterator
from dataclasses import replace

from domain.answers.canary import canary_of, finds_canary
from domain.answers.conversation import Conversation
from domain.answers.hidden import hidden_spans
from domain.answers.leaks import SystemWords
from domain.answers.links import LinkScreen
from domain.answers.markup import without_code
from domain.answers.policy import OutputPolicy, OutputRule
from domain.inference.carriers.kinds import unread_carrier
from domain.inference.carriers.reports import ANSWER, NotScanned, labels_of, reason_of
from domain.inference.carriers.reports import Judged as CarrierItem
from domain.inference.content import Content, OpaqueItem, UnreadItem
from domain.inference.requests import InferenceRequest
from domain.inference.texts import Text, TextAddress, TextForm, texts_of, texts_of_answer, unread_of_answer
from domain.ports import NO_TEXT_CACHE, TextCache
from domain.refusals import Kind, Refusal
from domain.screening.screen import UNREADABLE, severest
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
from domain.text.json_text import readable, span_in
from domain.text.view import View

__all__ = ["OutputPolicy", "OutputRule", "screen_output"]

RULES = "output_rules"
LEAKS = "system_prompt_leak"
CANARY = "system_prompt_canary"
LINKS = "output_links"
HIDDEN = "output_hidden"

_SCORES = {Decision.ALLOW: 0.0, Decision.REVIEW: 0.6, Decision.BLOCK: 1.0}
_RISKS = {Decision.ALLOW: RiskBand.LOW, Decision.REVIEW: RiskBand.RAISED, Decision.BLOCK: RiskBand.HIGH}

Judged = tuple[Decision, Finding]


def screen_output(
    answer: Content, request: InferenceRequest, policy: OutputPolicy, cache: TextCache = NO_TEXT_CACHE
) -> Verdict:
    """Judge an answer to a request. Findings are positions in the answer; their ``message`` is always 0.

    The score encodes the decision (0.6 review, 1 block), since these rules are not combined as probabilities.

    Raises:
        Refusal: SCREENING_UNAVAILABLE if any part of it can't run.
    """
    try:
        return _screen(answer, request, policy, cache)
    except Exception as error:  # noqa: BLE001 - whatever was raised, the answer is not judged
        detail = f"the answer could not be screened ({type(error).__name__})"
        raise Refusal(Kind.SCREENING_UNAVAILABLE, detail) from None


def _screen(answer: Content, request: InferenceRequest, policy: OutputPolicy, cache: TextCache) -> Verdict:
    if not policy.rules:
        raise ValueError("no rule is enabled")
    asked = _Asked(texts_of(request), policy, cache)
    judged: list[Judged] = []
    left = policy.max_scanned_chars
    whole = True
    for text in texts_of_answer(answer):
        view = readable(text)
        read = view.text[:left]
        left -= len(read)
        found = list(_judge(read, asked, policy, shown=text.form is TextForm.PLAIN))
        whole &= all(finding.rule != NOT_SCANNED for _, finding in found)
        if len(read) < len(view.text):
            whole = False
            found.append(_found(Decision.REVIEW, RULES, NOT_SCANNED, len(read), len(view.text)))
        judged += [(action, _placed(finding, text.address, view)) for action, finding in found]
    unread = tuple(unread_of_answer(answer))
    judged += [_not_read(at, item) for at, item in unread]
    decision = severest([Decision.ALLOW, *(action for action, _ in judged)])
    ran = DetectorState.SCORED if whole else DetectorState.NOT_SCANNED
    switched = {
        RULES: True,
        LEAKS: True,
        CANARY: asked.canary and policy.canary_action,
        LINKS: policy.links,
        HIDDEN: policy.hidden_action,
    }
    reports = [DetectorReport(name, ran if on else DetectorState.NOT_APPLICABLE) for name, on in switched.items()]
    if unread:
        reports.append(DetectorReport(UNREADABLE, DetectorState.NOT_SCANNED))
    return Verdict(
        decision=decision,
        score=_SCORES[decision],
        risk=_RISKS[decision],
        findings=tuple(finding for _, finding in judged),
        detectors=tuple(reports),
    )


class _Asked:
    """The request, as far as its answer is judged by it."""

    def __init__(self, texts: tuple[Text, ...], policy: OutputPolicy, cache: TextCache) -> None:
        self.canary = canary_of(texts)
        self.system_words = SystemWords(texts, policy.leak_words, cache)
        self.links = LinkScreen(Conversation(texts, cache), policy.links) if policy.links else None


def _judge(text: str, asked: _Asked, policy: OutputPolicy, *, shown: bool) -> Iterator[Judged]:
    """Judge one text. ``shown``: a viewer shows it, and its addresses can be changed."""
    markup = without_code(text)
    yield from _rules(text, markup, policy)
    yield from _leaks(text, asked, policy)
    if asked.links:
        for action, rule, start, end in asked.links.judge(markup, shown=shown):
            yield _found(action, LINKS, rule, start, end)
    if policy.hidden_action:
        yield from _hidden(text, policy.hidden_action)


def _placed(finding: Finding, at: TextAddress, view: View) -> Finding:
    start, end = span_in(view, finding.start, finding.end)
    return replace(finding, start=start, end=end, part=at.part, field=at.field)


def _not_read(at: TextAddress, item: UnreadItem) -> Judged:
    """Return the finding for an unread item: review for an attachment, no decision for an opaque item."""
    action = Decision.ALLOW if isinstance(item, OpaqueItem) else Decision.REVIEW
    return action, found_at(at, UNREADABLE, NOT_SCANNED, _SCORES[action], 0, 0)


def _found(action: Decision, detector: str, rule: str, start: int, end: int) -> Judged:
    return action, Finding(detector, rule, _SCORES[action], 0, start, end)


def _rules(text: str, markup: str, policy: OutputPolicy) -> Iterator[Judged]:
    for rule in policy.rules:
        if place := rule.find(markup if rule.outside_code else text):
            yield _found(rule.action, RULES, rule.name, *place)


def _leaks(text: str, asked: _Asked, policy: OutputPolicy) -> Iterator[Judged]:
    if leak := asked.system_words.find_in(text):
        yield _found(policy.leak_action, LEAKS, LEAKS, *leak)
    if asked.canary and policy.canary_action and finds_canary(text, asked.canary):
        yield _found(policy.canary_action, CANARY, CANARY, 0, len(text))


def _hidden(text: str, action: Decision) -> Iterator[Judged]:
    seen: set[str] = set()
    for rule, start, end in hidden_spans(text):
        if rule not in seen:
            seen.add(rule)
            yield _found(action, HIDDEN, rule, start, end)


def with_carriers(verdict: Verdict, answer: Content) -> Verdict:
    """Return the verdict with the decision on each carrier of the answer."""
    return replace(verdict, carriers=labels_of(_by_carrier(verdict, answer)))


def _by_carrier(verdict: Verdict, answer: Content) -> Iterator[CarrierItem]:
    decisions = {score: decision for decision, score in _SCORES.items()}
    found: dict[TextAddress, list[Finding]] = {}
    for finding in verdict.findings:
        if finding.detector != UNREADABLE:
            found.setdefault(finding.address, []).append(finding)
    for text in texts_of_answer(answer):
        carrier, findings = f"{ANSWER}{text.carrier}", found.get(text.address, [])
        if any(finding.rule == NOT_SCANNED for finding in findings):
            yield carrier, None, NotScanned.TOO_LONG
        else:
            yield carrier, severest([Decision.ALLOW, *(decisions[finding.score] for finding in findings)]), None
    for _, item in unread_of_answer(answer):
        yield f"{ANSWER}{unread_carrier(item)}", None, reason_of(item)


def matches(rule: OutputRule, text: str) -> bool:
    """Return True if a rule matches a text."""
    return rule.find(without_code(text) if rule.outside_code else text) is not None
