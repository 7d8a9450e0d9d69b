"""Items of a response's input as messages of Assay. Values are validated afterwards, by the body's own readers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from api.wires.members import list_of
from api.wires.responses.conversation import SourcePlace, TranslatedConversation
from api.wires.responses.fields import drop_members
from api.wires.responses.parts import read_parts, read_reasoning
from api.wires.responses.tools import custom_arguments, joined_name
from domain.inference.bodies.values import wrong

_ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
)
REFERENCE: Final = "item_reference"


@dataclass(frozen=True, slots=True)
class ReadInput:
    """State of the reading of an input: the conversation so far, the names of what was dropped.

    ``referred`` has the items of stored responses that the input refers to, by their IDs.
    """

    conversation: TranslatedConversation
    ignored: set[str]
    referred: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def references_of(value: object) -> dict[str, str]:
    """Return the places of an unchecked input's references to stored items, by ID."""
    found: dict[str, str] = {}
    for at, item in enumerate(value if isinstance(value, list) else ()):
        if _kind_of(item) == REFERENCE and isinstance(named := item.get("id"), str):
            found.setdefault(named, f"input.{at}.id")
    return found


def read_items(value: object, into: ReadInput) -> None:
    """Add a list of items to a conversation.

    Raises:
        Refusal: INVALID_REQUEST, with the item as the client named it.
    """
    for at, item in enumerate(list_of(value, "input", lambda item, _: item)):
        _read_item(item, f"input.{at}", into)


def _read_item(item: Mapping[str, Any], place: str, into: ReadInput) -> None:
    kind = _kind_of(item)
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise wrong(f"{place}.type", f"is refused: available are {', '.join(_READERS)}")
    reader(item, place, into)


def _kind_of(item: object) -> object:
    """Return the type of an item. Messages need none, and references may have none."""
    if not isinstance(item, Mapping):
        return None
    return item.get("type") or ("message" if "role" in item else REFERENCE if item.keys() == {"id"} else None)


def _reference(item: Mapping[str, Any], place: str, into: ReadInput) -> None:
    named = item.get("id")
    found = into.referred.get(named) if isinstance(named, str) else None
    if found is None:
        raise wrong(f"{place}.id", "must be the ID of an item of a stored response")
    _read_item(found, place, into)


def _message(item: Mapping[str, Any], place: str, into: ReadInput) -> None:
    given = item.get("role")
    role = _ROLES.get(given) if isinstance(given, str) else None
    if role is None:
        raise wrong(f"{place}.role", "must be 'system', 'developer', 'user' or 'assistant'")
    drop_members(item, "message", "input", into.ignored)
    content, where = item.get("content"), SourcePlace(place)
    if not isinstance(content, str):
        field, said = f"{place}.content", role == "assistant"
        parts = read_parts(content, field, into.ignored, refusals=said, files=role == "user")
        where = SourcePlace(place, tuple(f"{place}.content.{at}" for at in range(len(parts))))
        content = parts or ""
    if role == "assistant":
        into.conversation.say(content, where)
    else:
        into.conversation.add({"role": role, "content": content}, where)


def _call(item: Mapping[str, Any], place: str, into: ReadInput) -> None:
    drop_members(item, "function_call", "input", into.ignored)
    name = joined_name(item.get("name"), item.get("namespace"), place)
    part = {"type": "tool_call", "call_id": item.get("call_id"), "name": name, "arguments": item.get("arguments")}
    into.conversation.call(part, place)


def _custom_call(item: Mapping[str, Any], place: str, into: ReadInput) -> None:
    drop_members(item, "custom_tool_call", "input", into.ignored)
    text = item.get("input")
    if not isinstance(text, str):
        raise wrong(f"{place}.input", "must be a string")
    name = joined_name(item.get("name"), item.get("namespace"), place)
    part = {"type": "tool_call", "call_id": item.get("call_id"), "name": name, "arguments": custom_arguments(text)}
    into.conversation.call(part, place)


def _result(item: Mapping[str, Any], place: str, into: ReadInput) -> None:
    drop_members(item, item["type"], "input", into.ignored)
    output = item.get("output")
    content = output if isinstance(output, str) else read_parts(output, f"{place}.output", into.ignored, files=True)
    result = {"type": "tool_result", "call_id": item.get("call_id"), "content": content or ""}
    into.conversation.add({"role": "tool", "content": [result]}, SourcePlace(place, (place,)))


def _reasoning(item: Mapping[str, Any], place: str, into: ReadInput) -> None:
    """Add reasoning that an answer of Assay had. Other reasoning is left out: no provider of the policy can read it."""
    drop_members(item, "reasoning", "input", into.ignored)
    part = read_reasoning(item, place)
    if part is None:
        into.ignored.add("input.reasoning")
    else:
        into.conversation.think(part, place)


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], str, ReadInput], None]]] = MappingProxyType(
    {
        "message": _message,
        "function_call": _call,
        "function_call_output": _result,
        "custom_tool_call": _custom_call,
        "custom_tool_call_output": _result,
        "reasoning": _reasoning,
        REFERENCE: _reference,
    }
)
