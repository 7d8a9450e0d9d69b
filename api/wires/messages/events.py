"""Streams of Anthropic's messages: named events, from ``message_start`` to ``message_stop``."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from api.inference.run_views import RunView
from api.wires.errors import ErrorContent
from api.wires.messages.answers import ending, input_of, usage_of_run
from api.wires.messages.blocks import REDACTED_THINKING, THINKING, json_text
from api.wires.run_members import assay_member
from api.wires.streams.events import ServerEvent
from api.wires.streams.fragments import Fragment, PartBegun, PartDelta, PartEnded
from api.wires.streams.writer import OpenedStream
from domain.refusals import Kind, Nature, Refusal

_PING: Final = ServerEvent({"type": "ping"}, "ping").encoded()


class MessagesEvents:
    """``EventWriter`` of Anthropic's messages.

    Arguments of a call are given at its end: clients parse them as they come, and fail on what is no JSON.
    """

    def __init__(self, stops: tuple[str, ...] = ()) -> None:
        """``stops``: the request's stop sequences."""
        self._stops = stops
        self._index = -1
        self._open = False
        self._arguments: list[str] = []
        self._call = False
        self._prompt_tokens = 0

    def opening(self, opened: OpenedStream) -> Iterable[ServerEvent]:
        """Return ``message_start``, with the tokens of the prompt: charged ones if known, else an estimate."""
        self._prompt_tokens = opened.prompt_tokens
        result = opened.view.result if opened.view is not None else None
        known = usage_of_run(result.usage) if result is not None and result.usage is not None else None
        message: dict[str, Any] = {
            "id": opened.run_id,
            "type": "message",
            "role": "assistant",
            "model": opened.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**(known or {**usage_of_run(None), "input_tokens": opened.prompt_tokens}), "output_tokens": 0},
        }
        return (_event("message_start", message=message),)

    def keep_alive(self) -> bytes:
        """Return a ``ping``."""
        return _PING

    def fragment(self, fragment: Fragment) -> Iterator[ServerEvent]:
        """Yield the events of a content block. A text without deltas has no block."""
        match fragment:
            case PartBegun(_, part):
                self._call, self._arguments = part["type"] == "tool_call", []
            case PartDelta(_, text) if self._call:
                self._arguments.append(text)
            case PartDelta(_, text):
                if not self._open:
                    yield self._begun({"type": "text", "text": ""})
                yield self._delta("text_delta", text=text)
            case PartEnded(_, part):
                yield from self._ended(part)

    def end(self, view: RunView) -> Iterator[ServerEvent]:
        """Yield ``message_delta`` with reason and tokens, and ``message_stop`` with the member ``assay``.

        Raises:
            Refusal: INTERNAL, for a run without an answer.
        """
        result = view.result
        if result is None or result.result is None:
            raise Refusal(Kind.INTERNAL, "the run has no answer")
        yield _event("message_delta", delta=ending(result.result, self._stops), usage=usage_of_run(result.usage))
        yield _event("message_stop", assay=assay_member(view))

    def failed(self, error: ErrorContent) -> Iterator[ServerEvent]:
        """Yield the end of a stream without an answer: a refusal by policy as such, anything else as an error.

        Claude Code repeats a request without a stream after an error, and stops at a refusal.
        """
        if self._open:
            yield self._stopped()
        if error.kind is None or error.kind.nature is not Nature.POLICY:
            yield ServerEvent(error.body, "error")
            return
        details = {"type": "refusal", "category": None, "explanation": error.message}
        delta = {"stop_reason": "refusal", "stop_sequence": None, "stop_details": details}
        usage = {**usage_of_run(None), "input_tokens": self._prompt_tokens}
        yield _event("message_delta", delta=delta, usage=usage)
        yield _event("message_stop", assay=error.body.get("assay"))

    def _ended(self, part: Mapping[str, Any]) -> Iterator[ServerEvent]:
        match part["type"]:
            case "tool_call":
                yield self._begun({"type": "tool_use", "id": part["call_id"], "name": part["name"], "input": {}})
                for text in self._partial(part["arguments"]):
                    yield self._delta("input_json_delta", partial_json=text)
            case "opaque" if part["label"] == REDACTED_THINKING:
                yield self._begun({"type": "redacted_thinking", "data": part["data"]})
            case "opaque" if part["label"] == THINKING:
                yield self._begun({"type": "thinking", "thinking": "", "signature": ""})
                if part.get("text"):
                    yield self._delta("thinking_delta", thinking=part["text"])
                yield self._delta("signature_delta", signature=part["data"])
        if self._open:
            yield self._stopped()

    def _partial(self, arguments: str) -> list[str]:
        """Return the arguments of a call in pieces, as an object."""
        found = input_of(arguments)
        if found == {"invalid_json": arguments} or not self._arguments:
            return [json_text(found, "input")]
        return self._arguments

    def _begun(self, block: Mapping[str, Any]) -> ServerEvent:
        self._index, self._open = self._index + 1, True
        return _event("content_block_start", index=self._index, content_block=block)

    def _delta(self, kind: str, **members: str) -> ServerEvent:
        return _event("content_block_delta", index=self._index, delta={"type": kind, **members})

    def _stopped(self) -> ServerEvent:
        self._open = False
        return _event("content_block_stop", index=self._index)


def _event(name: str, **members: object) -> ServerEvent:
    return ServerEvent({"type": name, **members}, name)
