"""Chat completions as requests of Assay, and answers as chat completions."""

import json
from base64 import b64encode
from typing import Any

import pytest
from fastapi.responses import JSONResponse

from api.inference import run_views
from api.wires.chat.answers import completion_of, usage_of
from api.wires.chat.fields import CHAT_FIELDS
from api.wires.chat.requests import in_clients_terms, read_chat
from api.wires.chat.routes import chat_request
from api.wires.dropped import recorded, require_droppable, shown
from api.wires.placing import Placing
from api.wires.submissions import whole_response
from assay_temporal.contracts import Answer, InferenceResult, ProblemDetail, Receipt, TokenUsage
from domain.inference.content import Attachment, Document
from domain.inference.parsing import messages_of, parse_request
from domain.inference.requests import Effort, InferenceRequest, Reasoning
from domain.policy.content import ContentPolicy, ProviderTools, UnknownFields
from domain.refusals import Kind, Refusal
from tests.bad_requests import LIMITS
from tests.paths import ROOT

HELLO = {"role": "user", "content": "Hello"}
GOOD: dict[str, Any] = {"model": "m", "messages": [HELLO]}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "42"}
RUN = "inf.acme." + "a" * 32
EVENT = "019a0000-0000-7000-8000-000000000000"

REQUEST_TYPE = {
    *("messages", "model", "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs"),
    *("max_completion_tokens", "max_tokens", "metadata", "modalities", "moderation", "n", "parallel_tool_calls"),
    *("prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"),
    *("reasoning_effort", "response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream"),
    *("stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity"),
    "web_search_options",
}
"""The fields of ``CompletionCreateParams`` of OpenAI's SDK."""

ASKING: dict[str, Any] = {
    **dict.fromkeys(("logprobs", "store"), True),
    **dict.fromkeys(("n", "top_logprobs", "frequency_penalty", "presence_penalty"), 2),
    "functions": ["x"],
    "modalities": ["audio"],
    "function_call": {"name": "f"},
    "service_tier": "flex",
}


def parsed(sent: Any) -> InferenceRequest:
    chat = read_chat(sent)
    try:
        found = parse_request(chat.body, LIMITS)
    except Refusal as refusal:
        raise in_clients_terms(refusal, chat) from None
    assert messages_of(chat.body) == found.messages
    return found


def test_every_field_of_the_sdks_request_type_is_placed():
    assert set(CHAT_FIELDS) == REQUEST_TYPE


@pytest.mark.parametrize("name", [name for name, field in CHAT_FIELDS.items() if field.placing is Placing.REFUSED])
def test_a_field_that_is_refused_is_named_and_asks_for_nothing_by_null_or_its_default(name: str):
    with pytest.raises(Refusal) as refused:
        read_chat({**GOOD, name: ASKING.get(name, "x")})
    assert (refused.value.kind, refused.value.field) == (Kind.INVALID_REQUEST, name)
    for nothing in (None, *CHAT_FIELDS[name].neutral):
        assert read_chat({**GOOD, name: nothing}) == read_chat(GOOD)


@pytest.mark.parametrize("name", [name for name, field in CHAT_FIELDS.items() if field.placing is Placing.DROPPED])
def test_a_field_that_is_dropped_is_named(name: str):
    found = read_chat({**GOOD, name: ASKING.get(name, "x")})
    assert (found.body, found.ignored) == (GOOD, (name,))
    for nothing in (None, *CHAT_FIELDS[name].neutral):
        assert read_chat({**GOOD, name: nothing}).ignored == ()


@pytest.mark.parametrize(
    ("name", "value", "attribute", "wanted"),
    [
        ("temperature", 1, "temperature", 1.0),
        ("top_p", 0.5, "top_p", 0.5),
        ("seed", 7, "seed", 7),
        ("metadata", {"a": "b"}, "metadata", (("a", "b"),)),
        ("max_tokens", 9, "max_tokens", 9),
        ("max_completion_tokens", 9, "max_tokens", 9),
        ("stop", "x", "stop", ("x",)),
        ("stop", ["x", "y"], "stop", ("x", "y")),
        ("stop", [], "stop", ()),
        ("tool_choice", "none", "tool_choice", None),
        ("parallel_tool_calls", False, "one_tool_call", False),
        ("response_format", {"type": "text"}, "response_format", None),
        ("frequency_penalty", 1, "frequency_penalty", 1.0),
        ("presence_penalty", -1, "presence_penalty", -1.0),
        ("logit_bias", {"7": -100}, "logit_bias", (("7", -100.0),)),
        ("reasoning_effort", "high", "reasoning", Reasoning(Effort.HIGH)),
        ("verbosity", "low", "verbosity", "low"),
        ("prompt_cache_key", "k", "cache_key", "k"),
        ("safety_identifier", "u", "end_user", "u"),
        ("user", "u", "end_user", "u"),
        ("user", "", "end_user", None),
    ],
)
def test_a_field_that_is_honoured_reaches_the_request(name: str, value: object, attribute: str, wanted: object):
    assert getattr(parsed({**GOOD, name: value}), attribute) == wanted


def test_every_honoured_field_is_in_a_test():
    tested = {"model", "messages", "tools", "tool_choice", "parallel_tool_calls", "response_format", "temperature"}
    tested |= {"frequency_penalty", "presence_penalty", "logit_bias", "reasoning_effort", "verbosity", "user"}
    tested |= {
        "prompt_cache_key",
        "safety_identifier",
        "web_search_options",
        "top_p",
        "seed",
        "metadata",
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "stream",
        "stream_options",
    }
    assert {name for name, field in CHAT_FIELDS.items() if field.placing is Placing.HONOURED} == tested


def test_tools_and_forms_of_answers_are_translated():
    found = parsed(
        {
            **GOOD,
            "tools": [TOOL, {"type": "function", "function": {"name": "g", "strict": None}}],
            "tool_choice": {"type": "function", "function": {"name": "g"}},
            "parallel_tool_calls": False,
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"b": 1, "a": 2}}},
        }
    )
    assert [(tool.name, tool.description, tool.parameters) for tool in found.tools] == [
        ("f", "d", '{"type":"object"}'),
        ("g", None, "{}"),
    ]
    assert found.tool_choice is not None
    assert (found.tool_choice.use, found.tool_choice.name, found.one_tool_call) == ("named", "g", True)
    assert found.response_format is not None
    assert (found.response_format.form, found.response_format.schema) == ("json_schema", '{"b":1,"a":2}')
    assert parsed({**GOOD, "response_format": {"type": "json_object"}}).response_format is not None


def test_a_stream_is_asked_for_with_or_without_its_tokens():
    assert read_chat(GOOD).stream is None
    assert read_chat({**GOOD, "stream": False}) == read_chat(GOOD)
    for options, usage in (
        (None, False),
        ({}, False),
        ({"include_usage": True}, True),
        ({"include_usage": None}, False),
    ):
        stream = read_chat({**GOOD, "stream": True, "stream_options": options}).stream
        assert stream is not None
        assert stream.usage is usage
    assert read_chat({**GOOD, "stream": True, "stream_options": {"x": 1}}).ignored == ("?stream_options.x",)
    assert read_chat({**GOOD, "stream_options": {"include_usage": True}}).ignored == ("stream_options",)


def test_unknown_fields_are_dropped_and_named_without_a_secret_in_the_name():
    sent = {**GOOD, "thinking": {"x": 1}, "sk-secret key": 1, "messages": [{**HELLO, "name": "eve", "cache": None}]}
    ignored = read_chat(sent).ignored
    assert shown(ignored) == ("*", "messages.name", "thinking")
    assert recorded(ignored) == ("*", "messages.*")  # a client's own names are in no record


def test_a_tool_of_the_provider_is_stripped_and_named_or_refused():
    search = {"type": "web_search_preview", "search_context_size": "low"}
    found = read_chat({**GOOD, "tools": [TOOL, search], "web_search_options": {}})
    assert [tool["name"] for tool in found.body["tools"]] == ["f"]
    assert found.ignored == ("tools:web_search_options", "tools:web_search_preview")
    require_droppable(found.ignored, ContentPolicy(provider_tools=ProviderTools.STRIP))
    with pytest.raises(Refusal, match="web_search_options") as refused:
        require_droppable(found.ignored, ContentPolicy(provider_tools=ProviderTools.REFUSE))
    assert refused.value.field == "tools"
    with pytest.raises(Refusal) as refused:
        require_droppable(("?a.b",), ContentPolicy(unknown_fields=UnknownFields.REFUSE))
    assert refused.value.field == "a.b"


def test_images_and_files_of_the_user_are_parts():
    png = "data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": png, "detail": "low"}},
        {"type": "file", "file": {"filename": "a.csv", "file_data": "data:text/csv;charset=utf-8;base64,YSxi"}},
        {"type": "file", "file": {"filename": "b.json", "file_data": "e30="}},
    ]
    [message] = parsed({**GOOD, "messages": [{"role": "user", "content": parts}]}).messages
    assert not isinstance(message.content, str)
    _, image, table, data = message.content
    assert isinstance(image, Attachment)
    assert (image.media_type, image.size, image.detail) == ("image/png", 16, "low")
    assert (table, data) == (
        Document("a,b", "a.csv", media_type="text/csv"),
        Document("{}", "b.json", media_type="application/json"),
    )


BAD_FILES: dict[str, tuple[Any, str]] = {
    "an image that is none": ({"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}, "image_url"),
    "no base64": ({"type": "image_url", "image_url": {"url": "data:image/png;base64,!"}}, "image_url"),
    "an image of text": ({"type": "image_url", "image_url": {"url": "data:,hello"}}, "image_url.url"),
    "an address": ({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}, "image_url"),
    "a file of the disk": ({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}, "image_url"),
    "no address": ({"type": "image_url", "image_url": {}}, "image_url.url"),
    "a number": ({"type": "image_url", "image_url": 7}, "image_url"),
    "a program": ({"type": "file", "file": {"filename": "a.exe", "file_data": "TVo="}}, "file.file_data"),
    "a text that is none": ({"type": "file", "file": {"filename": "a.txt", "file_data": "/w=="}}, "file.file_data"),
    "a file at the provider": ({"type": "file", "file": {"file_id": "file-1"}}, "file.file_id"),
    "a file without data": ({"type": "file", "file": {}}, "file.file_data"),
    "sound": ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, "type"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_an_image_or_a_file_that_is_none_is_refused_by_its_place(case: str):
    part, place = BAD_FILES[case]
    with pytest.raises(Refusal) as refused:
        parsed({**GOOD, "messages": [{"role": "user", "content": [part]}]})
    assert refused.value.kind is Kind.INVALID_REQUEST
    assert (refused.value.field or "").startswith(f"messages.0.content.0.{place}")
    with pytest.raises(Refusal) as refused:
        parsed({**GOOD, "messages": [HELLO, {"role": "system", "content": [part]}]})
    assert refused.value.field == "messages.1.content.0.type"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"messages": None}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["Hello"]}, "messages.0"),
        ({"messages": [{"role": "function", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
        ({"messages": [HELLO, {**CALLED, "function_call": {"name": "f"}}]}, "messages.1.function_call"),
        ({"messages": [HELLO, {**CALLED, "tool_calls": 5}]}, "messages.1.tool_calls"),
        ({"messages": [HELLO, {**CALLED, "tool_calls": [{**CALL, "type": "custom"}]}]}, "messages.1.tool_calls.0.type"),
        ({"messages": [HELLO, {**CALLED, "tool_calls": [{**CALL, "id": None}]}]}, "messages.1.tool_calls.0.id"),
        (
            {"messages": [HELLO, {**CALLED, "content": "x", "tool_calls": [CALL, {**CALL, "function": {"name": 1}}]}]},
            "messages.1.tool_calls.1.function.name",
        ),
        ({"messages": [HELLO, RESULT]}, "messages.1.tool_call_id"),
        ({"messages": [HELLO, CALLED, {**RESULT, "content": None}]}, "messages.2.content"),
        ({"messages": [HELLO, CALLED, {**RESULT, "content": [{"type": "image"}]}]}, "messages.2.content.0.type"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "custom"}]}, "tools.0.type"),
        ({"tools": [{"type": "function"}]}, "tools.0.function"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools.0.function.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "some", "tools": [TOOL]}, "tool_choice"),
        (
            {"tool_choice": {"type": "function", "function": {"name": "g"}}, "tools": [TOOL]},
            "tool_choice.function.name",
        ),
        ({"tool_choice": {"type": "allowed_tools"}, "tools": [TOOL]}, "tool_choice.type"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
        ({"stream": 1}, "stream"),
        ({"stream_options": True}, "stream_options"),
        ({"stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
        ({"response_format": {"type": "grammar"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}},
            "response_format.json_schema.schema",
        ),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
        ({"max_completion_tokens": 5_000_000}, "max_completion_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"model": None}, "model"),
    ],
)
def test_a_bad_request_is_refused_by_the_clients_own_name_of_the_field(changed: dict[str, Any], field: str):
    with pytest.raises(Refusal) as refused:
        parsed({**GOOD, **changed})
    assert (refused.value.kind, refused.value.field) == (Kind.INVALID_REQUEST, field)


@pytest.mark.parametrize("sent", [None, [], "x", 5])
def test_a_body_that_is_no_object_is_refused(sent: object):
    with pytest.raises(Refusal):
        read_chat(sent)


# Answers


def view(answer: Answer | None, problem: ProblemDetail | None = None) -> run_views.RunView:
    receipt = Receipt(EVENT, "d", "s")
    status, decision = ("completed", "allow") if answer else ("blocked", "block")
    return run_views.ended(
        RUN,
        InferenceResult(
            RUN, status, decision, result=answer, usage=TokenUsage(1, 2, 3), receipt=receipt, problem=problem
        ),
    )


def answer_to_chat(found: run_views.RunView) -> JSONResponse:
    return whole_response(chat_request(GOOD), found)


def test_an_answer_is_a_chat_completion_with_its_receipt():
    response = answer_to_chat(view(Answer("Hi", "m", "stop")))
    body = json.loads(response.body)
    assert body.keys() == {"id", "object", "created", "model", "choices", "usage", "assay"}
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert body["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    assert body["created"] == int(EVENT.replace("-", "")[:12], 16) // 1000
    assert (body["assay"]["decision"], body["assay"]["receipt"]["statement"]) == ("allow", "s")
    assert response.headers["assay-run-id"] == RUN
    assert response.headers["assay-decision"] == "allow"
    assert response.headers["assay-receipt"] == f"/v1/inferences/{RUN}"


def test_details_of_tokens_are_given_if_there_are_some():
    assert usage_of(TokenUsage(9, 5, 14, cached_tokens=7, reasoning_tokens=2)) == {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }


def test_calls_and_refusals_of_an_answer_have_their_places():
    parts = (
        {"type": "text", "text": "Let me see."},
        {"type": "tool_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    )
    choice = completion_of(view(Answer("Let me see.", "m", "stop", parts)))["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "Let me see."
    assert choice["message"]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ]
    message = completion_of(view(Answer("", "m", "unknown", parts[1:])))["choices"][0]["message"]
    assert message["content"] is None
    refused = completion_of(view(Answer("No.", "m", "content_filter", ({"type": "refusal", "text": "No."},))))
    assert refused["choices"][0]["message"] == {"role": "assistant", "content": None, "refusal": "No."}
    assert refused["choices"][0]["finish_reason"] == "content_filter"
    assert completion_of(view(Answer("", "m", "unknown")))["choices"][0]["finish_reason"] == "stop"
    assert completion_of(view(Answer("", "m", "stop")))["choices"][0]["message"]["content"] == ""


def test_a_run_without_an_answer_is_an_error_with_the_run():
    problem = ProblemDetail("prompt-blocked", "resembles an attack", rules=("a_rule",))
    response = answer_to_chat(view(None, problem))
    body = json.loads(response.body)
    assert (response.status_code, body["error"]["code"]) == (400, "content_filter")
    assert body["assay"]["problem"]["rules"] == ["a_rule"]
    assert response.headers["assay-decision"] == "block"
    assert response.headers["x-should-retry"] == "false"
    running = answer_to_chat(run_views.running(RUN))
    assert (running.status_code, json.loads(running.body)["error"]["code"]) == (400, "run_in_progress")
    assert running.headers["assay-run-id"] == RUN


def test_the_document_lists_every_field():
    document = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
    for name, field in CHAT_FIELDS.items():
        assert f"| `{name}` | {field.placing} | {field.note} |\n" in document
