"""Guards judge a text in threads as in the event loop, whatever its length."""

import asyncio
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar, cast

from hypothesis import given
from hypothesis import strategies as st

from activities.contracts.stages import ModelReply, Run, ScreenInput, ScreenOutputInput, StageInput
from activities.inference.screen import ScreeningActivities
from activities.inference.text_threads import MOST_IN_LOOP, TextThreads
from adapters.screening.phone_numbers import LibPhoneNumbers
from benchmarks.screening.shapes import SHAPES, filled
from domain.inference.content import Message, Speaker
from domain.inference.models import Usage
from domain.inference.requests import bare_request
from domain.inference.texts import Text
from domain.policy.document import Policy
from domain.refusals import Kind, Refusal
from tests.detectors import DETECTORS
from tests.doubles.keys import FixedIdentity

RUN = Run("acme", "", "acme/w", "r", 0, "", "")
PHONES = LibPhoneNumbers()
Given = ParamSpec("Given")
Found = TypeVar("Found")


class _Loop(TextThreads):
    async def run(self, texts: tuple[Text, ...], work: Any, *args: Any, **kwargs: Any) -> Any:
        return work(*args, **kwargs)


class _Policies:
    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def get(self, _: str) -> Policy:
        return self._policy


PIECES = st.sampled_from(list(SHAPES.values())) | st.text(max_size=12)
TEXTS = st.builds(
    lambda piece, length, end: filled(piece or "a", length) + end, PIECES, st.integers(1, 3 * MOST_IN_LOOP), PIECES
)


async def _judged(policy: Policy, threads: TextThreads, prompt: str, answer: str) -> list[object]:
    ports = cast("Any", _Policies(policy))
    guards = ScreeningActivities(ports, DETECTORS, PHONES, FixedIdentity(), threads)
    request = replace(bare_request(Message(Speaker.SYSTEM, "Be kind."), Message(Speaker.USER, prompt)), model="smollm2")
    results: list[object] = []
    for stage in (
        guards.sanitise_prompt(StageInput(RUN, request)),
        guards.screen_prompt(ScreenInput(RUN, request, request)),
        guards.screen_output(ScreenOutputInput(RUN, request, ModelReply(answer, "m", "stop", Usage(1, 1)))),
    ):
        try:
            results.append(await stage)
        except Refusal as refusal:
            results.append((refusal.kind, refusal.detail, refusal.field))
    threads.close()
    return results


@given(TEXTS, TEXTS)
def test_guards_judge_in_threads_as_in_the_loop(shipped_policy: Policy, prompt: str, answer: str):
    async def both() -> tuple[list[object], list[object]]:
        threads = await _judged(shipped_policy, TextThreads(), prompt, answer)
        return threads, await _judged(shipped_policy, _Loop(), prompt, answer)

    threads, loop = asyncio.run(both())
    assert threads == loop
    assert not any(isinstance(result, tuple) and Kind.UNKNOWN_MODEL in result for result in loop)
