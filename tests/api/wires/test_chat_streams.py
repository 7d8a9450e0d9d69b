"""Chunks of chat completions as OpenAI's SDK reads them, and the stream around them."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from api.inference import run_views
from api.inference.inference_services import StreamTerms
from api.inference.run_views import RunView
from api.wires.chat.events import ChatEvents
from api.wires.errors import ClientWire
from api.wires.run_members import run_error_content
from api.wires.streams.events import COMMENT, ServerEvent
from api.wires.streams.fragments import CHUNK_CHARS, MOST_CHUNKS, fragments_of
from api.wires.streams.run_streams import EventStream, RunStream
from api.wires.streams.writer import OpenedStream
from assay_temporal.contracts import Answer, InferenceResult, ProblemDetail, Receipt, TokenUsage
from domain.refusals import Kind, Refusal

RUN = "inf.acme." + "a" * 32
OPENED = OpenedStream(RUN, 1_760_000_000, "m", 5)
EVENT = "019a0000-0000-7000-8000-000000000000"
CALL = {"type": "tool_call", "call_id": "c1", "name": "f", "arguments": '{"city": "Oslo"}'}


def answered(answer: Answer) -> RunView:
    receipt = Receipt(EVENT, "d", "s")
    return run_views.ended(
        RUN, InferenceResult(RUN, "completed", "allow", result=answer, usage=TokenUsage(1, 2, 3), receipt=receipt)
    )


def refused(kind: str = "output-blocked") -> RunView:
    problem = ProblemDetail(kind, "names a secret", rules=("a_rule",))
    return run_views.ended(RUN, InferenceResult(RUN, "blocked", "block", problem=problem))


def read(stream: bytes) -> list[Any]:
    """The JSON of a stream's events; texts as they are."""
    found = []
    for event in stream.decode("ascii").split("\n\n")[:-1]:
        if not event.startswith(":"):
            data = event.removeprefix("data: ")
            found.append(data if data == "[DONE]" else json.loads(data))
    return found


async def sent(stream: RunStream, terms: StreamTerms | None = None) -> bytes:
    return b"".join([chunk async for chunk in stream.events(terms or StreamTerms())])


def stream_of(outcome: "asyncio.Task[RunView]", *, usage: bool = False) -> RunStream:
    return RunStream(ChatEvents(usage=usage), OPENED, outcome, partial(run_error_content, ClientWire.CHAT, RUN))


async def chunks_of(view: RunView, *, usage: bool = False) -> list[Any]:
    async def outcome() -> RunView:
        return view

    task = asyncio.ensure_future(outcome())
    await task
    return read(await sent(stream_of(task, usage=usage)))


async def test_a_text_is_given_in_chunks_after_the_role_with_its_receipt_in_the_last():
    text = "".join(chr(0x2600 + at) for at in range(CHUNK_CHARS)) + "\u2028 and the rest"
    chunks = await chunks_of(answered(Answer(text, "m", "stop")))
    assert chunks[-1] == "[DONE]"
    frame = {"id": RUN, "object": "chat.completion.chunk", "created": OPENED.created, "model": "m"}
    first = {"index": 0, "delta": {"role": "assistant", "content": "", "refusal": None}, "logprobs": None}
    assert chunks[0] == {**frame, "choices": [{**first, "finish_reason": None}]}
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[1:-2]]
    assert [list(delta) for delta in deltas] == [["content"]] * 2
    assert "".join(delta["content"] for delta in deltas) == text
    last = chunks[-2]
    assert (last["choices"][0]["delta"], last["choices"][0]["finish_reason"]) == ({}, "stop")
    assert (last["assay"]["decision"], last["assay"]["receipt"]["statement"]) == ("allow", "s")
    assert all("assay" not in chunk and "usage" not in chunk for chunk in chunks[:-2])


async def test_calls_are_given_by_index_with_their_arguments_in_deltas():
    parts = ({"type": "text", "text": "Wait."}, CALL, {**CALL, "call_id": "c2", "arguments": ""})
    chunks = await chunks_of(answered(Answer("Wait.", "m", "tool_calls", parts)))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[1:-2]]
    head = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
    assert deltas == [
        {"content": "Wait."},
        {"tool_calls": [head]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"city": "Oslo"}'}}]},
        {"tool_calls": [{**head, "index": 1, "id": "c2"}]},
    ]
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"


async def test_a_refusal_has_its_own_member_and_opaque_parts_none():
    parts = ({"type": "opaque", "provider": "p", "data": "x"}, {"type": "refusal", "text": "No."})
    chunks = await chunks_of(answered(Answer("No.", "m", "stop", parts)))
    assert [chunk["choices"][0]["delta"] for chunk in chunks[1:-2]] == [{"refusal": "No."}]


async def test_tokens_come_in_a_chunk_of_their_own_only_if_asked_for():
    chunks = await chunks_of(answered(Answer("Hi", "m", "stop")), usage=True)
    assert chunks[-2]["choices"] == []
    assert chunks[-2]["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    assert chunks[-2]["assay"]["receipt"]
    assert [chunk["usage"] for chunk in chunks[:-2]] == [None] * (len(chunks) - 2)


def test_the_content_of_an_answer_without_a_text_is_null():
    view = answered(Answer("", "m", "stop", (CALL,)))
    opened = OpenedStream(RUN, 1, "m", 5, view)
    [first] = ChatEvents(usage=False).opening(opened)
    assert isinstance(first, ServerEvent)
    assert first.encoded().startswith(b'data: {"id":"inf.acme.')
    assert '"content":null' in first.encoded().decode()


@pytest.mark.parametrize(("view", "code"), [(refused(), "content_filter"), (run_views.running(RUN), "run_in_progress")])
async def test_a_run_without_an_answer_ends_the_stream_in_its_error(view: RunView, code: str):
    chunks = await chunks_of(view)
    assert [list(chunk) for chunk in chunks[1:]] == [["error", "assay"]]
    assert chunks[-1]["error"]["code"] == code
    assert RUN in chunks[-1]["error"]["message"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Refusal(Kind.ENGINE_UNAVAILABLE, "no answer"), "service_unavailable"),
        (ValueError("a canary in an exception"), "internal_error"),
    ],
)
async def test_a_fault_while_waiting_ends_the_stream_in_its_error(fault: Exception, code: str):
    async def outcome() -> RunView:
        raise fault

    task = asyncio.ensure_future(outcome())
    await asyncio.wait({task})
    stream = await sent(stream_of(task))
    assert read(stream)[-1]["error"]["code"] == code
    assert b"canary" not in stream


async def test_signs_of_life_come_until_the_outcome_and_the_stream_ends_with_its_patience():
    answer: asyncio.Future[RunView] = asyncio.get_running_loop().create_future()

    async def outcome() -> RunView:
        return await answer

    task = asyncio.ensure_future(outcome())
    events = stream_of(task).events(StreamTerms(keep_alive_seconds=0.001, wait_seconds=1000))
    assert b"assistant" in await anext(events)
    assert [await anext(events) for _ in range(3)] == [COMMENT] * 3
    answer.set_result(answered(Answer("Hi", "m", "stop")))
    rest = b"".join([chunk async for chunk in events])
    assert read(rest)[-1] == "[DONE]"
    never = asyncio.ensure_future(asyncio.Event().wait())
    impatient = await sent(stream_of(never), StreamTerms(0.001, 0.002))  # type: ignore[arg-type]
    never.cancel()
    assert read(impatient)[-1]["error"]["code"] == "run_in_progress"


def test_a_long_text_has_a_bounded_number_of_chunks_and_is_whole():
    text = "x" * (CHUNK_CHARS * MOST_CHUNKS * 3)
    deltas = [fragment for fragment in fragments_of(Answer(text, "m", "stop")) if hasattr(fragment, "text")]
    assert len(deltas) == MOST_CHUNKS
    assert "".join(fragment.text for fragment in deltas) == text


@pytest.mark.parametrize("leaves", [False, True])
async def test_a_stream_is_released_once_and_says_whether_it_was_sent_whole(leaves: bool):
    closed: list[bool] = []
    begun = asyncio.Event()

    async def events() -> AsyncIterator[bytes]:
        yield b"one"
        begun.set()
        if leaves:
            await asyncio.Event().wait()

    async def released(whole: bool) -> None:
        closed.append(whole)

    async def receive() -> dict[str, Any]:
        await begun.wait()
        if not leaves:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = dict(message["headers"])
            assert headers[b"content-type"] == b"text/event-stream; charset=utf-8"
            assert (headers[b"cache-control"], headers[b"x-accel-buffering"]) == (b"no-cache", b"no")

    response = EventStream(events(), {}, released)
    await response({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)
    assert closed == [not leaves]
