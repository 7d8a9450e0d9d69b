"""Canaries: in the system message of each run, and in no answer."""

import base64
import codecs
import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.screen import ScreeningActivities
from activities.stages import Run, StageInput
from adapters.privacy_phonenumbers import LibPhoneNumbers
from domain.output_canary import TOKEN_BYTES, add_canary, canary_of, finds_canary
from domain.output_screening import CANARY, screen_output
from domain.policy import Policy
from domain.requests import InferenceRequest, Message, Speaker
from domain.verdicts import Decision, DetectorState

REQUEST = InferenceRequest("m", (Message(Speaker.SYSTEM, "Be nice."), Message(Speaker.USER, "Hello")), 0.7, 10)
MARKED = add_canary(REQUEST, bytes(range(TOKEN_BYTES)))
TOKEN = "AAAQEAYEAUDAOCAJ"


def test_the_system_message_gets_a_mark_and_nothing_else_changes():
    assert canary_of(MARKED.messages) == TOKEN
    assert canary_of(REQUEST.messages) is None
    assert MARKED.messages[0].content.startswith("Be nice.\n\n")
    assert MARKED.messages[1:] == REQUEST.messages[1:]
    assert replace(MARKED, messages=REQUEST.messages) == REQUEST


def test_without_a_system_message_there_is_nothing_to_mark():
    request = replace(REQUEST, messages=REQUEST.messages[1:])
    assert add_canary(request, bytes(TOKEN_BYTES)) is request


def test_the_randomness_must_be_whole():
    with pytest.raises(ValueError, match="random bytes"):
        add_canary(REQUEST, b"")


@pytest.mark.parametrize(
    "said",
    [
        TOKEN,
        TOKEN.lower(),
        " ".join(TOKEN),
        "-".join(TOKEN),
        TOKEN[::-1],
        TOKEN[1:14],
        codecs.encode(TOKEN, "rot13"),
        TOKEN.encode().hex(),
        TOKEN.encode().hex(" "),
        *(base64.b64encode(b"." * shift + MARKED.messages[0].content.encode()).decode() for shift in range(3)),
    ],
)
def test_an_answer_that_gives_it_away_is_found(policy: Policy, said: str):
    switched_on = replace(policy.output, canary_action=Decision.BLOCK)
    verdict = screen_output(f"Here: {said}.", MARKED.messages, switched_on)
    assert verdict.decision is Decision.BLOCK
    assert CANARY in verdict.rules
    assert TOKEN not in repr(verdict)


@given(st.text(max_size=200), st.binary(min_size=TOKEN_BYTES, max_size=TOKEN_BYTES))
def test_no_other_answer_is(answer: str, randomness: bytes):
    canary = canary_of(add_canary(REQUEST, randomness).messages)
    assert canary is not None
    assert finds_canary(answer + canary, canary)
    assert not finds_canary(answer, "QWERTYUIOPASDFGH")


def test_the_verdict_says_whether_it_was_looked_for(policy: Policy):
    def state(messages: tuple[Message, ...], action: Decision | None) -> DetectorState:
        verdict = screen_output("Hello", messages, replace(policy.output, canary_action=action))
        return next(report.state for report in verdict.detectors if report.detector == CANARY)

    assert state(MARKED.messages, Decision.REVIEW) is DetectorState.SCORED
    assert state(MARKED.messages, None) is DetectorState.NOT_APPLICABLE
    assert state(REQUEST.messages, Decision.REVIEW) is DetectorState.NOT_APPLICABLE


class _Policies:
    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def get(self, _: str) -> Policy:
        return self._policy


@pytest.mark.parametrize("action", [None, Decision.BLOCK])
async def test_requests_are_marked_where_they_are_sanitised_if_the_policy_says_so(
    policy: Policy, action: Decision | None
):
    chosen = replace(policy, output=replace(policy.output, canary_action=action))
    stage = StageInput(Run("acme", "", "w", "r", 0, "", ""), REQUEST)
    policies: Any = _Policies(chosen)
    activities = ScreeningActivities(policies, {}, LibPhoneNumbers(), os.urandom)
    first, second = await activities.sanitise_prompt(stage), await activities.sanitise_prompt(stage)
    if action is None:
        assert first.request is None
    else:
        assert first.request is not None
        assert second.request is not None
        assert canary_of(first.request.messages) != canary_of(second.request.messages)
        assert first.removed == ()
