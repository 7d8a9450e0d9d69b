"""Responses as requests of Assay: fields, items, tools, and refusals in the client's terms."""

import json
from typing import Any

import pytest

from api.wires.dropped import runs_at_provider
from api.wires.placing import Placing
from api.wires.responses.fields import (
    COUNT_FIELDS,
    DROPPED,
    READ,
    READ_CHOICES,
    REFUSED_ITEMS,
    REFUSED_TOOLS,
    RESPONSES_FIELDS,
)
from api.wires.responses.parts import reasoning_item
from api.wires.responses.requests import (
    ResponseRequest,
    StoredContext,
    in_clients_terms,
    read_response_request,
    references,
)
from domain.inference.parsing import messages_of, parse_request
from domain.inference.requests import InferenceRequest
from domain.refusals import Kind, Refusal
from tests.bad_requests import LIMITS
from tests.paths import ROOT

GOOD: dict[str, Any] = {"model": "m", "input": "Hello"}
HELLO = {"role": "user", "content": "Hello"}
TOOL = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
CUSTOM = {"type": "custom", "name": "patch", "description": "Edits."}
SPACE = {"type": "namespace", "name": "team", "tools": [TOOL, CUSTOM]}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "42"}
RUN = "inf.acme." + "a" * 32

PIXEL = "data:image/png;base64,iVBORw0KGgo="
"""An image by its first bytes."""


def file(**part: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": [part]}]}


SDK_FIELDS = json.loads((ROOT / "tests" / "clients" / "openai_response_fields.json").read_text(encoding="utf-8"))
CODEX = {"client_metadata"}

ASKING: dict[str, Any] = {
    **dict.fromkeys(("truncation", "service_tier"), "other"),
    "context_management": ["x"],
    **{name: {"x": "y"} for name in ("stream_options", "image", "prompt", "moderation")},
    "top_logprobs": 2,
}


def read(sent: Any, *earlier: dict[str, Any], **items: dict[str, Any]) -> ResponseRequest:
    return read_response_request(sent, StoredContext([*earlier], items))


def parsed(sent: Any, *earlier: dict[str, Any], **items: dict[str, Any]) -> InferenceRequest:
    made = read(sent, *earlier, **items)
    try:
        found = parse_request(made.body, LIMITS)
    except Refusal as refusal:
        raise in_clients_terms(refusal, made) from None
    assert messages_of(made.body) == found.messages
    return found


def test_every_field_of_the_sdks_request_type_is_placed():
    assert set(RESPONSES_FIELDS) == set(SDK_FIELDS["create"]) | CODEX
    assert set(SDK_FIELDS["count"]) == COUNT_FIELDS
    assert set(RESPONSES_FIELDS) >= COUNT_FIELDS - {"personality"}


def test_every_member_of_the_sdks_items_parts_and_tools_is_placed():
    found = {**SDK_FIELDS["items"], **SDK_FIELDS["parts"], **SDK_FIELDS["tools"]}
    for kind in READ.keys() - {"text"}:
        placed = READ[kind] | DROPPED.get(kind, frozenset())
        assert placed >= set(found[kind]), kind
        assert placed - set(found[kind]) <= {"id", "status", "annotations", "logprobs"}, kind
        assert not READ[kind] & DROPPED.get(kind, frozenset())
    assert set(SDK_FIELDS["items"]) - READ.keys() == REFUSED_ITEMS
    assert SDK_FIELDS["parts"].keys() <= READ.keys()
    others = {kind for kind in SDK_FIELDS["tools"].keys() - READ.keys() if not runs_at_provider(kind)}
    assert others == REFUSED_TOOLS
    assert set(SDK_FIELDS["text"]) == {"format", "verbosity"}


@pytest.mark.parametrize("kind", SDK_FIELDS["choices"])
def test_a_choice_of_the_sdk_is_read_or_refused(kind: str):
    more = {"mode": "auto", "tools": [{"type": "function", "name": "f"}]} if kind == "allowed_tools" else {"name": "f"}
    sent = {**GOOD, "tools": [TOOL], "tool_choice": {"type": kind, **more}}
    if kind in READ_CHOICES:
        assert parsed(sent).tool_choice is not None
        return
    with pytest.raises(Refusal) as refused:
        read(sent)
    assert refused.value.field == "tool_choice.type"


@pytest.mark.parametrize("kind", SDK_FIELDS["tools"])
def test_a_tool_of_the_sdk_is_read_refused_or_named_for_the_policy(kind: str):
    sent = {**GOOD, "tools": [TOOL, {"type": kind, "name": "t", "tools": []}]}
    if kind in REFUSED_TOOLS:
        with pytest.raises(Refusal) as refused:
            read(sent)
        assert refused.value.field == "tools.1.type"
    else:
        assert (f"tools:{kind}" in read(sent).ignored) == (kind not in READ)


@pytest.mark.parametrize("kind", sorted(REFUSED_ITEMS))
def test_an_item_of_a_provider_is_refused_by_its_type(kind: str):
    with pytest.raises(Refusal) as refused:
        read({"model": "m", "input": [HELLO, {"type": kind, "id": "x"}]})
    assert refused.value.field == "input.1.type"


def test_members_that_are_dropped_are_named():
    called = [HELLO, {**CALL, "caller": {"type": "direct"}, "async": None}, RESULT]
    assert read({"model": "m", "input": called}).ignored == ("input.caller",)
    assert read({**GOOD, "tools": [{**TOOL, "defer_loading": True, "new": 1}]}).ignored == (
        *("?tools.new", "tools.defer_loading"),
    )


@pytest.mark.parametrize("name", [name for name, field in RESPONSES_FIELDS.items() if field.placing is Placing.REFUSED])
def test_a_refused_field_is_refused_by_its_name(name: str):
    with pytest.raises(Refusal) as refused:
        read({**GOOD, name: ASKING.get(name, "x")})
    assert (refused.value.kind, refused.value.field) == (Kind.INVALID_REQUEST, name)
    assert read({**GOOD, name: None}).ignored == ()


@pytest.mark.parametrize("name", [name for name, field in RESPONSES_FIELDS.items() if field.placing is Placing.DROPPED])
def test_a_dropped_field_is_named(name: str):
    assert read({**GOOD, name: ASKING.get(name, "x")}).ignored == (name,)
    for nothing in (None, *RESPONSES_FIELDS[name].neutral):
        assert read({**GOOD, name: nothing}) == read(GOOD)


@pytest.mark.parametrize(
    ("name", "value", "attribute", "wanted"),
    [
        ("temperature", 1, "temperature", 1.0),
        ("top_p", 0.5, "top_p", 0.5),
        ("metadata", {"a": "b"}, "metadata", (("a", "b"),)),
        ("max_output_tokens", 9, "max_tokens", 9),
        ("tool_choice", "none", "tool_choice", None),
        ("parallel_tool_calls", False, "one_tool_call", False),
        ("text", {"format": {"type": "text"}}, "response_format", None),
    ],
)
def test_a_field_that_is_honoured_reaches_the_request(name: str, value: object, attribute: str, wanted: object):
    assert getattr(parsed({**GOOD, name: value}), attribute) == wanted


def test_what_the_run_keeps_is_what_is_not_the_default():
    assert read(GOOD).body["response"] == {}
    assert read({**GOOD, "store": True, "background": False}).body["response"] == {}
    assert read({**GOOD, "store": False}).body["response"] == {"store": False}
    sent = {**GOOD, "background": True, "instructions": "Be kind.", "previous_response_id": f"resp_{RUN}"}
    made = read({**sent, "tools": [SPACE, CUSTOM]}, HELLO)
    assert made.body["response"] == {
        "background": True,
        "instructions": True,
        "previous": RUN,
        "custom": ["team__patch", "patch"],
        "namespaces": {"team__f": "team", "team__patch": "team"},
    }
    assert [message["content"] for message in made.body["messages"]] == ["Be kind.", "Hello", "Hello"]


def test_items_become_messages_with_calls_beside_what_was_said_before_them():
    sent = [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
        HELLO,
        {"type": "reasoning", "summary": [], "encrypted_content": "x"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "I look."}], "phase": "commentary"},
        {**CALL, "id": "fc_1", "status": "completed"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": 'a "b"'},
        RESULT,
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "ok"}]},
        {"role": "assistant", "content": "Done."},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No more."}]},
    ]
    made = read({"model": "m", "input": sent})
    parsed({"model": "m", "input": sent})
    assert made.ignored == ("input.reasoning",)
    assert [message["role"] for message in made.body["messages"]] == [
        *("system", "user", "assistant", "tool", "tool", "assistant", "assistant"),
    ]
    said, call, custom = made.body["messages"][2]["content"]
    assert (said["text"], call["name"], custom["arguments"]) == ("I look.", "f", '{"input": "a \\"b\\""}')


def test_what_is_said_after_calls_without_results_stays_with_them():
    calls = [HELLO, CALL, {"role": "assistant", "content": "Meanwhile."}, RESULT]
    [_, said, _] = parsed({"model": "m", "input": calls}).messages
    assert [part.type for part in said.content if not isinstance(part, str)] == ["tool_call", "text"]


def test_an_earlier_answer_takes_the_calls_that_follow_it():
    earlier = (HELLO, {"role": "assistant", "content": "I look."})
    sent = {"model": "m", "input": [CALL, RESULT, HELLO], "previous_response_id": f"resp_{RUN}"}
    assert [message.role for message in parsed(sent, *earlier).messages] == ["user", "assistant", "tool", "user"]
    assert earlier[1]["content"] == "I look."


def test_a_reference_is_replaced_by_the_stored_item():
    stored = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]}
    for reference in ({"type": "item_reference", "id": "msg_1"}, {"id": "msg_1"}):
        sent = {"model": "m", "input": [HELLO, reference]}
        assert references(sent) == (None, {"msg_1": "input.1.id"})
        assert parsed(sent, msg_1=stored).messages[1].role == "assistant"
        with pytest.raises(Refusal) as refused:
            read(sent)
        assert refused.value.field == "input.1.id"


def test_tools_and_their_use_are_translated():
    found = parsed({**GOOD, "tools": [TOOL, {"type": "web_search"}, SPACE], "parallel_tool_calls": False})
    assert [tool.name for tool in found.tools] == ["f", "team__f", "team__patch"]
    assert found.one_tool_call
    named = {"type": "function", "name": "f", "namespace": "team"}
    chosen = parsed({**GOOD, "tools": [SPACE], "tool_choice": named}).tool_choice
    assert chosen is not None
    assert chosen.name == "team__f"
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "custom", "name": "patch"}]}
    made = read({**GOOD, "tools": [TOOL, CUSTOM], "tool_choice": allowed})
    assert (made.body["tool_choice"], len(made.body["tools"])) == ({"use": "required"}, 1)


def test_images_and_files_are_carried_by_users_and_results():
    image = {"type": "input_image", "image_url": PIXEL, "detail": "low"}
    named = {"type": "input_file", "filename": "a.md", "file_data": "data:text/markdown;base64,IyBIaQ=="}
    bare = {"type": "input_file", "filename": "a.txt", "file_data": "SGk="}
    sent = [{"role": "user", "content": [image, named, bare]}, CALL, {**RESULT, "output": [image]}]
    made = read({"model": "m", "input": sent})
    [user, _, result] = made.body["messages"]
    assert [(part["type"], part.get("text"), part.get("name")) for part in user["content"]] == [
        ("attachment", None, None),
        ("document", "# Hi", "a.md"),
        ("document", "Hi", "a.txt"),
    ]
    assert result["content"][0]["content"][0]["detail"] == "low"
    parsed({"model": "m", "input": sent})


def test_reasoning_of_an_answer_comes_back_as_it_was_and_other_reasoning_is_dropped():
    part = {"type": "opaque", "label": "anthropic.thinking", "data": "c2ln:", "text": "I think."}
    items = [HELLO, reasoning_item(part), {"role": "assistant", "content": "Hi."}, HELLO]
    made = read({"model": "m", "input": items})
    assert [message["role"] for message in made.body["messages"]] == ["user", "assistant", "user"]
    assert made.body["messages"][1]["content"] == [part, {"type": "text", "text": "Hi."}]
    twice = [HELLO, {"role": "assistant", "content": "One."}, reasoning_item(part), CALL, RESULT]
    assert [message["role"] for message in read({"model": "m", "input": twice}).body["messages"]] == [
        *("user", "assistant", "assistant", "tool"),
    ]
    other = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABo"}
    assert read({"model": "m", "input": [HELLO, other]}).ignored == ("input.reasoning",)


def test_hints_and_identifiers_reach_the_body():
    sent = {
        **GOOD,
        "reasoning": {"effort": "high", "summary": "auto", "context": "auto"},
        "include": ["reasoning.encrypted_content", "file_search_call.results"],
        "text": {"verbosity": "low"},
        "prompt_cache_key": "k",
        "user": "u",
    }
    made = read(sent)
    assert made.ignored == ("?reasoning.context", "include")
    found = parsed(sent)
    assert found.reasoning is not None
    assert (found.reasoning.effort, found.reasoning.summary, found.reasoning.sealed) == ("high", "auto", True)
    assert (found.verbosity, found.cache_key, found.end_user) == ("low", "k", "u")
    assert read({**GOOD, "include": []}) == read(GOOD)


def test_the_grammar_of_a_custom_tool_is_told_to_the_model():
    tool = {**CUSTOM, "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}}
    made = read({**GOOD, "tools": [tool]})
    assert made.ignored == ("tools.format",)
    [described] = parsed({**GOOD, "tools": [tool]}).tools
    assert described.description == "Edits.\n\nThe input has this grammar (lark):\nstart: x"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": ""}, "input"),
        ({"input": ["Hello"]}, "input.0"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input.0.role"),
        ({"input": [{"role": ["user"], "content": "x"}]}, "input.0.role"),
        ({"input": [{"role": "user"}]}, "input.0.content"),
        ({"input": [{"type": ["message"]}]}, "input.0.type"),
        ({"input": [{"role": "system", "content": [{"type": "input_image"}]}]}, "input.0.content.0.type"),
        ({"input": [{"role": "user", "content": [{"type": ["input_image"]}]}]}, "input.0.content.0.type"),
        ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input.0.content.0.type"),
        (file(type="input_image"), "input.0.content.0.image_url"),
        (file(type="input_image", image_url="data:text/plain,hi"), "input.0.content.0.image_url"),
        (file(type="input_image", image_url="data:image/png;base64,aGk="), "input.0.content.0"),
        (file(type="input_image", image_url="https://a.example/b.png"), "input.0.content.0.image_url"),
        (file(type="input_image", file_id="f"), "input.0.content.0.file_id"),
        (file(type="input_file", file_url="https://a.example/b"), "input.0.content.0.file_url"),
        (file(type="input_file", file_id="f"), "input.0.content.0.file_id"),
        (file(type="input_file", file_data="data:application/pdf;base64,aGk="), "input.0.content.0.file_data"),
        (file(type="input_file", filename=5, file_data="aGk="), "input.0.content.0.filename"),
        ({"input": [HELLO, {"type": "reasoning", "encrypted_content": "a.b:c", "summary": 5}]}, "input.1.summary"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": 1}]}]}, "input.0.content.0.text"),
        ({"input": [{"role": "user", "content": [{"type": "refusal", "refusal": "x"}]}]}, "input.0.content.0.type"),
        ({"input": [HELLO, RESULT]}, "input.1.call_id"),
        ({"input": [HELLO, {**CALL, "name": "a b"}, RESULT]}, "input.1.name"),
        ({"input": [HELLO, {**CALL, "namespace": 1}]}, "input.1.namespace"),
        ({"input": [HELLO, CALL, {**RESULT, "output": [{"type": "input_text"}]}]}, "input.2.output.0.text"),
        ({"input": [HELLO, CALL, {**RESULT, "output": None}]}, "input.2.output"),
        ({"input": [HELLO, {"type": "custom_tool_call", "call_id": "c", "name": "f"}]}, "input.1.input"),
        ({"input": [HELLO, {"type": "computer_call"}]}, "input.1.type"),
        ({"instructions": 5}, "instructions"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"store": "no"}, "store"),
        ({"stream": 1}, "stream"),
        ({"store": False, "background": True}, "background"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "local_shell"}]}, "tools.0.type"),
        ({"tools": [{"type": ["function"]}]}, "tools.0.type"),
        ({"include": "x"}, "include"),
        ({"reasoning": "high"}, "reasoning"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"text": {"verbosity": "loud"}}, "text.verbosity"),
        ({"prompt_cache_key": 5}, "prompt_cache_key"),
        ({"safety_identifier": 5}, "safety_identifier"),
        ({"tools": [{"type": "web_search"}, {**TOOL, "name": "a b"}]}, "tools.1.name"),
        ({"tools": [{**SPACE, "name": 1}]}, "tools.0.name"),
        ({"tools": [{**SPACE, "tools": [{**TOOL, "name": None}]}]}, "tools.0.tools.0.name"),
        ({"tools": [TOOL, {**SPACE, "tools": [TOOL, {**TOOL, "name": "a b"}]}]}, "tools.1.tools.1.name"),
        ({"tools": [{**SPACE, "tools": [{"type": "mcp"}]}]}, "tools.0.tools.0.type"),
        ({"tools": [{**CUSTOM, "format": {"type": "regex"}}]}, "tools.0.format.type"),
        ({"tools": [TOOL], "tool_choice": {"type": "web_search"}}, "tool_choice.type"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "g"}}, "tool_choice.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"name": None}]}},
            "tool_choice.tools",
        ),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
    ],
)
def test_a_wrong_value_is_refused_by_the_clients_name(changed: dict[str, Any], field: str):
    with pytest.raises(Refusal) as refused:
        parsed({**GOOD, **changed})
    assert (refused.value.kind, refused.value.field) == (Kind.INVALID_REQUEST, field)


def test_a_previous_response_is_named_by_a_text():
    assert references({"previous_response_id": "resp_1"}) == ("resp_1", {})
    with pytest.raises(Refusal) as refused:
        references({"previous_response_id": 5})
    assert refused.value.field == "previous_response_id"


@pytest.mark.parametrize("sent", [None, [], "x", 5])
def test_a_body_that_is_no_object_is_refused(sent: object):
    with pytest.raises(Refusal):
        read(sent)
    assert references(sent) == (None, {})


def test_the_document_lists_every_field_as_it_is_placed():
    document = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
    for name, field in RESPONSES_FIELDS.items():
        assert f"| `{name}` | {field.placing} | {field.note} |" in document
