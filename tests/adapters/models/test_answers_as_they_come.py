"""Answers in the forms of real servers: what can be used is used, and what was paid is charged."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from adapters.models.openai import OpenAIProvider
from domain.inference.content import RefusalPart, TextPart
from domain.inference.models import ModelAnswer, ProviderFailure, Usage
from domain.inference.token_estimates import estimate_text_tokens, estimate_tokens
from domain.refusals import Kind
from tests.adapters.models.test_model_openai import FixedClock, Secrets, call
from tests.fakes.behaviours import USAGE, Reply, completion, document, garbage
from tests.fakes.provider import FakeProvider

TOOL_CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CHARGED = Usage(12, 5)
ESTIMATED = estimate_tokens(call("http://127.0.0.1:1/v1").request)
FINE = estimate_text_tokens("fine")


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


@pytest.fixture
async def model() -> AsyncIterator[OpenAIProvider]:
    provider = OpenAIProvider(Secrets(), clock=FixedClock())
    yield provider
    await provider.aclose()


def said(message: Mapping[str, Any], reason: object = "stop", usage: Any = USAGE) -> Reply:
    """A completion with this message."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return document({**completion(None, usage), "choices": [choice]})


async def failed(model: OpenAIProvider, fake: FakeProvider, reply: Reply) -> ProviderFailure:
    fake.script(reply)
    with pytest.raises(ProviderFailure) as caught:
        await model.complete(call(fake.base_url))
    assert fake.stats.received == 1
    return caught.value


@pytest.mark.parametrize(
    ("message", "reason", "content", "told"),
    [
        ({"content": None, "reasoning_content": "..."}, "length", "", "length"),
        ({"content": None, "reasoning": "..."}, "length", "", "length"),
        ({"content": None}, "stop", "", "stop"),
        ({}, "stop", "", "stop"),
        ({"content": ""}, "length", "", "length"),
        ({"content": [{"type": "text", "text": "in parts"}]}, "stop", "in parts", "stop"),
        ({"content": [{"type": "output_text", "text": "in "}, "parts"]}, "stop", "in parts", "stop"),
        ({"content": []}, "stop", "", "stop"),
        ({"content": "begun and"}, "content_filter", "begun and", "content_filter"),
        ({"content": None, "refusal": "I can't."}, "stop", (RefusalPart("I can't."),), "stop"),
        ({"content": "So", "refusal": "no"}, "stop", (TextPart("So"), RefusalPart("no")), "stop"),
        ({"content": "fine", "tool_calls": [TOOL_CALL]}, "tool_calls", "fine", "tool_calls"),
        ({"content": "\ud800"}, "stop", "\ufffd", "stop"),
        *(({"content": "fine"}, reason, "fine", "unknown") for reason in (None, "", 7, [], "It was\nlate.", "é")),
        *(({"content": "fine"}, reason, "fine", "stop") for reason in ("STOP", "end-turn", "end_turn", "EOS", "Stop ")),
        *(({"content": "fine"}, reason, "fine", "length") for reason in ("LENGTH", "MAX_TOKENS", "max_tokens")),
        ({"content": "fine"}, "SAFETY", "fine", "content_filter"),
        ({"content": "fine"}, "something_new", "fine", "something_new"),
    ],
)
async def test_what_an_answer_says_is_used(
    fake: FakeProvider, model: OpenAIProvider, message: Mapping[str, Any], reason: object, content: object, told: str
) -> None:
    fake.script(said(message, reason))
    assert await model.complete(call(fake.base_url)) == ModelAnswer(content, told, CHARGED)
    assert fake.stats.received == 1


async def test_an_answer_without_a_reason_or_a_message_of_its_own(fake: FakeProvider, model: OpenAIProvider) -> None:
    without = completion("fine")
    del without["choices"][0]["finish_reason"]
    legacy = {**completion("fine"), "choices": [{"text": "fine", "finish_reason": "stop"}]}
    chunk = {**completion("fine"), "choices": [{"delta": {"content": "fine"}, "finish_reason": "stop"}]}
    fake.script(document(without), document(legacy), document(chunk))
    found = [await model.complete(call(fake.base_url)) for _ in range(3)]
    assert [(answer.content, answer.finish_reason) for answer in found] == [
        ("fine", "unknown"), ("fine", "stop"), ("fine", "stop"),
    ]  # fmt: skip


@pytest.mark.parametrize("reason", ["content_filter", "CONTENT_FILTER", "SAFETY", "refusal", "content-filtered"])
@pytest.mark.parametrize("content", [None, "", []])
async def test_a_filtered_answer_is_a_refusal_of_the_providers_and_paid(
    fake: FakeProvider, model: OpenAIProvider, reason: str, content: object
) -> None:
    found = await failed(model, fake, said({"content": content}, reason))
    assert (found.kind, found.retryable, found.lost, found.another) == (Kind.PROVIDER_FILTERED, False, False, False)
    assert found.usage == CHARGED


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "tool_calls": [TOOL_CALL]},
        {"content": "", "tool_calls": [TOOL_CALL]},
        {"tool_calls": ["odd"]},
        {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
    ],
)
async def test_a_call_of_a_tool_that_was_not_offered_is_told_and_paid(
    fake: FakeProvider, model: OpenAIProvider, message: Mapping[str, Any]
) -> None:
    found = await failed(model, fake, said(message, "tool_calls"))
    assert (found.kind, found.retryable, found.usage) == (Kind.UNREQUESTED_TOOL_CALL, False, CHARGED)


@pytest.mark.parametrize("choices", [[], None, {}, [None], [{}], [{"message": None}], [{"message": "fine"}]])
async def test_a_completion_without_a_message_is_lost_with_its_reported_usage(
    fake: FakeProvider, model: OpenAIProvider, choices: object
) -> None:
    found = await failed(model, fake, document({**completion("fine"), "choices": choices}))
    assert (found.kind, found.retryable, found.lost) == (Kind.PROVIDER_GARBLED, True, True)
    assert found.usage == CHARGED


async def test_half_a_completion_may_have_cost_anything_and_a_page_nothing(
    fake: FakeProvider, model: OpenAIProvider
) -> None:
    half = await failed(model, fake, garbage(b'{"choices": [', "application/json"))
    fake.script(garbage())
    with pytest.raises(ProviderFailure) as caught:
        await model.complete(call(fake.base_url))
    assert (half.lost, half.usage) == (True, None)
    assert (caught.value.kind, caught.value.usage) == (Kind.PROVIDER_GARBLED, Usage(0, 0))


@pytest.mark.parametrize(
    ("body", "kind", "retryable"),
    [
        ({"error": {"code": 429, "message": "busy"}}, Kind.PROVIDER_RATE_LIMITED, True),
        ({"error": {"code": "503"}}, Kind.PROVIDER_UNAVAILABLE, True),
        ({"error": {"code": 401}}, Kind.PROVIDER_REJECTED, False),
        ({"error": {"code": "context_length_exceeded"}}, Kind.CONTEXT_EXCEEDED, False),
        ({"error": {"code": 400, "message": "flagged by moderation"}}, Kind.PROVIDER_FILTERED, False),
        ({"choices": [{"error": {"code": 502, "message": "gone"}}]}, Kind.PROVIDER_UNAVAILABLE, True),
        ({"choices": [], "promptFeedback": {"blockReason": "SAFETY"}}, Kind.PROVIDER_FILTERED, False),
        (
            {"choices": [], "prompt_filter_results": [{"content_filter_results": {"hate": {"filtered": True}}}]},
            Kind.PROVIDER_FILTERED,
            False,
        ),
        ({"choices": [], "prompt_filter_results": [{}, 7]}, Kind.PROVIDER_GARBLED, True),
    ],
)
async def test_an_error_with_the_status_200_is_the_error_that_it_says(
    fake: FakeProvider, model: OpenAIProvider, body: Any, kind: Kind, retryable: bool
) -> None:
    found = await failed(model, fake, document(body))
    assert (found.kind, found.retryable) == (kind, retryable)


@pytest.mark.parametrize(
    ("usage", "charged"),
    [
        ({"prompt_tokens": 12.0, "completion_tokens": 5.0}, CHARGED),
        ({"prompt_tokens": 12, "completion_tokens": 4.5}, Usage(12, 5, estimated=True)),
        ({"prompt_tokens": "12", "completion_tokens": "5"}, Usage(12, 5, estimated=True)),
        ({"prompt_tokens": " 12.0 ", "completion_tokens": 5}, Usage(12, 5, estimated=True)),
        ({"input_tokens": 12, "output_tokens": 5}, CHARGED),
        ({"promptTokens": 12, "completionTokens": 5}, CHARGED),
        ({"inputTokens": 12, "outputTokens": 5, "totalTokens": 17}, CHARGED),
        ({"promptTokenCount": 12, "candidatesTokenCount": 5, "totalTokenCount": 17}, CHARGED),
        ({"tokens": {"input_tokens": 12, "output_tokens": 5}}, CHARGED),
        ({"prompt_tokens": 12, "completion_tokens": None, "total_tokens": 12}, Usage(12, FINE, estimated=True)),
        ({"prompt_tokens": 12, "total_tokens": 17}, Usage(12, 5, estimated=True)),
        ({"completion_tokens": 5, "total_tokens": 17}, Usage(12, 5, estimated=True)),
        ({"prompt_tokens": 12}, Usage(12, FINE, estimated=True)),
        ({"prompt_tokens": 12, "completion_tokens": 0}, Usage(12, FINE, estimated=True)),
        ({"completion_tokens": 25}, Usage(ESTIMATED, 25, estimated=True)),
        ({"prompt_tokens": -1, "completion_tokens": 5}, Usage(ESTIMATED, 5, estimated=True)),
        ({"prompt_tokens": 12, "completion_tokens": -5}, Usage(12, FINE, estimated=True)),
        ({"prompt_tokens": True, "completion_tokens": "many"}, Usage(ESTIMATED, FINE, estimated=True)),
        ({"prompt_tokens": float("inf"), "completion_tokens": 5}, Usage(ESTIMATED, 5, estimated=True)),
        ({"prompt_tokens": [], "completion_tokens": {}}, Usage(ESTIMATED, FINE, estimated=True)),
        ({}, Usage(ESTIMATED, FINE, estimated=True)),
        (17, Usage(ESTIMATED, FINE, estimated=True)),
        ("free", Usage(ESTIMATED, FINE, estimated=True)),
        (None, Usage(ESTIMATED, FINE, estimated=True)),
        ({"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 47}, Usage(12, 35)),
        (
            {"input_tokens": 2, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 3, "output_tokens": 5},
            Usage(12, 5, cached_tokens=7, cache_write_tokens=3),
        ),
        (
            {"prompt_tokens": 12, "completion_tokens": 5, "prompt_cache_hit_tokens": 8, "prompt_cache_miss_tokens": 4},
            Usage(12, 5, cached_tokens=8),
        ),
        (
            {"prompt_tokens": 12, "completion_tokens": 50, "completion_tokens_details": {"reasoning_tokens": 45}},
            Usage(12, 50, reasoning_tokens=45),
        ),
    ],
)
async def test_usage_is_taken_where_it_is_a_count_and_estimated_where_not(
    fake: FakeProvider, model: OpenAIProvider, usage: Any, charged: Usage
) -> None:
    fake.script(document({**completion("fine", None), "usage": usage}))
    assert await model.complete(call(fake.base_url)) == ModelAnswer("fine", "stop", charged)
    assert fake.stats.received == 1


async def test_usage_beside_the_usual_place(fake: FakeProvider, model: OpenAIProvider) -> None:
    metadata = {"promptTokenCount": 12, "candidatesTokenCount": 5}
    fake.script(document({**completion("fine", None), "usageMetadata": metadata}))
    fake.script(document({**completion("fine", None), "prompt_eval_count": 12, "eval_count": 5}))
    for _ in range(2):
        assert (await model.complete(call(fake.base_url))).usage == CHARGED


@pytest.mark.parametrize(
    ("usage", "claimed"),
    [
        ({"prompt_tokens": 2**31, "completion_tokens": 2**31}, 2**32),
        ({"prompt_tokens": 12, "completion_tokens": 2**31}, 2**31 + 12),
        ({"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 2**40}, 2**40),
        ({"prompt_tokens": 4000, "completion_tokens": 5}, 4005),
        ({"prompt_tokens": 1e300, "completion_tokens": 5}, 2**53 - 1),
        ({"prompt_tokens": "9" * 30, "completion_tokens": "9" * 30}, 2**53 - 1),
        ({"prompt_tokens": 10**40, "completion_tokens": 10**40}, 2**53 - 1),
        ({"prompt_tokens": 12, "completion_tokens": 65}, 77),
    ],
)
async def test_a_claim_beyond_what_was_asked_is_reduced_and_told(
    fake: FakeProvider, model: OpenAIProvider, usage: Any, claimed: int
) -> None:
    """A prompt of 47 bytes, with room for a template, and 64 tokens of answer."""
    fake.script(document({**completion("fine", None), "usage": usage}))
    found = (await model.complete(call(fake.base_url))).usage
    assert found.prompt_tokens <= 1_200
    assert found.completion_tokens <= 64
    assert (found.claimed_tokens, found.estimated) == (claimed, True)


async def test_a_claim_is_bounded_by_the_context(fake: FakeProvider, model: OpenAIProvider) -> None:
    from dataclasses import replace

    asked = call(fake.base_url)
    small = replace(asked, model=replace(asked.model, context_tokens=100))
    fake.script(document(completion("fine", {"prompt_tokens": 1_000, "completion_tokens": 5})))
    found = (await model.complete(small)).usage
    assert (found.prompt_tokens, found.completion_tokens, found.claimed_tokens) == (100, 5, 1_005)


async def test_reasoning_that_was_cut_is_charged_in_full_without_a_report(
    fake: FakeProvider, model: OpenAIProvider
) -> None:
    fake.script(
        said({"content": None}, "length", None), said({"content": None, "reasoning": "a b " * 99}, "stop", None)
    )
    cut, silent = [(await model.complete(call(fake.base_url))).usage for _ in range(2)]
    assert cut == Usage(ESTIMATED, 64, estimated=True)
    assert silent == Usage(ESTIMATED, estimate_text_tokens("a b " * 99), estimated=True)
