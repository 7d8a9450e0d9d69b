"""Generated messages pass through Anthropic's format without loss, and damaged ones are refused in order."""

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.models.anthropic.requests import message_body
from adapters.models.failures import NotCarried
from api.wires.messages.requests import read_messages_request
from api.wires.messages.terms import in_anthropics_terms
from domain.inference.models import ModelCall, ModelEntry, Wire
from domain.inference.parsing import messages_of, parse_request, request_hash
from domain.inference.requests import RequestLimits
from domain.inference.texts import texts_of
from domain.refusals import Kind, Refusal

LIMITS = RequestLimits(100_000, 64, 1024, 256)
ENTRY = ModelEntry(
    "small", "fake", "fake-1", "http://127.0.0.1:1/v1", "models/fake", 4096, 0.1, 0.2, wire=Wire.ANTHROPIC_MESSAGES
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
SAID = st.text(st.characters(codec="utf-8"), max_size=8).map(lambda text: f"x{text}")
NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=3)
CACHED = {"cache_control": st.sampled_from([{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}])}
TEXT_BLOCKS = st.fixed_dictionaries({"type": st.just("text"), "text": SAID}, optional=CACHED)
THOUGHTS = st.fixed_dictionaries({"type": st.just("thinking"), "thinking": TEXTS, "signature": SAID}) | (
    st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": SAID})
)
DOCUMENTS = st.builds(
    lambda text, more: {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": text},
        **more,
    },
    SAID,
    st.fixed_dictionaries({}, optional={"title": SAID, "context": SAID, **CACHED}),
)
BLOCKS = st.lists(TEXT_BLOCKS, min_size=1, max_size=3)


@st.composite
def turns(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Several calls by the assistant, with text before them, and their results."""
    ids = draw(st.lists(st.from_regex(r"toolu_[0-9a-z]{1,8}", fullmatch=True), min_size=1, max_size=3, unique=True))
    uses = [{"type": "tool_use", "id": found, "name": draw(NAMES), "input": draw(OBJECTS)} for found in ids]
    results = [
        {
            "type": "tool_result",
            "tool_use_id": found,
            "content": draw(SAID | st.lists(TEXT_BLOCKS | DOCUMENTS, min_size=1, max_size=2)),
            **draw(st.sampled_from([{}, {"is_error": True}])),
        }
        for found in ids
    ]
    said = draw(st.lists(TEXT_BLOCKS | THOUGHTS, max_size=2))
    return [
        {"role": "assistant", "content": [*said, *uses]},
        {"role": "user", "content": [*results, *draw(st.lists(TEXT_BLOCKS | DOCUMENTS, max_size=2))]},
    ]


PLAIN = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system"]), "content": SAID | BLOCKS})
TOOLS = st.lists(
    st.builds(
        lambda name, more: {"name": name, **more},
        NAMES,
        st.fixed_dictionaries(
            {"input_schema": OBJECTS.map(lambda found: {"type": "object", **found})},
            optional={"description": TEXTS, "strict": st.just(True), **CACHED},
        ),
    ),
    max_size=3,
    unique_by=lambda tool: tool["name"],
)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """A valid request, in the form that the provider's writer gives to it."""
    middle = draw(st.lists(PLAIN.map(lambda message: [message]) | turns(), max_size=4))
    sent: dict[str, Any] = {
        "model": "small",
        "max_tokens": draw(st.integers(1, 1024)),
        "messages": [{"role": "user", "content": draw(SAID)}, *(message for turn in middle for message in turn)],
        "temperature": draw(st.floats(0, 1)),
    }
    if tools := draw(TOOLS):
        use = draw(st.sampled_from(["auto", "any", "tool"]))
        choice: dict[str, Any] = {"type": use, **({"name": tools[0]["name"]} if use == "tool" else {})}
        if draw(st.booleans()):
            choice["disable_parallel_tool_use"] = True
        sent |= {"tools": tools, "tool_choice": choice}
    optional = {
        "top_k": st.integers(1, 9),
        "system": SAID | BLOCKS,
        "stop_sequences": st.lists(SAID, min_size=1, max_size=4),
        "output_config": OBJECTS.map(lambda schema: {"format": {"type": "json_schema", "schema": schema}}),
    }
    return sent | draw(st.fixed_dictionaries({}, optional=optional))


@settings(max_examples=100, deadline=None)
@given(requests())
def test_a_request_reaches_the_provider_as_the_client_sent_it(sent: dict[str, Any]):
    body = read_messages_request(sent).body
    over = json.loads(json.dumps(message_body(ModelCall(ENTRY, parse_request(body, LIMITS), "c"))))
    assert over == {**sent, "model": "fake-1"}


@settings(max_examples=100, deadline=None)
@given(requests())
def test_workflow_and_guards_read_what_the_edge_read(sent: dict[str, Any]):
    body = read_messages_request(sent).body
    request = parse_request(body, LIMITS)
    carried = json.loads(json.dumps(body))
    assert messages_of(carried) == request.messages
    assert request_hash(carried) == request_hash(body)
    seen = "\n".join(text.text for text in texts_of(request))
    for said in texts_within(sent["messages"]) | texts_within(sent.get("system", "")):
        assert said in seen


def texts_within(value: Any) -> set[str]:
    """The texts of messages, blocks and results."""
    if isinstance(value, list):
        return {text for item in value for text in texts_within(item)}
    if isinstance(value, dict):
        return texts_within(value.get("text", "")) | texts_within(value.get("content", ""))
    return {value}


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A request of which a value at any depth is another one."""
    sent = json.loads(json.dumps(draw(requests())))
    at = sent
    while True:
        places = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not places:
            return sent
        place = draw(st.sampled_from(places))
        if isinstance(at[place], dict | list) and draw(st.booleans()):
            at = at[place]
            continue
        at[place] = draw(JSON)
        return sent


@settings(max_examples=200, deadline=None)
@given(damaged())
def test_a_damaged_request_is_read_or_refused_by_a_field(sent: Any):
    try:
        found = read_messages_request(sent)
        try:
            request = parse_request(found.body, LIMITS)
        except Refusal as refusal:
            raise in_anthropics_terms(refusal, found) from None
    except Refusal as refusal:
        if refusal.kind is not Kind.INVALID_REQUEST:
            raise
        return
    assert messages_of(found.body) == request.messages
    with contextlib.suppress(NotCarried):
        json.dumps(message_body(ModelCall(ENTRY, request, "c")))
