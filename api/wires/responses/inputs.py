"""Input items of a stored response, made of its run's messages, and their pages."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from api.wires.responses.ids import item_id
from api.wires.responses.objects import ResponseRun
from api.wires.responses.outputs import PREFIXES, SAID, call_item, content_part, item_of_part
from api.wires.responses.parts import given_part
from api.wires.responses.tools import custom_call_ids
from domain.inference.bodies.values import wrong

MOST_ITEMS: Final = 100
_CONTENT: Final = (*SAID, "attachment", "image_address", "document")
_RESULTS: Final[Mapping[bool, str]] = {False: "function_call_output", True: "custom_tool_call_output"}


def input_items(run: ResponseRun) -> list[dict[str, Any]]:
    """Return the items before a response, in order, those of earlier responses included. Instructions are none."""
    messages = run.body["messages"]
    first = 1 if run.kept.get("instructions") else 0
    custom = custom_call_ids(messages, run.kept.get("custom", ()))
    items: list[dict[str, Any]] = []
    for message in messages[first:]:
        for made in _items(message, run, custom):
            prefix = PREFIXES.get(made["type"], "fco")
            items.append({"id": item_id(prefix, run.id, f"in{len(items)}"), **made})
    return items


def _items(message: Mapping[str, Any], run: ResponseRun, custom: frozenset[str]) -> Iterator[dict[str, Any]]:
    content, role = message["content"], message["role"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    shown = content_part if role == "assistant" else given_part
    said = [shown(part) for part in parts if part["type"] in _CONTENT]
    if said:
        yield {"type": "message", "role": role, "status": "completed", "content": said}
    for part in parts:
        if part["type"] == "tool_result":
            kind = _RESULTS[part["call_id"] in custom]
            yield {"type": kind, "call_id": part["call_id"], "output": _output(part["content"]), "status": "completed"}
        elif part["type"] == "tool_call":
            yield {**call_item(part, run.kept), "status": "completed"}
        elif part["type"] == "opaque":
            yield item_of_part(part, run.kept)


def _output(content: Any) -> Any:  # noqa: ANN401 - JSON
    return content if isinstance(content, str) else [given_part(part) for part in content]


def page_of(items: list[dict[str, Any]], *, limit: int, ascending: bool, after: str | None) -> dict[str, Any]:
    """Return a page of items as a list object. It begins after the item ``after``.

    Raises:
        Refusal: INVALID_REQUEST for an ID that is none of the items', and another limit than 1 to 100.
    """
    if not 1 <= limit <= MOST_ITEMS:
        raise wrong("limit", f"must be from 1 to {MOST_ITEMS}")
    ordered = items if ascending else items[::-1]
    start = 0
    if after is not None:
        known = [item["id"] for item in ordered]
        if after not in known:
            raise wrong("after", "must be the ID of an item of this response")
        start = known.index(after) + 1
    found = ordered[start : start + limit]
    return {
        "object": "list",
        "data": found,
        "first_id": found[0]["id"] if found else None,
        "last_id": found[-1]["id"] if found else None,
        "has_more": start + limit < len(ordered),
    }
