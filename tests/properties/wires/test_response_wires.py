"""Generated responses keep their texts in translation, and damaged ones are refused in order."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.models.openai_requests import NotCarried, body_of
from api.wires.responses.inputs import input_items
from api.wires.responses.objects import ResponseRun, begun_object
from api.wires.responses.requests import (
    ResponseRequest,
    StoredContext,
    in_clients_terms,
    read_response_request,
    references,
)
from domain.inference.models import ModelCall
from domain.inference.parsing import messages_of, parse_request, request_hash
from domain.inference.texts import texts_of
from domain.refusals import Kind, Refusal
from tests.properties.test_client_wires import ENTRY, JSON, LIMITS, NAMES, SAID, SCHEMAS, TEXTS

RUN = "inf.acme." + "a" * 32


def read(sent: Any) -> ResponseRequest:
    return read_response_request(sent, StoredContext())


def parts(kind: str) -> st.SearchStrategy[list[dict[str, str]]]:
    return st.lists(st.fixed_dictionaries({"type": st.just(kind), "text": SAID}), min_size=1, max_size=3)


@st.composite
def turns(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Calls of functions and of custom tools, and their results."""
    ids = draw(st.lists(st.from_regex(r"call_[0-9a-z]{1,8}", fullmatch=True), min_size=1, max_size=3, unique=True))
    calls, results = [], []
    for found in ids:
        output = draw(TEXTS | parts("input_text"))
        if draw(st.booleans()):
            calls.append({"type": "custom_tool_call", "call_id": found, "name": "patch", "input": draw(TEXTS)})
            results.append({"type": "custom_tool_call_output", "call_id": found, "output": output})
        else:
            name, arguments = draw(st.sampled_from([{"name": "f"}, {"name": "g", "namespace": "team"}])), draw(TEXTS)
            calls.append({"type": "function_call", "call_id": found, **name, "arguments": arguments})
            results.append({"type": "function_call_output", "call_id": found, "output": output})
    return [*calls, *results]


MESSAGES = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.just("message"),
            "role": st.sampled_from(["system", "developer", "user"]),
            "content": parts("input_text"),
        }
    ),
    st.fixed_dictionaries({"type": st.just("message"), "role": st.just("assistant"), "content": parts("output_text")}),
)


@st.composite
def responses(draw: st.DrawFn) -> dict[str, Any]:
    """A valid response, of the forms that are read again in the same form."""
    items = draw(st.lists(MESSAGES.map(lambda message: [message]) | turns(), max_size=4))
    first = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": draw(SAID)}]}
    function = {"type": "function", "name": "f", "parameters": draw(SCHEMAS)}
    space = {"type": "namespace", "name": "team", "tools": [{**function, "name": draw(NAMES)}]}
    optional = {
        "instructions": SAID,
        "max_output_tokens": st.integers(1, 1024),
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "tools": st.just([function, space, {"type": "custom", "name": "patch"}]),
        "text": st.just({"format": {"type": "json_object"}})
        | st.builds(lambda schema: {"format": {"type": "json_schema", "name": "n", "schema": schema}}, SCHEMAS),
        "store": st.booleans(),
        "metadata": st.dictionaries(NAMES, TEXTS, max_size=2),
    }
    for at, item in ((at, item) for at, turn in enumerate(items) for item in turn if "call_id" in item):
        item["call_id"] += f"_{at}"  # an ID is of one call
    made = {"model": "small", "input": [first, *(item for turn in items for item in turn)]}
    return made | draw(st.fixed_dictionaries({}, optional=optional))


def texts_within(value: Any) -> list[str]:
    """The texts of an item: of its content, output, arguments or input."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in texts_within(item)]
    return [text for name in ("content", "output", "arguments", "text") for text in texts_within(value.get(name, []))]


@settings(max_examples=100, deadline=None)
@given(responses())
def test_the_items_of_a_response_are_read_again_as_they_were_sent(sent: dict[str, Any]):
    made = read(sent)
    body = json.loads(json.dumps(made.body))
    assert messages_of(body) == parse_request(made.body, LIMITS).messages
    assert request_hash(body) == request_hash(made.body)
    items = input_items(ResponseRun(RUN, {**body, "response": {**body["response"], **KEPT}}, 0, LIMITS))
    again = [{name: value for name, value in item.items() if name not in ("id", "status")} for item in items]
    wanted = json.loads(json.dumps(sent["input"]).replace('"developer"', '"system"'))
    for part in (part for item in [*again, *wanted] if item["type"] == "message" for part in item["content"]):
        part.pop("annotations", None)
        part.pop("logprobs", None)
    assert again == wanted


KEPT = {"custom": ["patch"], "namespaces": {"team__g": "team"}}
"""Tools of the calls, whether or not a request offers them."""


@settings(max_examples=60, deadline=None)
@given(responses())
def test_the_guards_see_every_text_of_a_response(sent: dict[str, Any]):
    request = parse_request(read(sent).body, LIMITS)
    seen = "\n".join(text.text for text in texts_of(request))
    for text in [*texts_within(sent["input"]), sent.get("instructions", "")]:
        assert text in seen
    for item in sent["input"]:
        assert json.dumps(item.get("input", ""), ensure_ascii=False) in seen or "input" not in item


@settings(max_examples=60, deadline=None)
@given(responses())
def test_a_response_tells_what_was_asked(sent: dict[str, Any]):
    told = begun_object(ResponseRun(RUN, read(sent).body, 0, LIMITS))
    for name in ("instructions", "max_output_tokens", "temperature", "top_p", "store", "metadata"):
        if name in sent:
            assert told[name] == sent[name]
    assert [tool["name"] for tool in told["tools"]] == [tool["name"] for tool in sent.get("tools", ())]


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A response of which a value at any depth is another one."""
    sent = json.loads(json.dumps(draw(responses())))
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
def test_a_damaged_response_is_read_or_refused_by_a_field(sent: Any):
    try:
        references(sent)
        made = read(sent)
        try:
            request = parse_request(made.body, LIMITS)
        except Refusal as refusal:
            raise in_clients_terms(refusal, made) from None
    except Refusal as refusal:
        if refusal.kind is not Kind.INVALID_REQUEST:
            raise
        return
    assert messages_of(made.body) == request.messages
    run = ResponseRun(RUN, made.body, 0, LIMITS)
    json.dumps([begun_object(run), input_items(run)])
    try:
        json.dumps(body_of(ModelCall(ENTRY, request, "c")))
    except NotCarried:  # what was said after a call
        return
