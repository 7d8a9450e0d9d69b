"""Streams of responses: an ``EventWriter`` whose events have the same numbers whenever they are sent.

Every event but the first two is made of the run's outcome alone, so any process sends the same ones. The event that
keeps a connection alive is the second one again, with its number: it adds none.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from api.inference.run_views import RunView
from api.wires.errors import ErrorContent
from api.wires.responses.ids import item_id
from api.wires.responses.objects import ResponseRun, begun_object, error_code, response_object
from api.wires.responses.outputs import PREFIXES, SAID, call_item, content_part, item_of_part
from api.wires.streams.events import COMMENT, ServerEvent
from api.wires.streams.fragments import Fragment, PartBegun, PartDelta
from api.wires.streams.writer import OpenedStream
from domain.inference.requests import RequestLimits
from domain.refusals import Kind

_ENDS: Final[Mapping[str, str]] = {"completed": "response.completed", "incomplete": "response.incomplete"}


class ResponseEvents:
    """The events of one stream."""

    def __init__(self, body: Mapping[str, Any], limits: RequestLimits, after: int | None = None) -> None:
        """Take the run's body and its defaults. Events up to the number ``after`` are not sent."""
        self._body = body
        self._limits = limits
        self._after = -1 if after is None else after
        self._number = 0
        self._run = ResponseRun("", body, 0, limits)
        self._items: list[dict[str, Any]] = []
        self._open: dict[str, Any] | None = None
        self._refusing = False
        self._alive = COMMENT

    def opening(self, opened: OpenedStream) -> Iterable[ServerEvent]:
        """See ``EventWriter``: ``response.created`` and ``response.in_progress``."""
        self._run = ResponseRun(opened.run_id, self._body, opened.created, self._limits)
        begun = begun_object(self._run)
        first = self._event("response.created", response=begun)
        second = self._event("response.in_progress", response=begun)
        if self._after < 0:  # a stream that is taken up again has no use for a second beginning
            self._alive = second[0].encoded()
        return [*first, *second]

    def keep_alive(self) -> bytes:
        """See ``EventWriter``. Comments do not reset the idle timer of every client."""
        return self._alive

    def fragment(self, fragment: Fragment) -> Iterable[ServerEvent]:
        """See ``EventWriter``."""
        if isinstance(fragment, PartBegun):
            return self._begin(fragment.part)
        if isinstance(fragment, PartDelta):
            return self._grow(fragment.text)
        return self._finish(fragment.part)

    def end(self, view: RunView) -> Iterable[ServerEvent]:
        """See ``EventWriter``: ``response.completed`` or ``response.incomplete``."""
        made = response_object(self._run, view)
        return [*self._close(made["status"]), *self._event(_ENDS[made["status"]], response=made)]

    def failed(self, error: ErrorContent) -> Iterable[ServerEvent]:
        """See ``EventWriter``: ``response.failed``, with a code on which clients stop if a repeat changes nothing."""
        made = begun_object(self._run)
        made["status"] = "cancelled" if error.kind is Kind.RUN_CANCELLED else "failed"
        made["error"] = {"code": error_code(error.kind), "message": error.message}
        if "assay" in error.body:
            made["assay"] = error.body["assay"]
        return self._event("response.failed", response=made)

    def _event(self, kind: str, **members: Any) -> list[ServerEvent]:  # noqa: ANN401 - JSON
        event = ServerEvent({"type": kind, "sequence_number": self._number, **members}, kind)
        self._number += 1
        return [event] if self._number > self._after + 1 else []

    def _begin(self, part: Mapping[str, Any]) -> Iterable[ServerEvent]:
        if part["type"] not in SAID:
            yield from self._close("completed")
            if part["type"] == "tool_call":
                yield from self._add(call_item({**part, "arguments": ""}, self._run.kept))
            return
        self._refusing = part["type"] == "refusal"
        if self._open is None or self._open["type"] != "message":
            yield from self._close("completed")
            yield from self._add({"type": "message", "role": "assistant", "content": []})
        yield from self._event(
            "response.content_part.added", **self._content_place(), part=content_part({**part, "text": ""})
        )

    def _grow(self, text: str) -> Iterable[ServerEvent]:
        item = self._open
        if item is None or item["type"] == "custom_tool_call":  # its input is within the arguments
            return []
        if item["type"] == "function_call":
            return self._event("response.function_call_arguments.delta", **self._place(), delta=text)
        if self._refusing:
            return self._event("response.refusal.delta", **self._content_place(), delta=text)
        return self._event("response.output_text.delta", **self._content_place(), delta=text, logprobs=[])

    def _finish(self, part: Mapping[str, Any]) -> Iterable[ServerEvent]:
        if part["type"] in SAID:
            yield from self._finish_content(content_part(part))
        elif part["type"] != "tool_call":
            yield from self._add(item_of_part(part, self._run.kept))
        else:
            yield from self._finish_call(call_item(part, self._run.kept))

    def _finish_content(self, content: dict[str, Any]) -> Iterable[ServerEvent]:
        place = self._content_place()
        if content["type"] == "refusal":
            yield from self._event("response.refusal.done", **place, refusal=content["refusal"])
        else:
            yield from self._event("response.output_text.done", **place, text=content["text"], logprobs=[])
        yield from self._event("response.content_part.done", **place, part=content)
        self._items[-1]["content"].append(content)

    def _finish_call(self, call: dict[str, Any]) -> Iterable[ServerEvent]:
        self._items[-1].update(call)
        if call["type"] == "custom_tool_call":
            yield from self._event("response.custom_tool_call_input.delta", **self._place(), delta=call["input"])
            yield from self._event("response.custom_tool_call_input.done", **self._place(), input=call["input"])
        else:
            done = {"name": call["name"], "arguments": call["arguments"]}
            yield from self._event("response.function_call_arguments.done", **self._place(), **done)

    def _add(self, item: dict[str, Any]) -> Iterable[ServerEvent]:
        named = {"id": item_id(PREFIXES[item["type"]], self._run.id, len(self._items)), **item}
        self._items.append(named)
        self._open = named
        return self._event("response.output_item.added", **self._place(item=_with_status(named, "in_progress")))

    def _close(self, status: str) -> Iterable[ServerEvent]:
        """End the open item, if there is one. Its status is known once the next item, or the response's end, is."""
        item, self._open = self._open, None
        if item is None:
            return []
        return self._event("response.output_item.done", **self._place(item=_with_status(item, status)))

    def _place(self, **item: Mapping[str, Any]) -> dict[str, Any]:
        at = len(self._items) - 1
        return {"output_index": at, **(item or {"item_id": self._items[at]["id"]})}

    def _content_place(self) -> dict[str, Any]:
        return {**self._place(), "content_index": len(self._items[-1]["content"])}


def _with_status(item: Mapping[str, Any], status: str) -> dict[str, Any]:
    copy = {**item, "content": [*item["content"]]} if item["type"] == "message" else dict(item)
    return copy if item["type"] == "reasoning" else {**copy, "status": status}
