"""Streams of chat completions: chunks, and ``[DONE]``."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from api.inference.run_views import RunView
from api.wires.chat.answers import finish_reason, usage_of
from api.wires.errors import ErrorContent
from api.wires.run_members import assay_member
from api.wires.streams.events import COMMENT, ServerEvent
from api.wires.streams.fragments import Fragment, PartBegun, PartDelta, parts_of
from api.wires.streams.writer import OpenedStream
from domain.refusals import Kind, Refusal

_DONE: Final = ServerEvent("[DONE]")
_MEMBERS: Final[Mapping[str, str]] = {"text": "content", "refusal": "refusal"}


class ChatEvents:
    """``EventWriter`` of chat completions. Events have no names."""

    def __init__(self, *, usage: bool) -> None:
        """``usage``: whether a chunk with the charged tokens comes last."""
        self._usage = usage
        self._frame: dict[str, Any] = {}
        self._calls = 0
        self._growing = ""

    def opening(self, opened: OpenedStream) -> Iterable[ServerEvent]:
        """Yield the first chunk, with the role. Its content is null for an answer that is known to have no text."""
        self._frame = {
            "id": opened.run_id,
            "object": "chat.completion.chunk",
            "created": opened.created,
            "model": opened.model,
        }
        answer = opened.view.result.result if opened.view is not None and opened.view.result is not None else None
        silent = answer is not None and all(part.get("type") != "text" for part in parts_of(answer))
        yield self._chunk({"role": "assistant", "content": None if silent else "", "refusal": None})

    def keep_alive(self) -> bytes:
        """Return a comment: every client of this format skips it."""
        return COMMENT

    def fragment(self, fragment: Fragment) -> Iterator[ServerEvent]:
        """Yield a delta of text, refusal or arguments, or the head of a tool call. Other parts have no place here."""
        match fragment:
            case PartBegun(_, part) if part["type"] == "tool_call":
                function = {"name": part["name"], "arguments": ""}
                call = {"index": self._calls, "id": part["call_id"], "type": "function", "function": function}
                yield self._chunk({"tool_calls": [call]})
                self._growing, self._calls = "tool_calls", self._calls + 1
            case PartBegun(_, part):
                self._growing = _MEMBERS.get(part["type"], "")
            case PartDelta(_, text) if self._growing == "tool_calls":
                more = {"index": self._calls - 1, "function": {"arguments": text}}
                yield self._chunk({"tool_calls": [more]})
            case PartDelta(_, text) if self._growing:
                yield self._chunk({self._growing: text})

    def end(self, view: RunView) -> Iterator[ServerEvent]:
        """Yield the chunk with the reason, that with the tokens if asked for, and ``[DONE]``.

        Raises:
            Refusal: INTERNAL, for a run without an answer.
        """
        result = view.result
        if result is None or result.result is None:
            raise Refusal(Kind.INTERNAL, "the run has no answer")
        run = {"assay": assay_member(view)}
        reason = finish_reason(result.result)
        if self._usage:
            yield self._chunk({}, reason)
            yield ServerEvent({**self._frame, "choices": [], "usage": usage_of(result.usage), **run})
        else:
            yield ServerEvent({**self._chunk_data({}, reason), **run})
        yield _DONE

    def failed(self, error: ErrorContent) -> Iterable[ServerEvent]:
        """Return the error alone: with ``[DONE]``, or as a finish reason, clients take the answer for complete."""
        return (ServerEvent(error.body),)

    def _chunk(self, delta: Mapping[str, Any], reason: str | None = None) -> ServerEvent:
        return ServerEvent(self._chunk_data(delta, reason))

    def _chunk_data(self, delta: Mapping[str, Any], reason: str | None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**self._frame, "choices": [choice], **({"usage": None} if self._usage else {})}
