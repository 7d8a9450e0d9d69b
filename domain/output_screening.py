"""Screening of answers: secrets, leaked system messages, links that carry data off, and what drives a viewer."""

import re

from domain.output_leaks import find_leak
from domain.output_policy import OutputPolicy, OutputRule
from domain.refusals import Kind, Refusal
from domain.requests import Message
from domain.screening import severest
from domain.verdicts import Decision, DetectorReport, DetectorState, Finding, RiskBand, Verdict

__all__ = ["OutputPolicy", "OutputRule", "screen_output"]

RULES = "output_rules"
LEAKS = "system_prompt_leak"
NOT_SCANNED = "not_scanned"

_SCORES = {Decision.ALLOW: 0.0, Decision.REVIEW: 0.6, Decision.BLOCK: 1.0}
_RISKS = {Decision.ALLOW: RiskBand.LOW, Decision.REVIEW: RiskBand.RAISED, Decision.BLOCK: RiskBand.HIGH}
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{1,500}`", re.DOTALL)


def screen_output(answer: str, messages: tuple[Message, ...], policy: OutputPolicy) -> Verdict:
    """Judge an answer to ``messages``. Findings are places in the answer; ``message`` is always 0.

    The score says which decision it was (0.6 review, 1 block): these rules are no guesses that add up.

    Raises:
        Refusal: SCREENING_UNAVAILABLE if anything of it can't run.
    """
    try:
        return _screen(answer, messages, policy)
    except Exception as error:  # noqa: BLE001 - whatever was raised, the answer is not judged
        detail = f"the answer could not be screened ({type(error).__name__})"
        raise Refusal(Kind.SCREENING_UNAVAILABLE, detail) from None


def _screen(answer: str, messages: tuple[Message, ...], policy: OutputPolicy) -> Verdict:
    if not policy.rules:
        raise ValueError("no rule is switched on")
    text = answer[: policy.max_scanned_chars]
    whole = len(text) == len(answer)
    judged: list[tuple[Decision, Finding]] = []
    views = {False: text, True: _without_code(text)}
    for rule in policy.rules:
        match = rule.pattern.search(views[rule.outside_code])
        if match:
            judged.append((rule.action, Finding(RULES, rule.name, _SCORES[rule.action], 0, *match.span())))
    if leak := find_leak(text, messages, policy.leak_words):
        judged.append((policy.leak_action, Finding(LEAKS, LEAKS, _SCORES[policy.leak_action], 0, *leak)))
    if not whole:
        unread = Finding(RULES, NOT_SCANNED, _SCORES[Decision.REVIEW], 0, len(text), len(answer))
        judged.append((Decision.REVIEW, unread))
    decision = severest([Decision.ALLOW, *(action for action, _ in judged)])
    state = DetectorState.SCORED if whole else DetectorState.NOT_SCANNED
    return Verdict(
        decision=decision,
        score=_SCORES[decision],
        risk=_RISKS[decision],
        findings=tuple(finding for _, finding in judged),
        detectors=(DetectorReport(RULES, state), DetectorReport(LEAKS, state)),
    )


def _without_code(text: str) -> str:
    """The text with its Markdown code blanked out, in place."""
    return _CODE.sub(lambda code: " " * len(code.group()), text)


def matches(rule: OutputRule, text: str) -> bool:
    """Whether a rule finds anything in a text."""
    return bool(rule.pattern.search(_without_code(text) if rule.outside_code else text))
