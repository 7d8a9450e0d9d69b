"""Anthropic's messages as requests of Assay, and answers as messages."""

import json
from typing import Any

import pytest

from api.inference import run_views
from api.wires.dropped import runs_at_provider, shown
from api.wires.messages.answers import message_of_run, usage_of_run
from api.wires.messages.fields import COUNT_FIELDS, MESSAGES_FIELDS
from api.wires.messages.members import DROPPED, READ, REFUSED_BLOCKS
from api.wires.messages.requests import read_messages_request
from api.wires.messages.routes import messages_request
from api.wires.messages.terms import in_anthropics_terms
from api.wires.placing import Placing
from api.wires.submissions import whole_response
from assay_temporal.contracts import Answer, InferenceResult, ProblemDetail, Receipt, TokenUsage
from domain.inference.content import Attachment, Document, OpaqueItem, Speaker, TextPart, ToolCall, ToolResult
from domain.inference.parsing import messages_of, parse_request
from domain.inference.requests import Effort, InferenceRequest, Reasoning, ReasoningMode
from domain.refusals import Kind, Refusal
from tests.bad_requests import LIMITS
from tests.paths import ROOT

HELLO = {"role": "user", "content": "Hello"}
GOOD: dict[str, Any] = {"model": "m", "max_tokens": 64, "messages": [HELLO]}
BODY: dict[str, Any] = {"model": "m", "max_tokens": 64, "messages": [HELLO]}
TOOL = {"name": "f", "description": "d", "input_schema": {"type": "object"}}
USE = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}
CALLED = {"role": "assistant", "content": [{"type": "text", "text": "See."}, USE]}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "42"}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
RUN = "inf.acme." + "a" * 32
EVENT = "019a0000-0000-7000-8000-000000000000"
SDK_FIELDS = json.loads((ROOT / "tests" / "clients" / "anthropic_fields.json").read_text(encoding="utf-8"))
OLDER = {"temperature", "top_p", "top_k"}
"""Fields of earlier releases of the SDK, which other clients still send."""
ASKING: dict[str, Any] = {
    "mcp_servers": [{"url": "x"}],
    "fallbacks": "default",
    "billing_policy": {"bill_to": "user_profile"},
    "service_tier": "standard_only",
    "speed": "fast",
    "betas": ["x"],
}


def parsed(sent: Any) -> InferenceRequest:
    found = read_messages_request(sent)
    try:
        request = parse_request(found.body, LIMITS)
    except Refusal as refusal:
        raise in_anthropics_terms(refusal, found) from None
    assert messages_of(found.body) == request.messages
    return request


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def image(**source: str) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", **source}}


def said(*blocks: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": list(blocks)}


def test_every_field_of_the_sdks_request_types_is_placed():
    assert set(MESSAGES_FIELDS) == set(SDK_FIELDS["create"]) | OLDER
    assert set(SDK_FIELDS["count"]) <= COUNT_FIELDS <= set(MESSAGES_FIELDS)


def test_every_member_of_the_sdks_types_is_placed():
    assert SDK_FIELDS["members"] == {kind: sorted(READ[kind] | DROPPED.get(kind, set())) for kind in READ}
    blocks = {kind for kind in READ if kind in SDK_FIELDS["blocks"]}
    assert set(SDK_FIELDS["blocks"]) == blocks | REFUSED_BLOCKS
    assert not blocks & REFUSED_BLOCKS
    assert all(not READ[kind] & dropped for kind, dropped in DROPPED.items())


@pytest.mark.parametrize("kind", [kind for kind in SDK_FIELDS["tools"] if runs_at_provider(kind)])
def test_a_tool_that_its_provider_runs_is_named_for_the_policy(kind: str):
    found = read_messages_request({**GOOD, "tools": [{"type": kind, "name": "t"}, TOOL]})
    assert [tool["name"] for tool in found.body["tools"]] == ["f"]
    assert found.ignored == (f"tools:{kind}",)


@pytest.mark.parametrize("kind", [kind for kind in SDK_FIELDS["tools"] if not runs_at_provider(kind)])
def test_other_tools_of_the_sdk_are_the_clients_own_or_refused(kind: str):
    sent = {**GOOD, "tools": [{**TOOL, "type": kind}]}
    if kind == "custom":
        assert read_messages_request(sent).body["tools"]
        return
    with pytest.raises(Refusal) as refused:
        read_messages_request(sent)
    assert refused.value.field == "tools.0.type"


@pytest.mark.parametrize("name", [name for name, field in MESSAGES_FIELDS.items() if field.placing is Placing.REFUSED])
def test_a_field_that_is_refused_is_named_and_asks_for_nothing_by_null_or_its_default(name: str):
    with pytest.raises(Refusal) as refused:
        read_messages_request({**GOOD, name: ASKING.get(name, "x")})
    assert (refused.value.kind, refused.value.field) == (Kind.INVALID_REQUEST, name)
    for nothing in (None, *MESSAGES_FIELDS[name].neutral):
        assert read_messages_request({**GOOD, name: nothing}) == read_messages_request(GOOD)


@pytest.mark.parametrize("name", [name for name, field in MESSAGES_FIELDS.items() if field.placing is Placing.DROPPED])
def test_a_field_that_is_dropped_is_named(name: str):
    found = read_messages_request({**GOOD, name: ASKING.get(name, "x")})
    assert (found.body, found.ignored) == (BODY, (name,))
    for nothing in (None, *MESSAGES_FIELDS[name].neutral):
        assert read_messages_request({**GOOD, name: nothing}).ignored == ()


@pytest.mark.parametrize(
    ("name", "value", "attribute", "wanted"),
    [
        ("temperature", 1, "temperature", 1.0),
        ("top_p", 0.5, "top_p", 0.5),
        ("max_tokens", 9, "max_tokens", 9),
        ("stop_sequences", ["x", "y"], "stop", ("x", "y")),
        ("stop_sequences", [], "stop", ()),
        ("tool_choice", {"type": "none"}, "tool_choice", None),
        ("tool_choice", {"type": "auto", "disable_parallel_tool_use": True}, "one_tool_call", False),
        ("top_k", 5, "top_k", 5),
        ("metadata", {"user_id": "u-1"}, "end_user", "u-1"),
        ("metadata", {"user_id": None}, "end_user", None),
        ("thinking", {"type": "adaptive"}, "reasoning", Reasoning(mode=ReasoningMode.ADAPTIVE)),
        (
            "thinking",
            {"type": "enabled", "budget_tokens": 2048},
            "reasoning",
            Reasoning(mode=ReasoningMode.ENABLED, budget_tokens=2048),
        ),
        ("thinking", {"type": "between_tools"}, "reasoning", None),
        ("output_config", {"effort": "high"}, "reasoning", Reasoning(effort=Effort.HIGH)),
        ("system", "", "one_tool_call", False),
        ("system", [], "one_tool_call", False),
    ],
)
def test_a_field_that_is_honoured_reaches_the_request(name: str, value: object, attribute: str, wanted: object):
    assert getattr(parsed({**GOOD, name: value}), attribute) == wanted


def test_every_honoured_field_is_in_a_test():
    tested = {"model", "messages", "system", "max_tokens", "stop_sequences", "temperature", "top_p", "tools"}
    tested |= {
        "tool_choice",
        "output_config",
        "output_format",
        "stream",
        "thinking",
        "cache_control",
        "metadata",
        "top_k",
    }
    assert {name for name, field in MESSAGES_FIELDS.items() if field.placing is Placing.HONOURED} == tested


def test_a_conversation_with_tools_is_translated_block_by_block():
    found = parsed(
        {
            **GOOD,
            "system": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}],
            "messages": [
                HELLO,
                CALLED,
                said(
                    {**RESULT, "content": [{"type": "text", "text": "no"}], "is_error": True},
                    {"type": "text", "text": "?"},
                ),
                {"role": "system", "content": "C"},
            ],
            "tools": [TOOL, {"type": "custom", "name": "g", "input_schema": {}, "strict": True}],
            "tool_choice": {"type": "tool", "name": "g", "disable_parallel_tool_use": True},
        }
    )
    assert [message.role for message in found.messages] == ["system", "user", "assistant", "user", "system"]
    assert found.messages[0].content == (TextPart("A"), TextPart("B"))
    assert found.messages[2].content == (TextPart("See."), ToolCall("toolu_1", "f", '{"a":1}'))
    assert found.messages[3].content == (ToolResult("toolu_1", (TextPart("no"),), failed=True), TextPart("?"))
    assert found.messages[4].role is Speaker.SYSTEM
    assert [(tool.name, tool.description, tool.parameters, tool.strict) for tool in found.tools] == [
        ("f", "d", '{"type":"object"}', False),
        ("g", None, "{}", True),
    ]
    assert found.tool_choice is not None
    assert (found.tool_choice.use, found.tool_choice.name, found.one_tool_call) == ("named", "g", True)


@pytest.mark.parametrize("place", ["output_config", "output_format"])
def test_the_form_of_the_answer_is_translated(place: str):
    form = {"type": "json_schema", "schema": {"b": 1, "a": 2}}
    found = parsed({**GOOD, place: {"format": form} if place == "output_config" else form}).response_format
    assert found is not None
    assert (found.form, found.name, found.schema) == ("json_schema", "answer", '{"b":1,"a":2}')


def test_images_are_data_or_addresses_that_the_policy_forwards():
    shown = image(media_type="image/png", data=PNG)
    found = parsed({**GOOD, "messages": [said(shown, text("?")), CALLED, said({**RESULT, "content": [shown]})]})
    assert isinstance(attachment := found.messages[0].content[0], Attachment)
    assert (attachment.media_type, attachment.is_image) == ("image/png", True)
    assert found.messages[2].content == (ToolResult("toolu_1", (attachment,)),)


def test_signed_reasoning_comes_back_unaltered():
    blocks = (
        {"type": "thinking", "thinking": "Hm.", "signature": "sig=="},
        {"type": "thinking", "thinking": "", "signature": "sig=="},
        {"type": "redacted_thinking", "data": "xyz"},
    )
    found = parsed({**GOOD, "messages": [HELLO, said(*blocks, USE, role="assistant")]}).messages[1].content
    assert found == (
        OpaqueItem("anthropic.thinking", "sig==", "Hm."),
        OpaqueItem("anthropic.thinking", "sig=="),
        OpaqueItem("anthropic.redacted_thinking", "xyz"),
        ToolCall("toolu_1", "f", '{"a":1}'),
    )


def test_blocks_and_tools_are_marked_for_the_providers_cache():
    hour = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    found = parsed(
        {
            **GOOD,
            "system": [{**text("A"), **hour}],
            "messages": [HELLO, CALLED, said({**RESULT, "cache_control": {"type": "ephemeral"}}), HELLO],
            "tools": [{**TOOL, **hour}],
            **hour,
        }
    )
    assert found.messages[0].content == (TextPart("A", cache="1h"),)
    assert found.messages[3].content == (ToolResult("toolu_1", "42", cache="5m"),)
    assert found.messages[4].content == (TextPart("Hello", cache="1h"),)
    assert found.tools[0].cache == "1h"


def test_documents_and_search_results_are_text_of_others():
    document = {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "D"}}
    inner = {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "E"}]}}
    search = {
        "type": "search_result",
        "source": "https://s.example",
        "title": "S",
        "content": [{"type": "text", "text": "F"}],
    }
    source = {"type": "base64", "media_type": "text/csv", "data": "YSxi"}
    table = {"type": "document", "source": source, "citations": {"enabled": True}}
    found = parsed({**GOOD, "messages": [said(document, inner, search, table, text("G"))]})
    assert found.messages[0].content == (
        Document("D", "T"),
        Document("E"),
        Document("F", "S", "https://s.example"),
        Document("a,b", media_type="text/csv", cited=True),
        TextPart("G"),
    )
    result = parsed({**GOOD, "messages": [HELLO, CALLED, said({**RESULT, "content": [document]})]}).messages[2].content
    assert result == (ToolResult("toolu_1", (Document("D", "T"),)),)


def test_unknown_and_dropped_members_are_named_without_a_secret_in_the_name():
    found = read_messages_request(
        {
            **GOOD,
            "sk-secret key": 1,
            "messages": [{**HELLO, "name": "eve"}, said({**text("B"), "citations": []})],
            "tools": [{**TOOL, "defer_loading": True}],
            "output_config": {"task_budget": {"total": 5}},
            "thinking": {"type": "adaptive", "display": "omitted"},
        }
    )
    assert shown(found.ignored) == (
        "*",
        "messages.content.citations",
        "messages.name",
        "output_config.task_budget",
        "thinking.display",
        "tools.defer_loading",
    )


AGENT = {
    "model": "m",
    "max_tokens": 64,
    "stream": True,
    "system": [
        {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}} for text in ("x-header: a", "B", "C")
    ],
    "messages": [
        said({"type": "text", "text": "<system-reminder>R</system-reminder>"}, {"type": "text", "text": "Fix it"}),
        {"role": "system", "content": "Use tabs."},
    ],
    "tools": [{**TOOL, "name": f"T{at}", "cache_control": {"type": "ephemeral"}} for at in range(24)],
    "metadata": {"user_id": '{"device_id":"d","session_id":"s"}'},
    "thinking": {"type": "adaptive"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "output_config": {"effort": "high"},
}
"""A request with the fields of a coding agent's."""


def test_a_coding_agents_request_passes():
    assert len(parsed(AGENT).tools) == 24
    assert messages_request(AGENT).events is not None
    vercel = {"model": "m", "max_tokens": 4, "messages": [said({"type": "text", "text": "Hi"})], "temperature": 0}
    assert parsed(vercel).max_tokens == 4


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"messages": None}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["Hello"]}, "messages.0"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [said("text")]}, "messages.0.content.0"),
        ({"messages": [said({"type": "text"})]}, "messages.0.content.0.text"),
        ({"messages": [said({"type": ["text"]})]}, "messages.0.content.0.type"),
        ({"messages": [said(USE)]}, "messages.0.content.0.type"),
        ({"messages": [HELLO, said(RESULT, role="assistant")]}, "messages.1.content.0.type"),
        ({"messages": [HELLO, said({"type": "server_tool_use"}, role="assistant")]}, "messages.1.content.0.type"),
        ({"messages": [said({"type": "container_upload", "file_id": "f"})]}, "messages.0.content.0.type"),
        ({"messages": [HELLO, said(RESULT)]}, "messages.1.content.0.tool_use_id"),
        ({"messages": [HELLO, said({**USE, "input": "x"}, role="assistant")]}, "messages.1.content.0.input"),
        ({"messages": [HELLO, said({**USE, "id": None}, role="assistant")]}, "messages.1.content.0.id"),
        ({"messages": [HELLO, CALLED, said({**RESULT, "is_error": "no"})]}, "messages.2.content.0.is_error"),
        ({"messages": [HELLO, CALLED, said({**RESULT, "content": [USE]})]}, "messages.2.content.0.content.0.type"),
        ({"messages": [said({"type": "document"})]}, "messages.0.content.0.source"),
        (
            {"messages": [said({"type": "document", "source": {"type": "url", "url": "https://x"}})]},
            "messages.0.content.0.source.type",
        ),
        (
            {
                "messages": [
                    said(
                        {
                            "type": "document",
                            "source": {"type": "base64", "media_type": "application/pdf", "data": "eA=="},
                        }
                    )
                ]
            },
            "messages.0.content.0.source.data",
        ),
        (
            {"messages": [said({"type": "search_result", "content": [], "title": 5})]},
            "messages.0.content.0.title",
        ),
        ({"system": 5}, "system"),
        ({"system": [{"type": "image"}]}, "system.0.type"),
        ({"system": [{"type": "text", "text": 5}]}, "system.0.text"),
        ({"system": "x", "messages": [HELLO, said({"type": "text", "text": 5})]}, "messages.1.content.0.text"),
        ({"system": " "}, "system"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools.0.type"),
        ({"tools": [{**TOOL, "cache_control": {"type": "forever"}}]}, "tools.0.cache_control"),
        ({"messages": [said({**text("x"), "cache_control": 5})]}, "messages.0.content.0.cache_control"),
        (
            {"messages": [said({**text("x"), "cache_control": {"type": "ephemeral", "ttl": 1}})]},
            "messages.0.content.0.cache_control",
        ),
        ({"messages": [said({"type": "image"})]}, "messages.0.content.0.source"),
        ({"messages": [said(image(type="file", file_id="f"))]}, "messages.0.content.0.source.type"),
        ({"messages": [said(image(type="url", url="https://x.example/a.png"))]}, "messages.0.content.0.source.url"),
        ({"messages": [said(image(media_type="image/png", data="eA=="))]}, "messages.0.content.0.source.data"),
        ({"messages": [said(image(media_type="image/tiff", data="eA=="))]}, "messages.0.content.0.source.media_type"),
        (
            {"messages": [HELLO, said({"type": "thinking", "thinking": "x"}, role="assistant")]},
            "messages.1.content.0.signature",
        ),
        ({"messages": [HELLO, said({"type": "redacted_thinking"}, role="assistant")]}, "messages.1.content.0.data"),
        ({"thinking": {"budget_tokens": 5}}, "thinking.type"),
        ({"thinking": {"type": "enabled", "budget_tokens": "x"}}, "thinking.budget_tokens"),
        ({"output_config": {"effort": "extreme"}}, "output_config.effort"),
        ({"metadata": {"user_id": 5}}, "metadata.user_id"),
        ({"metadata": "x"}, "metadata"),
        ({"top_k": 0}, "top_k"),
        ({"tools": [{"name": "f"}]}, "tools.0.input_schema"),
        ({"tools": [{**TOOL, "input_schema": "x"}]}, "tools.0.input_schema"),
        ({"tools": [{**TOOL, "name": "a b"}]}, "tools.0.name"),
        ({"tools": [TOOL, TOOL]}, "tools.1.name"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tool_choice": {"type": ["auto"]}, "tools": [TOOL]}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool", "name": "g"}, "tools": [TOOL]}, "tool_choice.name"),
        ({"tool_choice": {"type": "auto", "disable_parallel_tool_use": 1}}, "tool_choice.disable_parallel_tool_use"),
        ({"output_config": "x"}, "output_config"),
        ({"output_config": {"format": {"type": "text"}}}, "output_config.format.type"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"output_config": {"format": {"type": "json_schema", "schema": 5}}}, "output_config.format.schema"),
        ({"output_config": {"format": {"a": 1}}, "output_format": {"a": 2}}, "output_format"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"stop_sequences": ["x"] * 5}, "stop_sequences"),
        ({"stop_sequences": [""]}, "stop_sequences.0"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": LIMITS.max_tokens + 1}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"stream": "yes"}, "stream"),
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
        read_messages_request(sent)


def test_tokens_are_counted_without_a_limit_on_the_answer():
    without = {name: value for name, value in GOOD.items() if name != "max_tokens"}
    assert read_messages_request(without, counted=True).body == without


# Answers


def view(answer: Answer | None, problem: ProblemDetail | None = None) -> run_views.RunView:
    receipt = Receipt(EVENT, "d", "s")
    status, decision = ("completed", "allow") if answer else ("blocked", "block")
    result = InferenceResult(
        RUN, status, decision, result=answer, usage=TokenUsage(1, 2, 3), receipt=receipt, problem=problem
    )
    return run_views.ended(RUN, result)


def test_an_answer_is_a_message_with_its_receipt():
    response = whole_response(messages_request({**GOOD, "speed": "fast"}), view(Answer("Hi", "m", "stop")))
    body = json.loads(response.body)
    assay = body.pop("assay")
    assert body == {
        "id": RUN,
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 1,
            "output_tokens": 2,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }
    assert (assay["decision"], assay["receipt"]["statement"]) == ("allow", "s")
    assert response.headers["assay-run-id"] == RUN
    assert response.headers["assay-ignored"] == "speed"


def test_tokens_of_a_providers_cache_are_apart_and_those_of_reasoning_a_detail():
    usage = TokenUsage(12, 5, 17, cached_tokens=7, cache_write_tokens=3, reasoning_tokens=2)
    assert usage_of_run(usage) == {
        "input_tokens": 2,
        "output_tokens": 5,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 2},
    }


@pytest.mark.parametrize(
    ("reason", "stops", "wanted"),
    [
        ("stop", (), ("end_turn", None)),
        ("length", (), ("max_tokens", None)),
        ("content_filter", (), ("refusal", None)),
        ("stop_sequence", ("END",), ("stop_sequence", "END")),
        ("stop_sequence", ("END", "."), ("stop_sequence", None)),
        ("eos", (), ("end_turn", None)),
    ],
)
def test_the_reason_of_the_end_has_the_formats_names(reason: str, stops: tuple[str, ...], wanted: tuple[str, Any]):
    found = message_of_run(view(Answer("Hi", "m", reason)), stops)
    assert (found["stop_reason"], found["stop_sequence"]) == wanted


def test_calls_reasoning_and_refusals_of_an_answer_are_blocks():
    parts: tuple[dict[str, Any], ...] = (
        {"type": "opaque", "label": "anthropic.thinking", "data": "sig", "text": "Hm."},
        {"type": "opaque", "label": "anthropic.redacted_thinking", "data": "xyz"},
        {"type": "opaque", "label": "openai.reasoning", "data": "another provider's"},
        {"type": "text", "text": "See."},
        {"type": "tool_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
        {"type": "tool_call", "call_id": "c2", "name": "f", "arguments": "no json"},
        {"type": "tool_call", "call_id": "c3", "name": "f", "arguments": ""},
    )
    found = message_of_run(view(Answer("See.", "m", "stop", parts)))
    assert found["stop_reason"] == "tool_use"
    assert found["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": "See."},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "c2", "name": "f", "input": {"invalid_json": "no json"}},
        {"type": "tool_use", "id": "c3", "name": "f", "input": {}},
    ]
    refused = message_of_run(view(Answer("No.", "m", "stop", ({"type": "refusal", "text": "No."},))))
    assert (refused["stop_reason"], refused["content"][0]["text"]) == ("refusal", "No.")
    assert message_of_run(view(Answer("", "m", "stop")))["content"] == []


def test_hints_that_the_models_format_leaves_out_have_the_clients_names():
    found = read_messages_request(GOOD)
    names = ["cache", "reasoning.mode", "reasoning.budget_tokens", "reasoning.effort", "end_user", "stop", "top_k"]
    told = [in_anthropics_terms(Refusal(Kind.INVALID_REQUEST, "", field=name), found).field for name in names]
    assert told == [
        *("cache_control", "thinking.type", "thinking.budget_tokens", "output_config.effort", "metadata.user_id"),
        *("stop_sequences", "top_k"),
    ]


def test_a_run_without_an_answer_is_an_error_with_the_run():
    problem = ProblemDetail("prompt-blocked", "resembles an attack", rules=("a_rule",))
    response = whole_response(messages_request(GOOD), view(None, problem))
    body = json.loads(response.body)
    assert (response.status_code, body["type"], body["error"]["type"]) == (400, "error", "invalid_request_error")
    assert (body["request_id"], response.headers["x-should-retry"]) == (RUN, "false")
    assert "a_rule" in body["error"]["message"]
    running = whole_response(messages_request(GOOD), run_views.running(RUN))
    assert (running.status_code, json.loads(running.body)["type"]) == (400, "error")


def test_the_document_lists_every_field():
    document = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
    for name, field in MESSAGES_FIELDS.items():
        assert f"| `{name}` | {field.placing} | {field.note} |\n" in document
