"""Output items of a response, made of an answer's parts. The same answer has the same items with the same IDs."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final

from api.wires.responses.ids import item_id
from api.wires.responses.parts import reasoning_item
from api.wires.responses.tools import custom_input, name_within
from assay_temporal.contracts import Answer

SAID: Final = ("text", "refusal")
"""Types of parts that are content of a message. All others are items."""
PREFIXES: Final[Mapping[str, str]] = MappingProxyType(
    {"message": "msg", "function_call": "fc", "custom_tool_call": "ctc", "reasoning": "rs"}
)
"""Prefixes of items' IDs, by the item's type."""


def output_of(run_id: str, answer: Answer, kept: Mapping[str, Any], status: str) -> list[dict[str, Any]]:
    """Return the items of an answer in order.

    Args:
        run_id: the run.
        answer: its answer.
        kept: what the run keeps for this API: custom tools and namespaces.
        status: of the last item: ``completed`` or ``incomplete``.
    """
    parts = answer.parts or ({"type": "text", "text": answer.content},)
    items: list[dict[str, Any]] = []
    for made in _items(parts, kept):
        items.append({"id": item_id(PREFIXES[made["type"]], run_id, len(items)), **made})
    for item in items:
        if item["type"] != "reasoning":
            item["status"] = status if item is items[-1] else "completed"
    return items


def _items(parts: tuple[dict[str, Any], ...], kept: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for said, group in groupby(parts, key=lambda part: part.get("type") in SAID):
        if said:
            content = [content_part(part) for part in group]
            yield {"type": "message", "role": "assistant", "content": content}
        else:
            yield from (item_of_part(part, kept) for part in group)


def content_part(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a text or a refusal as the content of a message."""
    if part.get("type") == "refusal":
        return {"type": "refusal", "refusal": part["text"]}
    return {"type": "output_text", "text": part["text"], "annotations": [], "logprobs": []}


def item_of_part(part: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part that is an item: a call, or a provider's reasoning."""
    if part.get("type") == "tool_call":
        return call_item(part, kept)
    return reasoning_item(part)


def call_item(part: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call of a tool: of a function, of a namespace's, or of a custom tool, as the client defined it."""
    name, space = part["name"], kept.get("namespaces", {}).get(part["name"])
    named = {"name": name} if space is None else {"name": name_within(name, space), "namespace": space}
    call = {"call_id": part["call_id"], **named}
    if name in kept.get("custom", ()):
        return {"type": "custom_tool_call", **call, "input": custom_input(part["arguments"])}
    return {"type": "function_call", **call, "arguments": part["arguments"]}
