"""Values in an answer that the prompt did not contain."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from domain.inference.content import Message, Speaker
from domain.inference.requests import bare_request
from domain.policy.document import Policy
from domain.privacy.answers import add_data
from domain.privacy.policy import DataKind, PrivacyPolicy
from domain.privacy.ports import TooMuchToScan
from domain.refusals import Kind, Refusal
from domain.screening.verdicts import Decision, DetectorState, Finding, RiskBand, Verdict

CLEAR = Verdict(Decision.ALLOW, 0.0, RiskBand.LOW)
ALICE = "alice@example.com"
TOKEN = "hf_" + "a" * 34


class Phones:
    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        if self._error:
            raise self._error
        return []


@pytest.fixture
def strict(policy: Policy) -> PrivacyPolicy:
    """Addresses need a review, keys are blocked, numbers are looked for."""
    assert policy.privacy is not None
    wanted = {DataKind.EMAIL: Decision.REVIEW, DataKind.PHONE: Decision.REVIEW}
    return replace(policy.privacy, answers={**policy.privacy.answers, **wanted})


def judged(policy: PrivacyPolicy, answer: str, *prompts: str, verdict: Verdict = CLEAR) -> Verdict:
    asked = bare_request(*(Message(Speaker.USER, prompt) for prompt in prompts))
    return add_data(verdict, answer, asked, policy, Phones())


def test_a_datum_is_found_with_its_place_and_leads_to_what_the_policy_says(strict: PrivacyPolicy):
    verdict = judged(strict, f"It is {ALICE}")
    assert (verdict.decision, verdict.risk, verdict.rules) == (Decision.REVIEW, RiskBand.RAISED, ("email",))
    assert (verdict.findings[0].start, verdict.findings[0].end) == (6, 23)
    verdict = judged(strict, f"It is {TOKEN}, {ALICE}")
    assert (verdict.decision, verdict.risk, verdict.score) == (Decision.BLOCK, RiskBand.HIGH, 1.0)


def test_what_the_prompt_held_is_no_finding(strict: PrivacyPolicy):
    verdict = judged(strict, f"It is {ALICE}", "Hello", f"I am {ALICE}")
    assert (verdict.decision, verdict.findings) == (Decision.ALLOW, ())
    assert [(report.detector, report.state) for report in verdict.detectors] == [
        ("sensitive_data", DetectorState.SCORED)
    ]


def test_as_shipped_an_address_passes_and_a_key_does_not(policy: Policy):
    assert policy.privacy is not None
    assert judged(policy.privacy, f"Write to {ALICE}, pay with 4111 1111 1111 1111").decision is Decision.ALLOW
    assert judged(policy.privacy, f"The key is {TOKEN}").decision is Decision.BLOCK


def test_a_verdict_becomes_no_milder(strict: PrivacyPolicy):
    finding = Finding("output_rules", "html_script", 1.0)
    severe = Verdict(Decision.BLOCK, 1.0, RiskBand.HIGH, (finding,))
    verdict = judged(strict, f"It is {ALICE}", verdict=severe)
    assert (verdict.decision, verdict.score, verdict.risk) == (Decision.BLOCK, 1.0, RiskBand.HIGH)
    assert verdict.rules == ("html_script", "email")


def test_an_answer_that_is_not_read_to_its_end_needs_a_review(strict: PrivacyPolicy):
    assert judged(replace(strict, max_scanned_chars=10), "12345 67890").rules == ("not_scanned",)
    verdict = add_data(CLEAR, "call 1", bare_request(), strict, Phones(TooMuchToScan()))
    assert (verdict.decision, verdict.rules) == (Decision.REVIEW, ("not_scanned",))
    assert verdict.detectors[0].state is DetectorState.NOT_SCANNED


def test_a_search_that_fails_is_no_pass(strict: PrivacyPolicy):
    with pytest.raises(Refusal) as refused:
        add_data(CLEAR, "call 1", bare_request(), strict, Phones(ValueError("a canary")))
    assert refused.value.kind is Kind.SCREENING_UNAVAILABLE
    assert "canary" not in str(refused.value)


def test_where_all_is_allowed_nothing_is_searched(strict: PrivacyPolicy):
    lenient = replace(strict, answers=dict.fromkeys(DataKind, Decision.ALLOW))
    assert add_data(CLEAR, "call 1", bare_request(), lenient, Phones(ValueError())) is CLEAR
