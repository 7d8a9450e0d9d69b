"""Waiting for the outcome of a run: openings of streams, and notes on the connection."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from fastapi import Request
from fastapi.responses import JSONResponse

from api.inference import run_views
from api.inference.inference_services import InferenceServices, StreamTerms
from api.inference.run_views import RunView
from api.inference.runs import Started, Submission
from api.wires.chat.routes import chat_request
from api.wires.client_requests import ParsedRequest, parsed
from api.wires.connections import repeat_signs
from api.wires.streams.run_streams import EventStream
from api.wires.submissions import CLIENT_GONE, answered
from assay_temporal.contracts import Answer, InferenceResult, ProblemDetail
from domain.inference.submissions import BegunSubmission, Ending, RepeatSigns, TaggedRun
from domain.policy.content import ContentPolicy
from domain.refusals import Kind, Refusal
from tests.bad_requests import LIMITS

RUN = "inf.acme." + "a" * 32
BODY = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
ANSWER = run_views.ended(RUN, InferenceResult(RUN, "completed", "allow", result=Answer("Hi", "m", "stop")))
BLOCKED = run_views.ended(RUN, InferenceResult(RUN, "blocked", "block", problem=ProblemDetail("output-blocked", "x")))


@dataclass
class Edge:
    """A run with an outcome set by the test, and the notes on its connection."""

    admits: Callable[[], bool] = lambda: True
    fails: Refusal | None = None
    outcome: "asyncio.Future[RunView]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    notes: list[Ending | None] = field(default_factory=list)
    asked: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    begun: list[RepeatSigns] = field(default_factory=list)

    async def begin(self, principal: Any, policy: str, digest: str, signs: RepeatSigns) -> BegunSubmission:
        self.begun.append(signs)
        return BegunSubmission(RUN, TaggedRun("t", "c"))

    async def note(self, begun: BegunSubmission, ending: Ending | None = None) -> bool:
        self.notes.append(ending)
        return True

    async def start(self, submission: Submission) -> Started:
        if self.fails is not None:
            raise self.fails
        return Started("acme", RUN)

    async def wait(self, started: Started, seconds: float) -> RunView:
        return await self.outcome

    async def admitted(self, started: Started) -> bool:
        self.asked += 1
        return self.admits()

    async def began(self, public_id: str) -> int:
        return 1_700_000_000

    @property
    def pinned(self) -> Any:
        """The policy: any model, no proof required."""
        terms = type("Terms", (), {"sealed": False})
        found = {"limits": LIMITS, "content": ContentPolicy(), "models": {}, "model": lambda *_: None}
        policy = type("Policy", (), {**found, "for_tenant": lambda *_: terms})()
        return type("Pinned", (), {"policy": policy, "hash": "h"})()

    def inference(self) -> InferenceServices:
        terms = StreamTerms(keep_alive_seconds=0.001, wait_seconds=1000)
        here = cast("Any", self)
        return InferenceServices(here, here, here, here, 1, here, terms)

    def request(self, **headers: str) -> Request:
        async def receive() -> dict[str, Any]:
            await self.gone.wait()
            return {"type": "http.disconnect"}

        metrics = type("Metrics", (), {"joined": type("Counter", (), {"inc": lambda _: None})()})
        app = type("App", (), {"state": type("State", (), {"metrics": metrics})()})()
        sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        return Request({"type": "http", "headers": sent, "app": app, "state": {}}, receive)

    def sent(self, **more: Any) -> ParsedRequest:
        return parsed(chat_request({**BODY, **more}), self.inference())

    def answered(self, **more: Any) -> "asyncio.Task[Any]":
        caller = cast("Any", type("Caller", (), {"tenant": "acme", "models": None}))
        return asyncio.ensure_future(answered(self.request(), caller, self.sent(**more), self.inference(), None))


async def send(response: Any) -> bytes:
    """Send a response to a client that stays; return its body."""
    sent: list[bytes] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def take(message: Any) -> None:
        sent.append(message.get("body", b""))

    await response({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, take)
    return b"".join(sent)


async def test_a_stream_opens_once_its_run_is_admitted_and_ends_with_its_answer():
    admitted = iter([False, False, True])
    edge = Edge(lambda: next(admitted))
    response = await edge.answered(stream=True)
    assert isinstance(response, EventStream)
    assert "assay-decision" not in response.headers
    assert (edge.asked, edge.notes) == (3, [None] * 3)
    edge.outcome.set_result(ANSWER)
    text = await send(response)
    assert text.index(b"assistant") < text.index(b'"content":"Hi"') < text.index(b"[DONE]")
    assert b'"created":1700000000' in text
    assert edge.notes[-1] is Ending.ANSWERED


async def test_a_stream_of_a_run_that_is_not_admitted_waits_for_its_outcome_and_is_a_status():
    def unknown() -> bool:
        if edge.asked == 1:
            raise Refusal(Kind.STORE_UNAVAILABLE, "no answer")
        if edge.asked == 3:
            edge.outcome.set_result(BLOCKED)
        return False

    edge = Edge(unknown)
    response = await edge.answered(stream=True)
    assert isinstance(response, JSONResponse)
    assert (response.status_code, response.headers["assay-decision"]) == (400, "block")
    assert edge.notes[-1] is Ending.REFUSED


async def test_a_block_after_the_opening_ends_the_stream_in_an_error_and_is_noted_as_a_refusal():
    edge = Edge()
    response = await edge.answered(stream=True)
    edge.outcome.set_result(BLOCKED)
    assert b'"code":"content_filter"' in await send(response)
    assert edge.notes[-1] is Ending.REFUSED


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_before_the_first_byte_ends_the_waiting(stream: bool):
    edge = Edge(lambda: False)
    waiting = edge.answered(stream=stream)
    edge.gone.set()
    response = await waiting
    assert (response.status_code, edge.notes[-1]) == (CLIENT_GONE, Ending.CUT)
    await asyncio.wait({edge.outcome})
    assert edge.outcome.cancelled()


async def test_a_client_that_leaves_a_stream_ends_the_waiting():
    edge = Edge()
    response = await edge.answered(stream=True)

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def take(message: Any) -> None:
        await asyncio.sleep(0)

    await response({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, take)
    assert edge.notes[-1] is Ending.CUT
    await asyncio.wait({edge.outcome})
    assert edge.outcome.cancelled()


async def test_a_whole_answer_is_noted_after_it_was_sent_and_its_waiting_before():
    edge = Edge()
    waiting = edge.answered()
    while not edge.notes:
        await asyncio.sleep(0)
    edge.outcome.set_result(ANSWER)
    response = await waiting
    assert set(edge.notes) == {None}
    assert b'"Hi"' in await send(response)
    assert edge.notes[-1] is Ending.ANSWERED


async def test_a_run_that_could_not_be_started_is_cut_so_that_a_repeat_starts_it():
    edge = Edge(fails=Refusal(Kind.ENGINE_UNAVAILABLE, "no answer"))
    with pytest.raises(Refusal):
        await edge.answered()
    assert edge.notes == [Ending.CUT]


@pytest.mark.parametrize(
    ("headers", "signs"),
    [
        ({}, RepeatSigns(False)),
        ({"x_stainless_retry_count": "2"}, RepeatSigns(False, 2)),
        ({"x_stainless_retry_count": "-1"}, RepeatSigns(False)),
        ({"x_stainless_retry_count": "99999"}, RepeatSigns(False)),
        ({"x_stainless_retry_count": "\u0662"}, RepeatSigns(False)),
        ({"session_id": "s", "thread_id": "t"}, RepeatSigns(False, 0, "session-id:s")),
        ({"x_claude_code_session_id": "s"}, RepeatSigns(False, 0, "x-claude-code-session-id:s")),
        ({"x_session_id": ""}, RepeatSigns(False)),
    ],
)
async def test_signs_of_a_repeat_are_read_from_the_headers(headers: dict[str, str], signs: RepeatSigns):
    assert repeat_signs(Edge().request(**headers), streamed=False) == signs
