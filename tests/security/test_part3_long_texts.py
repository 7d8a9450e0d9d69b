"""Part 3: no prompt and no answer holds up the event loop, and the work on any of them is bounded."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar, cast

import pytest

from activities.contracts.stages import ModelReply, Run, ScreenInput, ScreenOutputInput, StageInput
from activities.inference.screen import ScreeningActivities
from activities.inference.text_threads import TextThreads
from adapters.screening import phone_numbers
from adapters.screening.phone_numbers import LibPhoneNumbers, LibPhoneSearch
from adapters.system.policy_files import load_policy_document
from benchmarks.screening.shapes import SHAPES, filled
from domain.answers import exfiltration, leaks, links
from domain.answers.screen import screen_output
from domain.inference.content import Message, Speaker
from domain.inference.models import Usage
from domain.inference.requests import InferenceRequest, bare_request
from domain.inference.texts import Text, texts_of
from domain.policy.document import Policy, parse_policy
from domain.privacy import divided
from domain.privacy.masking import mask_request
from domain.refusals import Kind, Refusal
from domain.screening.verdicts import NOT_SCANNED, Decision
from domain.text.normalise import leet
from domain.text.normalise.pipeline import normalise
from tests.detectors import DETECTORS
from tests.paths import ROOT

ATTACK = filled(SHAPES["letters and digits"], 31_900)
RUN = Run("acme", "", "acme/w", "r", 0, "", "")
Given = ParamSpec("Given")
Found = TypeVar("Found")


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The shipped policy."""
    return parse_policy(load_policy_document(ROOT / "policies", {}))


class InTheLoop(TextThreads):
    """The old kind: texts of any length are judged in the loop."""

    async def run(
        self, texts: tuple[Text, ...], work: Callable[Given, Found], *args: Given.args, **kwargs: Given.kwargs
    ) -> Found:
        return work(*args, **kwargs)


class _Policies:
    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def get(self, _: str) -> Policy:
        return self._policy


class _Keys:
    async def tenant_key(self, tenant: str) -> bytes:
        return tenant.encode() * 8


def asked(*contents: str, system: Iterable[str] = ()) -> InferenceRequest:
    messages = [Message(Speaker.SYSTEM, content) for content in system]
    return replace(bare_request(*messages, *(Message(Speaker.USER, content) for content in contents)), model="smollm2")


def stages(policy: Policy, threads: TextThreads) -> ScreeningActivities:
    parts = cast("Any", (_Policies(policy), _Keys()))
    return ScreeningActivities(parts[0], DETECTORS, LibPhoneNumbers(), parts[1], threads)


async def _threads_of(policy: Policy, threads: TextThreads, text: str, monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Return the threads that judge a text as a prompt and as an answer."""
    ran: set[int] = set()

    def seen(module: Any, name: str) -> None:
        inner = getattr(module, name)

        def outer(*args: Any, **kwargs: Any) -> Any:
            ran.add(threading.get_ident())
            return inner(*args, **kwargs)

        monkeypatch.setattr(module, name, outer)

    import activities.inference.guards as screening

    for name in ("sanitise_request", "mask_request", "screen", "screen_output", "add_data"):
        seen(screening, name)
    guards, request = stages(policy, threads), asked(text)
    await guards.sanitise_prompt(StageInput(RUN, request))
    await guards.screen_prompt(ScreenInput(RUN, request))
    reply = ModelReply(text, "m", "stop", Usage(1, 1))
    await guards.screen_output(ScreenOutputInput(RUN, asked("a"), reply))
    threads.close()
    return ran


async def test_a_long_prompt_holds_the_loop_where_it_is_judged_in_it(policy: Policy, monkeypatch: pytest.MonkeyPatch):
    assert threading.get_ident() in await _threads_of(policy, InTheLoop(), ATTACK, monkeypatch)


async def test_long_texts_are_judged_outside_the_loop(policy: Policy, monkeypatch: pytest.MonkeyPatch):
    ran = await _threads_of(policy, TextThreads(), ATTACK, monkeypatch)
    assert ran
    assert threading.get_ident() not in ran


async def test_short_texts_stay_in_the_loop(policy: Policy, monkeypatch: pytest.MonkeyPatch):
    assert await _threads_of(policy, TextThreads(), "Hello", monkeypatch) == {threading.get_ident()}


async def test_the_loop_goes_on_while_a_long_prompt_is_screened(policy: Policy):
    guards, turns = stages(policy, TextThreads()), 0
    screening = asyncio.create_task(guards.screen_prompt(ScreenInput(RUN, asked(ATTACK))))
    while not screening.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 3  # in the loop, there is one


def _counted(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[Any]:
    calls: list[Any] = []
    inner = getattr(module, name)

    def outer(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return inner(*args, **kwargs)

    monkeypatch.setattr(module, name, outer)
    return calls


def test_a_repeated_disguised_word_is_read_once(monkeypatch: pytest.MonkeyPatch):
    calls = _counted(monkeypatch, leet, "_weight")
    normalise(ATTACK)
    assert 0 < len(calls) <= 3  # one for each pass over the text


def _candidates(contents: list[str], policy: Policy, search: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    calls = _counted(monkeypatch, phone_numbers, "PhoneNumberMatcher")
    assert policy.privacy is not None
    with suppress(Refusal):
        mask_request(asked(*contents), policy.privacy, "acme", search, b"seed")
    return len(calls)


class SearchOfEachText:
    """The old kind: each text has a count of its own."""

    def find(self, text: str, regions: Any) -> Any:
        return LibPhoneSearch().find(text, regions)


MOST = 200
"""A maximum of questions that short texts reach."""


def test_candidates_for_telephone_numbers_are_counted_over_all_messages(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
):
    def numbers(message: int) -> str:
        return "".join(f"650-{message}-{at:04}, " for at in range(60)) + " a@b.example"

    contents = [numbers(message) for message in range(200, 220)]
    with monkeypatch.context() as patch:
        assert _candidates(contents, policy, SearchOfEachText(), patch) > 1_000
    monkeypatch.setattr(phone_numbers, "MOST_CANDIDATES", MOST)
    assert 0 < _candidates(contents, policy, LibPhoneNumbers().begin(), monkeypatch) <= MOST


def test_a_request_with_too_many_candidates_is_no_pass(policy: Policy, monkeypatch: pytest.MonkeyPatch):
    assert policy.privacy is not None
    monkeypatch.setattr(phone_numbers, "MOST_CANDIDATES", MOST)
    contents = ["".join(f"650-{message:03}-{at:04}, " for at in range(100)) for message in range(200, 206)]
    with pytest.raises(Refusal) as refused:
        mask_request(asked(*contents), policy.privacy, "acme", LibPhoneNumbers().begin(), b"seed")
    assert refused.value.kind is Kind.REVIEW_UNAVAILABLE


def _find_leak_of_each(answer: str, request: InferenceRequest) -> None:
    """The old kind: everything is normalised again for each system message."""
    for text in texts_of(request):
        if text.role is Speaker.SYSTEM:
            for other in texts_of(request):
                leaks.normalise(other.text)
            leaks.normalise(answer)


def test_many_system_messages_normalise_each_text_once(policy: Policy, monkeypatch: pytest.MonkeyPatch):
    system = [f"Rule {at}: never ever tell anybody about the {at} secret parts of this house." for at in range(30)]
    request = asked(*(f"question {at}" for at in range(30)), system=system)
    with monkeypatch.context() as patch:
        calls = _counted(patch, leaks, "normalise")
        _find_leak_of_each("An answer.", request)
        assert len(calls) > 1_000
    calls = _counted(monkeypatch, leaks, "normalise")
    screen_output("An answer.", request, policy.output)
    assert len(calls) == 30 + 1  # no other message is read, since the answer repeats nothing
    screen_output(f"It says: {system[3]}", request, policy.output)
    assert len(calls) == 2 * (30 + 1) + 30


def test_addresses_of_an_answer_are_compared_up_to_a_number_and_the_rest_is_no_pass(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
):
    compared = _counted(monkeypatch, links, "carries_data")
    verdict = screen_output("".join(f"https://a.example/{at} " for at in range(2_000)), asked("a"), policy.output)
    assert len(compared) == 500
    assert verdict.decision is Decision.REVIEW
    assert NOT_SCANNED in verdict.rules


def test_a_repeated_address_is_compared_once(policy: Policy, monkeypatch: pytest.MonkeyPatch):
    compared = _counted(monkeypatch, links, "carries_data")
    verdict = screen_output("https://a.example/b " * 2_000, asked("a"), policy.output)
    assert len(compared) == 1
    assert verdict.decision is Decision.ALLOW


def test_an_address_is_searched_in_pieces_of_the_conversation_cut_once(policy: Policy):
    conversation = exfiltration.Conversation(texts_of(asked("a" * 20_000, "b" * 30 + "c")))
    assert not conversation.said("a" * 20 + "d" * 30, loaded=True)
    pieces = conversation._pieces[24, False]
    assert len(pieces) < 100  # repeated text has few different ones
    assert conversation.said("b" * 24 + "x", loaded=True)
    assert conversation._pieces[24, False] is pieces


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", ["a", "1", "_", "a_", "a1%"])
def test_words_of_a_conversation_are_no_search_from_each_letter_to_the_end(policy: Policy, unit: str):
    """Looking from each letter to the end of its word would take several minutes."""
    image = f"![a](https://a.example/b?c={'d' * 30}1)"
    screen_output(image, asked(filled(unit, 200_000)), policy.output)


SHORT = "aB3dE5fG7hJ9kL1mN2"


def _read_at_borders(contents: list[str], policy: Policy, monkeypatch: pytest.MonkeyPatch) -> int:
    read: list[int] = []
    inner = divided.divided

    def counted(text: str, *given: Any) -> Any:
        read.append(len(text))
        return inner(text, *given)

    assert policy.privacy is not None
    with monkeypatch.context() as patch:
        patch.setattr(divided, "divided", counted)
        mask_request(asked(*contents), policy.privacy, "acme", LibPhoneNumbers().begin(), b"seed")
    return sum(read)


def test_short_messages_are_read_together_with_their_borders(policy: Policy, monkeypatch: pytest.MonkeyPatch):
    """Wrong: a window for each border, which reads each message a hundred times."""
    contents = [SHORT] * 600
    assert _read_at_borders(contents, policy, monkeypatch) < 8 * len("".join(contents))
    monkeypatch.setattr(divided, "_TOGETHER", 1)
    assert _read_at_borders(contents, policy, monkeypatch) > 50 * len("".join(contents))


@pytest.mark.parametrize("at", [0, 57, 150, 298])
def test_a_key_divided_among_short_messages_is_found(policy: Policy, at: int):
    assert policy.privacy is not None
    contents = ["Yes, X1y2."] * 300
    contents[at : at + 2] = ["it is sk-proj-" + "a1B2" * 4, "c3D4" * 6]
    made = mask_request(asked(*contents), policy.privacy, "acme", LibPhoneNumbers().begin(), b"seed")
    assert made.redacted == {"api_key": 2}
