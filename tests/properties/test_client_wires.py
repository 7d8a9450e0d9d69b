"""Generated conversations pass through both formats without loss, and damaged ones are refused in order."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.models.openai_requests import body_of
from api.wires.chat.requests import read_chat
from domain.inference.models import ModelCall, ModelEntry
from domain.inference.parsing import messages_of, parse_request, request_hash
from domain.inference.requests import RequestLimits
from domain.inference.texts import texts_of
from domain.refusals import Kind, Refusal

LIMITS = RequestLimits(100_000, 64, 1024, 256)
ENTRY = ModelEntry("small", "fake", "fake-1", "http://127.0.0.1:1/v1", "models/fake", 4096, 0.1, 0.2)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
SAID = st.text(st.characters(codec="utf-8"), max_size=8).map(lambda text: f"x{text}")
NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
PARTS = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": SAID}), min_size=2, max_size=3)
SCHEMAS = st.dictionaries(NAMES, JSON, max_size=3)


@st.composite
def turns(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A call by the assistant, or several, and their results."""
    ids = draw(st.lists(st.from_regex(r"call_[0-9a-z]{1,8}", fullmatch=True), min_size=1, max_size=3, unique=True))
    calls = [
        {"id": found, "type": "function", "function": {"name": draw(NAMES), "arguments": draw(TEXTS)}} for found in ids
    ]
    said = {"role": "assistant", "content": draw(st.none() | SAID | PARTS), "tool_calls": calls}
    return [said, *({"role": "tool", "tool_call_id": found, "content": draw(TEXTS | PARTS)} for found in ids)]


PLAIN = st.one_of(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user"]), "content": SAID | PARTS}),
    st.fixed_dictionaries({"role": st.just("assistant"), "content": TEXTS}),
)
TOOLS = st.lists(
    st.builds(
        lambda name, more: {"type": "function", "function": {"name": name, **more}},
        NAMES,
        st.fixed_dictionaries({"parameters": SCHEMAS}, optional={"description": TEXTS, "strict": st.just(True)}),
    ),
    max_size=3,
    unique_by=lambda tool: tool["function"]["name"],
)


@st.composite
def chats(draw: st.DrawFn) -> dict[str, Any]:
    """A valid chat completion, in the form that the provider's writer gives to it."""
    middle = draw(st.lists(PLAIN.map(lambda message: [message]) | turns(), max_size=4))
    chat: dict[str, Any] = {
        "model": "small",
        "messages": [{"role": "user", "content": draw(SAID)}, *(message for turn in middle for message in turn)],
        "max_tokens": draw(st.integers(1, 1024)),
        "temperature": draw(st.floats(0, 2)),
    }
    if tools := draw(TOOLS):
        named = {"type": "function", "function": {"name": tools[0]["function"]["name"]}}
        chat |= {"tools": tools, "tool_choice": draw(st.sampled_from(["auto", "none", "required", named]))}
        if draw(st.booleans()):
            chat["parallel_tool_calls"] = False
    optional = {
        "stop": st.lists(SAID, min_size=1, max_size=4),
        "top_p": st.floats(0, 1),
        "seed": st.integers(-5, 5),
        "response_format": st.just({"type": "json_object"})
        | st.builds(
            lambda schema: {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}},
            SCHEMAS,
        ),
    }
    return chat | draw(st.fixed_dictionaries({}, optional=optional))


@settings(max_examples=120, deadline=None)
@given(chats())
def test_a_chat_reaches_the_provider_as_the_client_sent_it(chat: dict[str, Any]):
    body = read_chat(chat).body
    request = parse_request(body, LIMITS)
    over = json.loads(json.dumps(body_of(ModelCall(ENTRY, request, "c"))))
    assert {name: value for name, value in over.items() if name != "stream"} == {**chat, "model": "fake-1"}


@settings(max_examples=120, deadline=None)
@given(chats())
def test_the_workflow_reads_the_messages_that_the_edge_read(chat: dict[str, Any]):
    body = read_chat(chat).body
    carried = json.loads(json.dumps(body))
    assert messages_of(carried) == parse_request(body, LIMITS).messages
    assert request_hash(carried) == request_hash(body)


@settings(max_examples=120, deadline=None)
@given(chats())
def test_the_guards_see_every_text_that_a_client_sends_to_the_model(chat: dict[str, Any]):
    seen = "\n".join(text.text for text in texts_of(parse_request(read_chat(chat).body, LIMITS)))
    for message in chat["messages"]:
        content = message["content"]
        for text in [content] if isinstance(content, str) else [part["text"] for part in content or ()]:
            assert text in seen
        assert all(call["function"]["arguments"] in seen for call in message.get("tool_calls", ()))
    assert all(tool["function"].get("description", "") in seen for tool in chat.get("tools", ()))


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A chat completion of which a value at any depth is another one."""
    chat = json.loads(json.dumps(draw(chats())))
    at = chat
    while True:
        places = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not places:
            return chat
        place = draw(st.sampled_from(places))
        if isinstance(at[place], dict | list) and draw(st.booleans()):
            at = at[place]
            continue
        at[place] = draw(JSON)
        return chat


@settings(max_examples=200, deadline=None)
@given(damaged())
def test_a_damaged_chat_is_read_or_refused_by_a_field(chat: Any):
    try:
        body = read_chat(chat).body
        request = parse_request(body, LIMITS)
    except Refusal as refusal:
        if refusal.kind is not Kind.INVALID_REQUEST:
            raise
        return
    assert messages_of(body) == request.messages
    json.dumps(body_of(ModelCall(ENTRY, request, "c")))
