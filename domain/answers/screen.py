"""Screening of answers: secrets, leaked system messages, exfiltrating links, and content that controls a viewer."""

from collections.abc import Iterator

from domain.answers.addresses import find_addresses
from domain.answers.canary import canary_of, finds_canary
from domain.answers.exfiltration import Conversation, carries_data, host_of, is_active, normalised
from domain.answers.hidden import hidden_spans
from domain.answers.leaks import find_leak
from domain.answers.markup import without_code
from domain.answers.policy import LinkPolicy, OutputPolicy, OutputRule
from domain.inference.requests import Message
from domain.refusals import Kind, Refusal
from domain.screening.screen import severest
from domain.screening.verdicts import Decision, DetectorReport, DetectorState, Finding, RiskBand, Verdict

__all__ = ["OutputPolicy", "OutputRule", "screen_output"]

RULES = "output_rules"
LEAKS = "system_prompt_leak"
CANARY = "system_prompt_canary"
LINKS = "output_links"
HIDDEN = "output_hidden"
NOT_SCANNED = "not_scanned"

_SCORES = {Decision.ALLOW: 0.0, Decision.REVIEW: 0.6, Decision.BLOCK: 1.0}
_RISKS = {Decision.ALLOW: RiskBand.LOW, Decision.REVIEW: RiskBand.RAISED, Decision.BLOCK: RiskBand.HIGH}

Judged = tuple[Decision, Finding]


def screen_output(answer: str, messages: tuple[Message, ...], policy: OutputPolicy) -> Verdict:
    """Judge an answer to ``messages``. Findings are positions in the answer; ``message`` is always 0.

    The score encodes the decision (0.6 review, 1 block), since these rules are not combined as probabilities.

    Raises:
        Refusal: SCREENING_UNAVAILABLE if any part of it can't run.
    """
    try:
        return _screen(answer, messages, policy)
    except Exception as error:  # noqa: BLE001 - whatever was raised, the answer is not judged
        detail = f"the answer could not be screened ({type(error).__name__})"
        raise Refusal(Kind.SCREENING_UNAVAILABLE, detail) from None


def _screen(answer: str, messages: tuple[Message, ...], policy: OutputPolicy) -> Verdict:
    if not policy.rules:
        raise ValueError("no rule is enabled")
    text = answer[: policy.max_scanned_chars]
    markup = without_code(text)
    canary = canary_of(messages)
    judged = [*_rules(text, markup, policy), *_leaks(text, messages, canary, policy)]
    if policy.links:
        judged += _links(markup, Conversation(messages), policy.links)
    if policy.hidden_action:
        judged += _hidden(text, policy.hidden_action)
    whole = len(text) == len(answer)
    if not whole:
        judged.append(_found(Decision.REVIEW, RULES, NOT_SCANNED, len(text), len(answer)))
    decision = severest([Decision.ALLOW, *(action for action, _ in judged)])
    ran = DetectorState.SCORED if whole else DetectorState.NOT_SCANNED
    switched = {
        RULES: True,
        LEAKS: True,
        CANARY: canary and policy.canary_action,
        LINKS: policy.links,
        HIDDEN: policy.hidden_action,
    }
    return Verdict(
        decision=decision,
        score=_SCORES[decision],
        risk=_RISKS[decision],
        findings=tuple(finding for _, finding in judged),
        detectors=tuple(
            DetectorReport(name, ran if on else DetectorState.NOT_APPLICABLE) for name, on in switched.items()
        ),
    )


def _found(action: Decision, detector: str, rule: str, start: int, end: int) -> Judged:
    return action, Finding(detector, rule, _SCORES[action], 0, start, end)


def _rules(text: str, markup: str, policy: OutputPolicy) -> Iterator[Judged]:
    for rule in policy.rules:
        match = rule.pattern.search(markup if rule.outside_code else text)
        if match:
            yield _found(rule.action, RULES, rule.name, *match.span())


def _leaks(text: str, messages: tuple[Message, ...], canary: str | None, policy: OutputPolicy) -> Iterator[Judged]:
    if leak := find_leak(text, messages, policy.leak_words):
        yield _found(policy.leak_action, LEAKS, LEAKS, *leak)
    if canary and policy.canary_action and finds_canary(text, canary):
        yield _found(policy.canary_action, CANARY, CANARY, 0, len(text))


def _links(markup: str, conversation: Conversation, policy: LinkPolicy) -> Iterator[Judged]:
    """Yield the first finding for each kind of address."""
    seen: set[str] = set()
    for address in find_addresses(markup):
        rule = "image_with_data" if address.loaded else "link_with_data"
        action = policy.loaded if address.loaded else policy.followed
        url = normalised(address.url)
        if is_active(url):
            rule, action = "active_address", policy.active
        elif _trusted(url, policy) or not carries_data(url, conversation, loaded=address.loaded):
            continue
        if rule not in seen:
            seen.add(rule)
            yield _found(action, LINKS, rule, address.start, address.end)


def _trusted(url: str, policy: LinkPolicy) -> bool:
    host = host_of(url)
    return host is not None and any(host == one or host.endswith(f".{one}") for one in policy.trusted_hosts)


def _hidden(text: str, action: Decision) -> Iterator[Judged]:
    seen: set[str] = set()
    for rule, start, end in hidden_spans(text):
        if rule not in seen:
            seen.add(rule)
            yield _found(action, HIDDEN, rule, start, end)


def matches(rule: OutputRule, text: str) -> bool:
    """Return True if a rule matches a text."""
    return bool(rule.pattern.search(without_code(text) if rule.outside_code else text))
