"""Requests and answers in OpenAI's format: all that it carries goes over and comes back, and the rest is refused."""

import json
from dataclasses import replace
from typing import Any

import pytest

from adapters.models.openai_answers import Unusable, read_answer
from adapters.models.openai_requests import NotCarried, body_of
from domain.inference.content import (
    Attachment,
    Document,
    ImageAddress,
    Message,
    OpaqueItem,
    Part,
    RefusalPart,
    Speaker,
    TextKind,
    TextPart,
    ToolCall,
    ToolResult,
)
from domain.inference.models import ModelAnswer, ModelCall, ModelEntry, TokenKind, Usage
from domain.inference.requests import (
    AnswerForm,
    Effort,
    InferenceRequest,
    Reasoning,
    ResponseFormat,
    Tool,
    ToolChoice,
    ToolUse,
    Verbosity,
    bare_request,
)
from domain.inference.token_estimates import estimate_answer_tokens, estimate_tokens
from domain.refusals import Kind
from tests.contents import everything

ENTRY = ModelEntry("small", "fake", "fake-1", "http://127.0.0.1:1/v1", "models/fake", 4096, 0.1, 0.2)
SCHEMA = '{"properties":{"city":{"type":"string"}},"type":"object"}'
CALL = ToolCall("call_1", "weather", '{"city": "Oslo"}')
FILE = Attachment("0" * 64, "image/png")


def sent(request: InferenceRequest) -> dict[str, Any]:
    return json.loads(json.dumps(body_of(ModelCall(ENTRY, request, "c"))))


def call(*given: Message, data: dict[str, str] | None = None, **accepts: Any) -> ModelCall:
    entry = replace(ENTRY, accepts=replace(ENTRY.accepts, **accepts))
    return ModelCall(entry, bare_request(*given), "c", data or {})


def messages(*given: Message) -> list[dict[str, Any]]:
    return sent(bare_request(*given))["messages"]


def test_a_conversation_with_tools_goes_over_whole():
    request = InferenceRequest(
        "small",
        (
            Message(Speaker.SYSTEM, "Be brief."),
            Message(Speaker.USER, (TextPart("One", TextKind.DOCUMENT), TextPart("Two"))),
            Message(Speaker.ASSISTANT, (TextPart("Let me see."), CALL, replace(CALL, call_id="call_2"))),
            Message(Speaker.TOOL, (ToolResult("call_1", "rain"), ToolResult("call_2", (TextPart("sun"),)))),
        ),
        0.3,
        64,
        tools=(Tool("weather", SCHEMA, "Tells the weather.", strict=True), Tool("clock")),
        tool_choice=ToolChoice(ToolUse.NAMED, "weather"),
        response_format=ResponseFormat(AnswerForm.JSON_SCHEMA, "answer", "An answer.", SCHEMA, strict=True),
        stop=("END", "\n"),
        top_p=0.0,
        seed=0,
    )
    function = {"name": "weather", "arguments": '{"city": "Oslo"}'}
    assert sent(request) == {
        "model": "fake-1",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}]},
            {
                "role": "assistant",
                "content": "Let me see.",
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": function},
                    {"id": "call_2", "type": "function", "function": function},
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
            {"role": "tool", "tool_call_id": "call_2", "content": "sun"},
        ],
        "temperature": 0.3,
        "max_tokens": 64,
        "stream": False,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "weather",
                    "description": "Tells the weather.",
                    "parameters": json.loads(SCHEMA),
                    "strict": True,
                },
            },
            {"type": "function", "function": {"name": "clock", "parameters": {}}},
        ],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "answer",
                "description": "An answer.",
                "schema": json.loads(SCHEMA),
                "strict": True,
            },
        },
        "stop": ["END", "\n"],
        "top_p": 0.0,
        "seed": 0,
    }


@pytest.mark.parametrize("use", [ToolUse.AUTO, ToolUse.NONE, ToolUse.REQUIRED])
def test_a_choice_without_a_name_is_a_word(use: ToolUse):
    assert sent(replace(bare_request(), tool_choice=ToolChoice(use)))["tool_choice"] == use.value


@pytest.mark.parametrize("form", [AnswerForm.TEXT, AnswerForm.JSON_OBJECT])
def test_a_form_without_a_schema_is_its_name(form: AnswerForm):
    assert sent(replace(bare_request(), response_format=ResponseFormat(form)))["response_format"] == {"type": form}


def test_a_users_results_become_messages_of_their_own_in_order():
    user = Message(Speaker.USER, (ToolResult("a", "1"), ToolResult("b", "2"), TextPart("And?"), ToolResult("c", "3")))
    assert [(made["role"], made["content"]) for made in messages(user)] == [
        ("tool", "1"),
        ("tool", "2"),
        ("user", "And?"),
        ("tool", "3"),
    ]


@pytest.mark.parametrize(
    ("parts", "content", "calls"),
    [
        ((CALL,), None, 1),
        ((TextPart("a"), TextPart("b"), CALL), [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], 1),
        ((RefusalPart("no"),), [{"type": "refusal", "refusal": "no"}], 0),
        ((TextPart(""),), "", 0),
    ],
)
def test_what_the_assistant_said_comes_before_what_it_called(parts: tuple[Part, ...], content: Any, calls: int):
    [made] = messages(Message(Speaker.ASSISTANT, parts))
    assert made["content"] == content
    assert len(made.get("tool_calls", [])) == calls


def test_a_failed_result_begins_with_words_that_say_so():
    found = messages(Message(Speaker.USER, "Hello"), Message(Speaker.TOOL, (ToolResult("a", "1", failed=True),)))
    assert found[1]["content"] == [{"type": "text", "text": "The tool has failed:"}, {"type": "text", "text": "1"}]


def test_images_are_sent_to_models_that_accept_them_and_documents_as_texts():
    image = Attachment(FILE.digest, "image/png", detail="low")
    parts = (TextPart("See:"), image, ImageAddress("https://example.com/a"), Document("a,b", "a.csv"))
    made = body_of(call(Message(Speaker.USER, parts), images=True, data={FILE.digest: "aGk="}))["messages"][0]
    assert made["content"] == [
        {"type": "text", "text": "See:"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a"}},
        {"type": "text", "text": "a.csv\na,b"},
    ]


@pytest.mark.parametrize("accepts", [True, False])
def test_hints_and_identifiers_are_sent_to_models_that_accept_them(accepts: bool):
    options: dict[str, Any] = {
        "frequency_penalty": 0.5,
        "presence_penalty": -0.5,
        "logit_bias": (("7", 1.0),),
        "reasoning": Reasoning(Effort.LOW),
        "verbosity": Verbosity.HIGH,
        "end_user": "u",
        "cache_key": "k",
    }
    taken: dict[str, Any] = dict.fromkeys(("penalties", "logit_bias", "effort", "verbosity", "cache_key"), accepts)
    asked = call(Message(Speaker.USER, "Hello"), end_user="user" if accepts else None, **taken)
    made = body_of(replace(asked, request=replace(asked.request, **options)))
    hints = {
        "frequency_penalty": 0.5,
        "presence_penalty": -0.5,
        "logit_bias": {"7": 1.0},
        "reasoning_effort": "low",
        "verbosity": "high",
        "user": "u",
        "prompt_cache_key": "k",
    }
    found = {name: value for name, value in made.items() if name in hints}
    assert found == (hints if accepts else {})


NOT_CARRIED = {
    "a file": Message(Speaker.USER, (TextPart("See:"), FILE)),
    "signed reasoning": Message(Speaker.ASSISTANT, (OpaqueItem("thinking.signature", "x", "hm"), TextPart("a"))),
    "a text behind a call": Message(Speaker.ASSISTANT, (CALL, TextPart("a"))),
    "a call by the user": Message(Speaker.USER, (CALL,)),
    "a refusal by the user": Message(Speaker.USER, (RefusalPart("no"),)),
    "a result by the assistant": Message(Speaker.ASSISTANT, (ToolResult("a", "1"),)),
    "a result by the system": Message(Speaker.SYSTEM, (ToolResult("a", "1"),)),
    "a text by a tool": Message(Speaker.TOOL, (TextPart("a"),)),
    "a result of no call": Message(Speaker.TOOL, "a"),
    "a file as a result": Message(Speaker.TOOL, (ToolResult("a", (TextPart("1"), FILE)),)),
    "nothing": Message(Speaker.USER, ()),
}


@pytest.mark.parametrize("name", NOT_CARRIED)
def test_what_the_format_can_not_carry_is_refused(name: str):
    with pytest.raises(NotCarried) as refused:
        messages(Message(Speaker.USER, "Hello"), NOT_CARRIED[name])
    assert "messages.1" in str(refused.value)


def test_every_text_goes_over_or_the_request_is_refused():
    """Taken one by one, so that none is lost beside another that is refused."""
    numbers = iter(range(1000))
    request = everything(lambda _: f"mark{next(numbers):03}")
    for message in request.messages:
        for part in message.content if isinstance(message.content, tuple) else (message.content,):
            alone = bare_request(replace(message, content=part if isinstance(part, str) else (part,)))
            try:
                body = json.dumps(sent(alone))
            except NotCarried:
                continue
            marks = [word[:7] for word in str(part).split("mark")[1:]]
            assert all(f"mark{mark[:3]}" in body for mark in marks)
    others = json.dumps(sent(replace(request, messages=())))
    outside = str(replace(request, messages=())).split("mark")[1:]
    assert outside
    assert all(f"mark{mark[:3]}" in others for mark in outside)


def completion(message: dict[str, Any], **usage: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 8, **usage}}).encode()


def tool_call(**changed: Any) -> dict[str, Any]:
    function = {"name": "weather", "arguments": '{"city": "Oslo"}'}
    return {"id": "call_1", "type": "function", "function": function, **changed}


ASKED = replace(bare_request(Message(Speaker.USER, "Hello")), tools=(Tool("weather"),), max_tokens=64)


def read(body: bytes) -> ModelAnswer:
    return read_answer(body, ModelCall(ENTRY, ASKED, "c"))


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({"content": "Hi", "tool_calls": None, "refusal": None}, "Hi"),
        ({"content": "Hi", "tool_calls": [], "refusal": ""}, "Hi"),
        ({"content": None, "tool_calls": [tool_call()]}, (CALL,)),
        ({"tool_calls": [tool_call()]}, (CALL,)),
        ({"content": "", "tool_calls": [tool_call()]}, (CALL,)),
        (
            {"content": "Hm", "tool_calls": [tool_call(), tool_call(id="b")]},
            (TextPart("Hm"), CALL, replace(CALL, call_id="b")),
        ),
        ({"content": None, "tool_calls": [tool_call(id=None)]}, (replace(CALL, call_id="call_0"),)),
        (
            {"tool_calls": [tool_call(function={"name": "weather", "arguments": {"city": "Oslo"}})]},
            (CALL,),
        ),
        (
            {"tool_calls": [tool_call(function={"name": "\ud800", "arguments": None})]},
            (ToolCall("call_1", "\ufffd", "{}"),),
        ),
        (
            {"content": None, "function_call": {"name": "weather", "arguments": "{}"}},
            (ToolCall("call_0", "weather", "{}"),),
        ),
        ({"content": None}, ""),
        ({"content": None, "tool_calls": []}, ""),
        ({"content": None, "tool_calls": "weather"}, ""),
        ({"content": None, "refusal": 7}, ""),
        ({"content": [{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]}, "in parts"),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}, {"text": "So"}]}, "So"),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, (RefusalPart("No."),)),
        ({"content": ["Hi", {"type": "image_url"}, {"type": ["odd"], "text": 7}, 7, None]}, "Hi"),
        ({"content": {"type": "text", "text": {"value": "Hi"}}}, "Hi"),
        ({"content": "half of \ud800 pair"}, "half of \ufffd pair"),
        ({"content": None, "refusal": "I can't."}, (RefusalPart("I can't."),)),
        ({"content": "So", "refusal": "I can't."}, (TextPart("So"), RefusalPart("I can't."))),
    ],
)
def test_an_answer_comes_back_whole(message: dict[str, Any], content: Any):
    assert read(completion(message)).content == content


@pytest.mark.parametrize(
    "message",
    [
        {"content": 7, "tool_calls": [tool_call()]},
        {"content": True},
        {"content": None, "tool_calls": ["weather"]},
        {"content": None, "tool_calls": [tool_call(function=None)]},
        {"content": None, "tool_calls": [tool_call(function={"name": "", "arguments": ""})]},
        {"content": None, "tool_calls": [tool_call(function={"name": 7, "arguments": ""})]},
    ],
)
def test_what_is_no_content_is_garbled(message: dict[str, Any]):
    with pytest.raises(Unusable) as caught:
        read(completion(message))
    assert (caught.value.failure.kind, caught.value.failure.usage) == (Kind.PROVIDER_GARBLED, Usage(9, 8))


def test_usage_comes_by_kind():
    details = {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 5}}
    usage = read(completion({"content": "Hi"}, **details)).usage
    assert usage == Usage(9, 8, cached_tokens=4, reasoning_tokens=5)
    assert usage.by_kind == {
        TokenKind.INPUT: 5,
        TokenKind.CACHED_INPUT: 4,
        TokenKind.CACHE_WRITE: 0,
        TokenKind.OUTPUT: 3,
        TokenKind.REASONING: 5,
    }
    assert sum(usage.by_kind.values()) == usage.total == 17


@pytest.mark.parametrize(
    "details", [{}, {"prompt_tokens_details": None}, {"prompt_tokens_details": {"cached_tokens": None}}]
)
def test_usage_without_details_has_none(details: dict[str, Any]):
    assert read(completion({"content": "Hi"}, **details)).usage == Usage(9, 8)


def test_details_above_the_whole_are_the_whole():
    details = {"prompt_tokens_details": {"cached_tokens": 40}, "completion_tokens_details": {"reasoning_tokens": 50}}
    assert min(read(completion({"content": "Hi"}, **details)).usage.by_kind.values()) == 0


@pytest.mark.parametrize("details", [7, {"cached_tokens": "?"}, {"cached_tokens": -1}, {"cached_tokens": True}])
def test_details_that_are_no_counts_are_none(details: Any):
    assert read(completion({"content": "Hi"}, prompt_tokens_details=details)).usage == Usage(9, 8)


def test_an_answer_of_calls_without_usage_is_not_free():
    body = completion({"content": None, "tool_calls": [tool_call()]}, prompt_tokens=0, completion_tokens=0)
    usage = read(body).usage
    assert usage == Usage(estimate_tokens(ASKED), estimate_answer_tokens((CALL,)), estimated=True)
    assert usage.completion_tokens > 0
