"""Events of Anthropic's messages, as its SDK reads them."""

import json
from functools import partial
from typing import Any

from api.inference import run_views
from api.inference.run_views import RunView
from api.wires.errors import ClientWire
from api.wires.messages.events import MessagesEvents
from api.wires.run_members import run_error_content
from api.wires.streams.fragments import fragments_of
from api.wires.streams.writer import OpenedStream
from assay_temporal.contracts import Answer, InferenceResult, ProblemDetail, Receipt, TokenUsage
from domain.refusals import Kind, Refusal

RUN = "inf.acme." + "a" * 32
OPENED = OpenedStream(RUN, 1_760_000_000, "m", 5)
EVENT = "019a0000-0000-7000-8000-000000000000"
CALL = {"type": "tool_call", "call_id": "c1", "name": "f", "arguments": '{"city": "Oslo"}'}
failing = partial(run_error_content, ClientWire.MESSAGES, RUN)


def answered(answer: Answer) -> RunView:
    receipt = Receipt(EVENT, "d", "s")
    result = InferenceResult(RUN, "completed", "allow", result=answer, usage=TokenUsage(7, 2, 9), receipt=receipt)
    return run_views.ended(RUN, result)


def events_of(view: RunView, stops: tuple[str, ...] = (), opened: OpenedStream = OPENED) -> list[dict[str, Any]]:
    """The events of a stream with an answer; each is named by its type."""
    writer = MessagesEvents(stops)
    assert view.result is not None
    assert view.result.result is not None
    events = [*writer.opening(opened)]
    for fragment in fragments_of(view.result.result):
        events += writer.fragment(fragment)
    events += writer.end(view)
    return read(b"".join(event.encoded() for event in events))


def read(stream: bytes) -> list[dict[str, Any]]:
    found = []
    for event in stream.decode("ascii").split("\n\n")[:-1]:
        named, data = event.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert named == f"event: {found[-1]['type']}"
    return found


def test_a_text_is_one_block_between_start_and_stop_of_the_message():
    text = "".join(chr(0x2600 + at) for at in range(60))
    view = answered(Answer(text, "m", "stop_sequence"))
    first, begun, *deltas, stopped, delta, last = events_of(view, ("END",))
    assert first["message"] == {
        "id": RUN,
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 5,
            "output_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }
    assert begun == {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    assert len(deltas) == 2
    assert all(event["delta"]["type"] == "text_delta" for event in deltas)
    assert "".join(event["delta"]["text"] for event in deltas) == text
    assert stopped == {"type": "content_block_stop", "index": 0}
    assert delta["delta"] == {"stop_reason": "stop_sequence", "stop_sequence": "END"}
    assert (delta["usage"]["input_tokens"], delta["usage"]["output_tokens"]) == (7, 2)
    assert (last["type"], last["assay"]["receipt"]["statement"]) == ("message_stop", "s")


def test_the_tokens_at_the_start_are_the_charged_ones_if_known():
    view = answered(Answer("Hi", "m", "stop"))
    first = events_of(view, opened=OpenedStream(RUN, 0, "m", 7, view))[0]
    assert (first["message"]["usage"]["input_tokens"], first["message"]["usage"]["output_tokens"]) == (7, 0)


def test_parts_are_blocks_in_order_and_an_empty_text_is_none():
    parts = (
        {"type": "opaque", "label": "anthropic.thinking", "data": "sig", "text": "Hm."},
        {"type": "opaque", "label": "anthropic.redacted_thinking", "data": "xyz"},
        {"type": "opaque", "label": "openai.reasoning", "data": "another provider's"},
        {"type": "text", "text": ""},
        {"type": "text", "text": "See."},
        CALL,
        {**CALL, "call_id": "c2", "arguments": ""},
        {**CALL, "call_id": "c3", "arguments": "no json"},
    )
    events = events_of(answered(Answer("See.", "m", "tool_calls", parts)))
    begun = [event["content_block"] for event in events if event["type"] == "content_block_start"]
    assert begun == [
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": ""},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
        {"type": "tool_use", "id": "c2", "name": "f", "input": {}},
        {"type": "tool_use", "id": "c3", "name": "f", "input": {}},
    ]
    deltas = [(event["index"], event["delta"]) for event in events if event["type"] == "content_block_delta"]
    assert deltas == [
        (0, {"type": "thinking_delta", "thinking": "Hm."}),
        (0, {"type": "signature_delta", "signature": "sig"}),
        (2, {"type": "text_delta", "text": "See."}),
        (3, {"type": "input_json_delta", "partial_json": '{"city": "Oslo"}'}),
        (4, {"type": "input_json_delta", "partial_json": "{}"}),
        (5, {"type": "input_json_delta", "partial_json": '{"invalid_json":"no json"}'}),
    ]
    assert [event["index"] for event in events if event["type"] == "content_block_stop"] == [0, 1, 2, 3, 4, 5]


def test_long_arguments_are_given_in_pieces_that_are_the_object():
    arguments = json.dumps({"text": "x" * 200})
    events = events_of(answered(Answer("", "m", "stop", ({**CALL, "arguments": arguments},))))
    pieces = [event["delta"]["partial_json"] for event in events if event["type"] == "content_block_delta"]
    assert len(pieces) > 1
    assert "".join(pieces) == arguments
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_block_by_policy_ends_the_message_as_a_refusal():
    problem = ProblemDetail("output-blocked", "names a secret", rules=("a_rule",))
    view = run_views.ended(RUN, InferenceResult(RUN, "blocked", "block", problem=problem))
    writer = MessagesEvents()
    list(writer.opening(OPENED))
    delta, last = read(b"".join(event.encoded() for event in writer.failed(failing(view))))
    assert (delta["delta"]["stop_reason"], delta["usage"]["input_tokens"]) == ("refusal", 5)
    assert "a_rule" in delta["delta"]["stop_details"]["explanation"]
    assert (last["type"], last["assay"]["problem"]["rules"]) == ("message_stop", ["a_rule"])


def test_a_fault_or_an_unfinished_run_ends_in_an_error():
    for found in (Refusal(Kind.PROVIDER_TIMEOUT, "late"), run_views.running(RUN)):
        (event,) = read(b"".join(event.encoded() for event in MessagesEvents().failed(failing(found))))
        assert event["type"] == "error"
        assert event["error"]["type"] in ("api_error", "invalid_request_error")


def test_a_ping_keeps_the_stream_alive():
    assert read(MessagesEvents().keep_alive()) == [{"type": "ping"}]
