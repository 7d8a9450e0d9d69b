"""Requests and answers in Anthropic's format: all that it carries goes over and comes back, the rest is refused."""

import json
from dataclasses import replace
from typing import Any

import pytest

from adapters.models.anthropic.answers import read_message
from adapters.models.anthropic.requests import SYSTEM_WITHIN, headers_of, message_body
from adapters.models.failures import NotCarried, Unusable
from domain.inference.content import (
    Attachment,
    Document,
    ImageAddress,
    Message,
    OpaqueItem,
    Part,
    RefusalPart,
    Speaker,
    TextPart,
    ToolCall,
    ToolResult,
)
from domain.inference.models import ModelCall, ModelEntry, ModelParameters, Usage, Wire
from domain.inference.requests import (
    AnswerForm,
    Effort,
    InferenceRequest,
    Reasoning,
    ReasoningMode,
    ResponseFormat,
    Tool,
    ToolChoice,
    ToolUse,
    bare_request,
)
from domain.inference.token_estimates import estimate_tokens
from domain.refusals import Kind

ENTRY = ModelEntry(
    "small", "fake", "fake-1", "http://127.0.0.1:1/v1", "models/fake", 4096, 0.1, 0.2, wire=Wire.ANTHROPIC_MESSAGES
)
SCHEMA = '{"type":"object","properties":{"city":{"type":"string"}}}'
CALL = ToolCall("toolu_1", "weather", '{"city": "Oslo"}')
USE = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}}
USAGE = {"input_tokens": 12, "output_tokens": 5}
HELLO = InferenceRequest("small", (Message(Speaker.USER, "Hello"),), 0.3, 64)


def call(request: InferenceRequest) -> ModelCall:
    return ModelCall(ENTRY, request, "c")


def sent(request: InferenceRequest) -> dict[str, Any]:
    return json.loads(json.dumps(message_body(call(request))))


def messages(*given: Message) -> list[dict[str, Any]]:
    return sent(bare_request(*given))["messages"]


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def test_a_conversation_with_tools_goes_over_whole():
    request = InferenceRequest(
        "small",
        (
            Message(Speaker.SYSTEM, "Be brief."),
            Message(Speaker.USER, (TextPart("One"), TextPart("Two"))),
            Message(
                Speaker.ASSISTANT,
                (
                    OpaqueItem("anthropic.thinking", "sig==", "Rain?"),
                    OpaqueItem("anthropic.redacted_thinking", "xyz"),
                    TextPart("Let me see."),
                    CALL,
                ),
            ),
            Message(Speaker.USER, (ToolResult("toolu_1", "no answer", failed=True), TextPart("Well?"))),
        ),
        0.3,
        64,
        tools=(Tool("weather", SCHEMA, "Weather of a city.", strict=True), Tool("clock")),
        tool_choice=ToolChoice(ToolUse.NAMED, "weather"),
        one_tool_call=True,
        response_format=ResponseFormat(AnswerForm.JSON_SCHEMA, "answer", None, SCHEMA),
        stop=("END",),
        seed=7,
    )
    assert sent(request) == {
        "model": "fake-1",
        "max_tokens": 64,
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": [text("One"), text("Two")]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Rain?", "signature": "sig=="},
                    {"type": "redacted_thinking", "data": "xyz"},
                    text("Let me see."),
                    USE,
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "no answer", "is_error": True},
                    text("Well?"),
                ],
            },
        ],
        "temperature": 0.3,
        "stop_sequences": ["END"],
        "tools": [
            {
                "name": "weather",
                "input_schema": json.loads(SCHEMA),
                "description": "Weather of a city.",
                "strict": True,
            },
            {"name": "clock", "input_schema": {"type": "object"}},
        ],
        "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        "output_config": {"format": {"type": "json_schema", "schema": json.loads(SCHEMA)}},
    }


def test_images_documents_and_marks_for_the_cache_go_over():
    image = Attachment("0" * 64, "image/png", cache="5m")
    request = bare_request(
        Message(
            Speaker.USER,
            (
                image,
                ImageAddress("https://x.example/a.png"),
                Document("D", "T", "C", cited=True, cache="1h"),
                ToolResult("toolu_1", (image, TextPart("x"))),
            ),
        )
    )
    asked = ModelCall(ENTRY, replace(request, tools=(Tool("f", cache="5m"),)), "c", data={"0" * 64: "aW1hZ2U="})
    source = {"type": "base64", "media_type": "image/png", "data": "aW1hZ2U="}
    shown = {"type": "image", "source": source, "cache_control": {"type": "ephemeral"}}
    body = message_body(asked)
    assert body["messages"][0]["content"] == [
        shown,
        {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "D"},
            "title": "T",
            "context": "C",
            "citations": {"enabled": True},
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        },
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": [shown, text("x")]},
    ]
    assert body["tools"][0]["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize(
    ("wanted", "members"),
    [
        (None, {"temperature": 0.3}),
        (Reasoning(mode=ReasoningMode.ADAPTIVE), {"thinking": {"type": "adaptive"}}),
        (
            Reasoning(mode=ReasoningMode.ENABLED, budget_tokens=2048),
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        ),
        (Reasoning(mode=ReasoningMode.ENABLED), {"thinking": {"type": "adaptive"}}),
        (Reasoning(mode=ReasoningMode.DISABLED), {"thinking": {"type": "disabled"}, "temperature": 0.3}),
        (Reasoning(effort=Effort.HIGH), {"output_config": {"effort": "high"}, "temperature": 0.3}),
        (Reasoning(effort=Effort.MINIMAL), {"output_config": {"effort": "low"}, "temperature": 0.3}),
        (Reasoning(effort=Effort.NONE), {"temperature": 0.3}),
    ],
)
def test_wishes_about_reasoning_have_the_formats_members(wanted: Reasoning | None, members: dict[str, Any]):
    accepting = replace(ENTRY, accepts=ModelParameters(effort=True))
    body = message_body(ModelCall(accepting, replace(HELLO, reasoning=wanted), "c"))
    assert {name: body[name] for name in ("thinking", "output_config", "temperature") if name in body} == members


def test_results_of_several_calls_are_one_message_of_the_user():
    found = messages(
        Message(Speaker.USER, "Hello"),
        Message(Speaker.ASSISTANT, (CALL, replace(CALL, call_id="toolu_2"))),
        Message(Speaker.TOOL, (ToolResult("toolu_1", "rain"),)),
        Message(Speaker.TOOL, (ToolResult("toolu_2", (TextPart("sun"), TextPart(""))),)),
    )
    assert [message["role"] for message in found] == ["user", "assistant", "user"]
    assert found[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"},
        {"type": "tool_result", "tool_use_id": "toolu_2", "content": [text("sun")]},
    ]


def test_system_messages_that_begin_are_the_system_prompt_and_later_ones_need_a_feature():
    request = bare_request(
        Message(Speaker.SYSTEM, "A"),
        Message(Speaker.SYSTEM, (TextPart("B"),)),
        Message(Speaker.USER, "Hello"),
        Message(Speaker.SYSTEM, "C"),
    )
    assert sent(request)["system"] == [text("A"), text("B")]
    assert sent(request)["messages"][1] == {"role": "system", "content": "C"}
    assert headers_of(call(request))["anthropic-beta"] == SYSTEM_WITHIN
    assert headers_of(call(HELLO)) == {"anthropic-version": "2023-06-01", "idempotency-key": "c"}
    assert "system" not in sent(HELLO)


def test_empty_texts_are_left_out_since_the_format_forbids_them():
    found = messages(
        Message(Speaker.USER, "Hello"),
        Message(Speaker.ASSISTANT, ""),
        Message(Speaker.USER, (TextPart(""), TextPart("x"))),
    )
    assert found == [{"role": "user", "content": "Hello"}, {"role": "user", "content": [text("x")]}]


def test_a_refusal_is_said_and_arguments_of_nothing_are_an_empty_object():
    found = messages(Message(Speaker.ASSISTANT, (RefusalPart("No."), ToolCall("toolu_1", "clock", " "))))
    assert found[0]["content"] == [text("No."), {"type": "tool_use", "id": "toolu_1", "name": "clock", "input": {}}]


@pytest.mark.parametrize(
    ("temperature", "top_p", "accepts", "wanted"),
    [
        (0.5, None, ModelParameters(), {"temperature": 0.5}),
        (1.8, None, ModelParameters(), {"temperature": 1.0}),
        (0.5, 0.9, ModelParameters(), {"top_p": 0.9}),
        (0.5, 0.9, ModelParameters(temperature=False, top_p=False), {}),
    ],
)
def test_sampling_is_in_the_formats_range(
    temperature: float, top_p: float | None, accepts: ModelParameters, wanted: dict[str, float]
):
    asked = ModelCall(replace(ENTRY, accepts=accepts), replace(HELLO, temperature=temperature, top_p=top_p), "c")
    body = message_body(asked)
    assert {name: body[name] for name in ("temperature", "top_p") if name in body} == wanted


@pytest.mark.parametrize(
    ("choice", "single", "wanted"),
    [
        (None, True, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(ToolUse.AUTO), False, {"type": "auto"}),
        (ToolChoice(ToolUse.REQUIRED), True, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice(ToolUse.NONE), True, {"type": "none"}),
    ],
)
def test_the_use_of_tools_has_the_formats_names(choice: ToolChoice | None, single: bool, wanted: dict[str, Any]):
    request = replace(HELLO, tools=(Tool("f"),), tool_choice=choice, one_tool_call=single)
    assert sent(request)["tool_choice"] == wanted


@pytest.mark.parametrize(
    "request_",
    [
        bare_request(Message(Speaker.USER, (TextPart("x"), Attachment("0" * 64, "image/png")))),
        bare_request(Message(Speaker.TOOL, "a result of no call")),
        bare_request(Message(Speaker.SYSTEM, (RefusalPart("x"),))),
        bare_request(Message(Speaker.ASSISTANT, (ToolCall("c", "f", "no json"),))),
        bare_request(Message(Speaker.ASSISTANT, (ToolCall("c", "f", "[]"),))),
        bare_request(Message(Speaker.ASSISTANT, (OpaqueItem("reasoning.encrypted_content", "x"),))),
        replace(HELLO, response_format=ResponseFormat(AnswerForm.JSON_OBJECT)),
        replace(HELLO, tools=(Tool("f", "[]"),)),
    ],
)
def test_what_the_format_can_not_carry_is_refused(request_: InferenceRequest):
    with pytest.raises(NotCarried):
        sent(request_)


# Answers


def answered(*blocks: Any, reason: Any = "end_turn", usage: Any = USAGE, tools: bool = False) -> Any:
    document = {"type": "message", "role": "assistant", "content": list(blocks), "stop_reason": reason, "usage": usage}
    asked = call(replace(HELLO, tools=(Tool("weather"),)) if tools else HELLO)
    return read_message(json.dumps(document).encode(), asked)


@pytest.mark.parametrize(
    ("reason", "wanted"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop_sequence"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
        ("new_reason", "new_reason"),
        ("New reason!", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_answer_has_its_text_reason_and_tokens(reason: object, wanted: str):
    found = answered(text("Hi "), text("there"), reason=reason)
    assert (found.content, found.finish_reason, found.usage) == ("Hi there", wanted, Usage(12, 5))


def test_tokens_of_the_cache_are_part_of_the_prompt():
    usage = {"input_tokens": 2, "output_tokens": 5, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 3}
    found = answered(text("Hi"), usage=usage)
    assert found.usage == Usage(12, 5, cached_tokens=7, cache_write_tokens=3)


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": 0, "output_tokens": 0}, {"input_tokens": 1.5}])
def test_missing_tokens_are_not_free(usage: object):
    found = answered(text("Hi there"), usage=usage)
    assert found.usage.estimated
    assert found.usage.prompt_tokens > 0
    assert found.usage.completion_tokens > 0


def test_calls_and_signed_reasoning_are_parts_in_order():
    found = answered(
        {"type": "thinking", "thinking": "Rain?", "signature": "sig=="},
        {"type": "redacted_thinking", "data": "xyz"},
        text("Let me see."),
        USE,
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        reason="tool_use",
        tools=True,
    )
    assert found.finish_reason == "tool_calls"
    assert found.content == (
        OpaqueItem("anthropic.thinking", "sig==", "Rain?"),
        OpaqueItem("anthropic.redacted_thinking", "xyz"),
        TextPart("Let me see."),
        ToolCall("toolu_1", "weather", '{"city":"Oslo"}'),
    )


def test_reasoning_without_a_signature_is_paid_for_and_no_part():
    found = answered({"type": "thinking", "thinking": "Rain or shine, who knows?"}, text("Rain."), usage=None)
    assert found.content == "Rain."
    assert found.usage.completion_tokens > answered(text("Rain."), usage=None).usage.completion_tokens


@pytest.mark.parametrize(
    ("block", "arguments"), [({**USE, "input": None}, "{}"), ({**USE, "input": '{"a":1}'}, '{"a":1}')]
)
def test_arguments_are_json_text(block: dict[str, Any], arguments: str):
    assert answered(block, tools=True).content == (ToolCall("toolu_1", "weather", arguments),)


def unusable(body: object, request: InferenceRequest = HELLO) -> Any:
    with pytest.raises(Unusable) as caught:
        read_message(body if isinstance(body, bytes) else json.dumps(body).encode(), call(request))
    return caught.value.failure


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        {"content": "text"},
        {"type": "message", "content": None},
        {"content": ["text"]},
        {"content": [{"type": "text"}]},
        {"content": [{"type": "text", "text": 5}]},
        {"content": [{"type": "tool_use", "name": "f"}]},
        {"type": "error"},
        {"type": "error", "error": "text"},
    ],
)
def test_a_body_that_is_no_message_is_garbled(body: object):
    found = unusable(body)
    assert (found.kind, found.retryable, found.lost) == (Kind.PROVIDER_GARBLED, True, True)


@pytest.mark.parametrize(
    ("named", "kind", "retryable"),
    [
        ("overloaded_error", Kind.PROVIDER_UNAVAILABLE, True),
        ("api_error", Kind.PROVIDER_UNAVAILABLE, True),
        ("rate_limit_error", Kind.PROVIDER_RATE_LIMITED, True),
        ("timeout_error", Kind.PROVIDER_TIMEOUT, False),
        ("authentication_error", Kind.PROVIDER_REJECTED, False),
        ("invalid_request_error", Kind.PROVIDER_REJECTED, False),
    ],
)
def test_an_error_with_the_status_200_is_the_error_that_it_says(named: str, kind: Kind, retryable: bool):
    found = unusable({"type": "error", "error": {"type": named, "message": "x"}})
    assert (found.kind, found.retryable) == (kind, retryable)


@pytest.mark.parametrize(
    "said",
    [
        "prompt is too long: 215000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length",
    ],
)
def test_a_prompt_that_is_too_long_is_the_callers(said: str):
    found = unusable({"type": "error", "error": {"type": "invalid_request_error", "message": said}})
    assert found.kind is Kind.CONTEXT_EXCEEDED


def test_a_refusal_without_a_word_is_the_providers_filter_and_paid():
    document = {"type": "message", "content": [], "stop_reason": "refusal", "usage": USAGE}
    found = unusable(document)
    assert (found.kind, found.usage) == (Kind.PROVIDER_FILTERED, Usage(12, 5))


def test_a_call_of_a_tool_that_was_not_offered_is_told():
    document = {"type": "message", "content": [USE], "stop_reason": "tool_use", "usage": USAGE}
    assert unusable(document).kind is Kind.UNREQUESTED_TOOL_CALL
    assert answered(text("Hi"), USE).content == "Hi"


def test_an_answer_comes_back_as_it_goes_into_the_next_turn():
    parts: tuple[Part, ...] = answered(
        {"type": "thinking", "thinking": "", "signature": "sig=="}, text("See."), USE, tools=True
    ).content
    assert messages(Message(Speaker.ASSISTANT, parts))[0]["content"] == [
        {"type": "thinking", "thinking": "", "signature": "sig=="},
        text("See."),
        USE,
    ]


def test_the_estimate_is_used_where_counts_are_missing():
    assert answered(text("Hi"), usage=None).usage.prompt_tokens == estimate_tokens(HELLO)
