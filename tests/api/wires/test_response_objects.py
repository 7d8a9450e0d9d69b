"""Runs as response objects, their streams, and the items before them."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from api.inference import run_views
from api.inference.run_views import RunView
from api.wires.errors import ClientWire, RunOfError, error_content
from api.wires.responses.events import ResponseEvents
from api.wires.responses.ids import item_id, item_of, response_id, run_of
from api.wires.responses.inputs import input_items, page_of
from api.wires.responses.objects import ResponseRun, response_object
from api.wires.responses.requests import StoredContext, read_response_request
from api.wires.streams.events import COMMENT, ServerEvent
from api.wires.streams.fragments import fragments_of
from api.wires.streams.writer import OpenedStream
from assay_temporal.contracts import Answer, InferenceResult, ProblemDetail, TokenUsage
from domain.refusals import Kind, Refusal
from tests.bad_requests import LIMITS

RUN = "inf.acme." + "a" * 32
CREATED = 1_700_000_000
TOOLS = [
    {"type": "function", "name": "f", "parameters": {"type": "object"}},
    {"type": "namespace", "name": "mcp__docs__", "description": "d", "tools": [{"type": "function", "name": "find"}]},
    {"type": "custom", "name": "patch"},
]
CALLS: list[dict[str, Any]] = [
    {"type": "tool_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
    {"type": "tool_call", "call_id": "c2", "name": "mcp__docs__find", "arguments": "{}"},
    {"type": "tool_call", "call_id": "c3", "name": "patch", "arguments": '{"input": "+ x"}'},
]
ANSWERS = {
    "text": Answer("Hello. " * 40, "m", "stop"),
    "nothing": Answer("", "m", "stop"),
    "cut": Answer("Hel", "m", "length"),
    "filtered": Answer("Hel", "m", "content_filter"),
    "calls": Answer("I look.", "m", "tool_calls", ({"type": "text", "text": "I look."}, *CALLS)),
    "calls alone": Answer("", "m", "tool_calls", tuple(CALLS)),
    "a refusal": Answer("No.", "m", "stop", ({"type": "text", "text": "Hm."}, {"type": "refusal", "text": "No."})),
    "reasoning": Answer(
        "Hi",
        "m",
        "length",
        ({"type": "opaque", "label": "x", "data": "d", "text": "t"}, {"type": "text", "text": "Hi"}),
    ),
}


OPEN_RESPONSES = {
    *("id", "object", "created_at", "completed_at", "status", "incomplete_details", "model", "previous_response_id"),
    *("instructions", "output", "error", "tools", "tool_choice", "truncation", "parallel_tool_calls", "text", "top_p"),
    *("presence_penalty", "frequency_penalty", "top_logprobs", "temperature", "reasoning", "user", "usage"),
    *("max_output_tokens", "max_tool_calls", "store", "background", "service_tier", "metadata"),
    *("safety_identifier", "prompt_cache_key"),
}
"""The members that a response has to have by Open Responses (2026-04-24)."""


def run_of_body(**more: Any) -> ResponseRun:
    sent = {"model": "m", "input": "Hello", "tools": TOOLS, **more}
    return ResponseRun(RUN, read_response_request(sent, StoredContext()).body, CREATED, LIMITS)


def ended(answer: Answer) -> RunView:
    return run_views.ended(RUN, InferenceResult(RUN, "completed", "allow", result=answer, usage=TokenUsage(3, 4, 7)))


def blocked() -> RunView:
    problem = ProblemDetail(Kind.PROMPT_BLOCKED.value, "blocked", rules=("a-rule",))
    return run_views.ended(RUN, InferenceResult(RUN, "blocked", "block", problem=problem))


def streamed(run: ResponseRun, view: RunView, after: int | None = None) -> list[dict[str, Any]]:
    """The events of a stream, decoded as they are made."""
    writer = ResponseEvents(run.body, LIMITS, after)
    found: list[dict[str, Any]] = []

    def take(events: Iterable[ServerEvent]) -> None:
        for event in events:
            found.append(json.loads(event.encoded().decode().partition("data: ")[2]))
            assert event.name == found[-1]["type"]

    take(writer.opening(OpenedStream(RUN, CREATED, "m", 3)))
    assert view.result is not None
    if view.result.result is None:
        assert view.refusal is not None
        take(writer.failed(error_content(ClientWire.RESPONSES, view.refusal, RUN, RunOfError(RUN, ("a-rule",), {}))))
        return found
    for fragment in fragments_of(view.result.result):
        take(writer.fragment(fragment))
    take(writer.end(view))
    return found


@pytest.mark.parametrize("name", ANSWERS)
def test_a_stream_ends_with_the_object_that_is_read_later_and_its_items_are_the_same(name: str):
    run, view = run_of_body(), ended(ANSWERS[name])
    whole = json.loads(json.dumps(response_object(run, view)))
    events = streamed(run, view)
    assert [event["sequence_number"] for event in events] == [*range(len(events))]
    assert events[-1]["response"] == whole
    assert [event["item"] for event in events if event["type"] == "response.output_item.done"] == whole["output"]
    assert [event["item"]["id"] for event in events if event["type"] == "response.output_item.added"] == [
        item["id"] for item in whole["output"]
    ]
    for item, index in ((item, at) for at, item in enumerate(whole["output"]) if item["type"] == "message"):
        for at, part in enumerate(item["content"]):
            deltas = [
                event["delta"]
                for event in events
                if event["type"].endswith((".output_text.delta", ".refusal.delta"))
                and (event["output_index"], event["content_index"], event["item_id"]) == (index, at, item["id"])
            ]
            assert "".join(deltas) == part.get("text", part.get("refusal"))


@pytest.mark.parametrize("name", ANSWERS)
def test_a_stream_that_is_taken_up_has_the_events_after_the_number(name: str):
    run, view = run_of_body(), ended(ANSWERS[name])
    events = streamed(run, view)
    for after in range(len(events) + 1):
        assert streamed(run, view, after) == events[after + 1 :]


@pytest.mark.parametrize("view", [run_views.running(RUN), ended(ANSWERS["calls"]), blocked()])
def test_a_response_has_the_members_of_the_open_standard_in_each_state(view: RunView):
    made = response_object(run_of_body(), view)
    assert made.keys() >= OPEN_RESPONSES
    assert all(isinstance(made[name], int | float) for name in ("temperature", "top_p", "created_at", "top_logprobs"))


def test_the_states_of_a_response():
    run = run_of_body()
    assert response_object(run, run_views.running(RUN))["status"] == "in_progress"
    cut = response_object(run, ended(ANSWERS["cut"]))
    assert (cut["status"], cut["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert cut["output"][0]["status"] == "incomplete"
    filtered = response_object(run, ended(ANSWERS["filtered"]))
    assert filtered["incomplete_details"] == {"reason": "content_filter"}
    failed = response_object(run, blocked())
    assert (failed["status"], failed["error"]["code"], failed["output"]) == ("failed", "invalid_prompt", [])
    assert "a-rule" in failed["error"]["message"]
    assert RUN in failed["error"]["message"]
    withdrawn = InferenceResult(RUN, "cancelled", None, problem=ProblemDetail(Kind.RUN_CANCELLED.value, "cancelled"))
    gone = response_object(run, run_views.ended(RUN, withdrawn))
    assert (gone["status"], gone["error"]) == ("cancelled", None)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Kind.PROMPT_BLOCKED, "invalid_prompt"),
        (Kind.OUTPUT_BLOCKED, "invalid_prompt"),
        (Kind.QUOTA_SPENT, "insufficient_quota"),
        (Kind.CONTEXT_EXCEEDED, "context_length_exceeded"),
        (Kind.PROVIDER_TIMEOUT, "server_error"),
        (Kind.INTERNAL, "server_error"),
    ],
)
def test_a_failed_stream_has_a_code_that_clients_know(kind: Kind, code: str):
    view = run_views.ended(RUN, InferenceResult(RUN, "failed", None, problem=ProblemDetail(kind.value, "x")))
    last = streamed(run_of_body(), view)[-1]
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert last["response"]["error"]["code"] == code


def test_the_sign_of_life_is_the_second_event_again_and_a_comment_where_a_stream_is_taken_up():
    run = run_of_body()
    opened = OpenedStream(RUN, CREATED, "m", 3)
    writer = ResponseEvents(run.body, LIMITS)
    [_, second] = writer.opening(opened)
    assert writer.keep_alive() == writer.keep_alive() == second.encoded()
    again = ResponseEvents(run.body, LIMITS, 1)
    assert list(again.opening(opened)) == []
    assert again.keep_alive() == COMMENT


def test_what_was_asked_is_told_as_the_client_said_it():
    choice = {"type": "function", "name": "find", "namespace": "mcp__docs__"}
    text = {"format": {"type": "json_schema", "name": "n", "schema": {"b": 1}, "strict": True}}
    run = run_of_body(instructions="Be kind.", tool_choice=choice, text=text, parallel_tool_calls=False, top_p=0.5)
    made = response_object(run, ended(ANSWERS["calls"]))
    assert (made["instructions"], made["tool_choice"], made["top_p"]) == ("Be kind.", choice, 0.5)
    assert made["text"]["format"].items() >= text["format"].items()
    assert [tool["type"] for tool in made["tools"]] == ["function", "namespace", "custom"]
    assert [tool["name"] for tool in made["tools"][1]["tools"]] == ["find"]
    assert made["parallel_tool_calls"] is False
    assert [item["type"] for item in made["output"]] == [
        *("message", "function_call", "function_call", "custom_tool_call"),
    ]
    assert (made["output"][2]["name"], made["output"][2]["namespace"]) == ("find", "mcp__docs__")
    assert made["output"][3]["input"] == "+ x"


def test_ids_lead_back_to_the_run():
    assert run_of(response_id(RUN)) == run_of(RUN) == RUN
    assert item_of(item_id("msg", RUN, 2), "acme") == (RUN, 2)
    assert item_of(item_id("fc", f"{RUN}.3", 0), "acme") == (f"{RUN}.3", 0)
    for other in ("", "resp_", "resp_1", "inf.acme.x", "resp_resp_" + RUN):
        assert run_of(other) is None
    for other in ("msg_1", item_id("msg", RUN, "in0"), item_id("xx", RUN, 1), "msg_" + "a" * 32 + "_12345"):
        assert item_of(other, "acme") is None


def test_input_items_are_those_of_the_conversation_in_pages():
    sent = [
        {"role": "user", "content": "Hello"},
        {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "+ x"},
        {"type": "function_call", "call_id": "c2", "name": "find", "namespace": "mcp__docs__", "arguments": "{}"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "42"}]},
        {"role": "assistant", "content": "Done."},
    ]
    items = input_items(run_of_body(input=sent, instructions="Be kind."))
    members = [{name: value for name, value in item.items() if name not in ("id", "status")} for item in items]
    assert members[1:5] == [{**item} for item in sent[1:5]]
    assert [item["type"] for item in (items[0], items[5])] == ["message", "message"]
    assert len({item["id"] for item in items}) == 6
    page = page_of(items, limit=2, ascending=False, after=None)
    assert (page["data"], page["has_more"]) == (items[:3:-1], True)
    rest = page_of(items, limit=100, ascending=False, after=page["last_id"])
    assert (rest["data"], rest["has_more"]) == (items[3::-1], False)
    assert page_of([], limit=1, ascending=True, after=None)["first_id"] is None
    with pytest.raises(Refusal):
        page_of(items, limit=1, ascending=True, after="msg_1")
