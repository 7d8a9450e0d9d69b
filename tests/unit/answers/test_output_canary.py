"""Canaries: in the system message of each run, and in no answer."""

import base64
import codecs
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.contracts.stages import Run, StageInput
from activities.inference.screen import ScreeningActivities
from activities.inference.text_threads import TextThreads
from adapters.screening.phone_numbers import LibPhoneNumbers
from domain.answers.canary import add_canary, canary_of, finds_canary
from domain.answers.screen import CANARY, screen_output
from domain.inference.content import Message, Speaker
from domain.inference.requests import InferenceRequest
from domain.inference.texts import texts_of
from domain.policy.document import Policy
from domain.screening.verdicts import Decision, DetectorState

REQUEST = InferenceRequest("m", (Message(Speaker.SYSTEM, "Be nice."), Message(Speaker.USER, "Hello")), 0.7, 10)
KEY = b"k" * 32
MARKED = add_canary(REQUEST, KEY, "a run")
TOKEN = canary_of(texts_of(MARKED)) or ""


def test_the_system_message_gets_a_mark_and_nothing_else_changes():
    assert re.fullmatch(r"[A-Z2-7]{16}", TOKEN)
    assert canary_of(texts_of(REQUEST)) is None
    assert MARKED.messages[0].content.startswith("Be nice.\n\n")
    assert MARKED.messages[1:] == REQUEST.messages[1:]
    assert replace(MARKED, messages=REQUEST.messages) == REQUEST


def test_without_a_system_message_there_is_nothing_to_mark():
    request = replace(REQUEST, messages=REQUEST.messages[1:])
    assert add_canary(request, KEY, "a run") is request


def test_no_two_runs_and_no_two_keys_have_the_same():
    others = [add_canary(REQUEST, KEY, "another"), add_canary(REQUEST, b"l" * 32, "a run")]
    assert len({canary_of(texts_of(request)) for request in (MARKED, *others)}) == 3
    assert add_canary(REQUEST, KEY, "a run") == MARKED


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
    verdict = screen_output(f"Here: {said}.", MARKED, switched_on)
    assert verdict.decision is Decision.BLOCK
    assert CANARY in verdict.rules
    assert TOKEN not in repr(verdict)


@given(st.text(max_size=200), st.text(max_size=20))
def test_no_other_answer_is(answer: str, run: str):
    canary = canary_of(texts_of(add_canary(REQUEST, KEY, run)))
    assert canary is not None
    assert finds_canary(answer + canary, canary)
    assert not finds_canary(answer, "QWERTYUIOPASDFGH")


def test_the_verdict_says_whether_it_was_looked_for(policy: Policy):
    def state(request: InferenceRequest, action: Decision | None) -> DetectorState:
        verdict = screen_output("Hello", request, replace(policy.output, canary_action=action))
        return next(report.state for report in verdict.detectors if report.detector == CANARY)

    assert state(MARKED, Decision.REVIEW) is DetectorState.SCORED
    assert state(MARKED, None) is DetectorState.NOT_APPLICABLE
    assert state(REQUEST, Decision.REVIEW) is DetectorState.NOT_APPLICABLE


class _Policies:
    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def get(self, _: str) -> Policy:
        return self._policy


class _Keys:
    async def tenant_key(self, tenant: str) -> bytes:
        return tenant.encode() * 8


@pytest.mark.parametrize("action", [None, Decision.BLOCK])
async def test_requests_are_marked_where_they_are_sanitised_if_the_policy_says_so(
    policy: Policy, action: Decision | None
):
    chosen = replace(policy, output=replace(policy.output, canary_action=action))
    stage = StageInput(Run("acme", "", "w", "r", 0, "", ""), REQUEST)
    parts: tuple[Any, Any] = (_Policies(chosen), _Keys())
    activities = ScreeningActivities(parts[0], {}, LibPhoneNumbers(), parts[1], TextThreads())
    first, repeated = await activities.sanitise_prompt(stage), await activities.sanitise_prompt(stage)
    if action is None:
        assert first.request is None
    else:
        assert first.request is not None
        assert canary_of(texts_of(first.request)) is not None
        assert repeated == first
        assert first.removed == ()
