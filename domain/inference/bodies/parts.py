"""Parts of a message's content: each with a reader, which validates, and ``content_of``, which makes the values.

The workflow reads messages by ``content_of`` alone, so both always agree.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from domain.inference.bodies.tools import TOOL_NAME
from domain.inference.bodies.values import FLAG, TEXT, BodyField, object_schema, read_members, text_of, without, wrong
from domain.inference.content import Content, Part, RefusalPart, TextKind, TextPart, ToolCall, ToolResult
from domain.inference.requests import RequestLimits

MAX_CALL_ID_CHARS: Final = 256
PART_SCHEMA: Final = "PartBody"
"""Name of a part's schema in the body's schema."""
STATED_KINDS: Final = (TextKind.PROMPT, TextKind.DOCUMENT, TextKind.TOOL_OUTPUT)


def read_kind(value: object, field: str, _: RequestLimits) -> TextKind:
    """Read the sender's statement of a text's origin."""
    kind = text_of(value, field)
    if kind not in STATED_KINDS:
        raise wrong(field, "must be 'prompt', 'document' or 'tool_output'")
    return TextKind(kind)


def read_content(value: object, field: str, limits: RequestLimits) -> Content:
    """Read a message's content: a text, or a list of parts. Roles are checked by the message's reader."""
    if isinstance(value, list | tuple):
        if not 1 <= len(value) <= limits.max_messages:
            raise wrong(field, f"must have 1 to {limits.max_messages} parts")
        for at, item in enumerate(value):
            _check_part(item, f"{field}.{at}", limits)
        return content_of(value)
    return text_of(value, field)


def content_of(value: Any) -> Content:  # noqa: ANN401 - JSON
    """Return the content of JSON that ``read_content`` has accepted."""
    return value if isinstance(value, str) else tuple(_part_of(item) for item in value)


def _part_of(item: Mapping[str, Any]) -> Part:
    match item["type"]:
        case "text":
            return TextPart(item["text"], TextKind(item["kind"]) if "kind" in item else None)
        case "refusal":
            return RefusalPart(item["text"])
        case "tool_call":
            return ToolCall(item["call_id"], item["name"], item["arguments"])
        case _:
            content = item["content"]
            inner = content if isinstance(content, str) else tuple(TextPart(part["text"]) for part in content)
            return ToolResult(item["call_id"], inner, item.get("failed", False))


def _check_part(item: object, field: str, limits: RequestLimits) -> None:
    if not isinstance(item, Mapping):
        raise wrong(field, "must be an object")
    members = _PARTS.get(item["type"]) if isinstance(item.get("type"), str) else None
    if members is None:
        raise wrong(f"{field}.type", f"must be one of: {', '.join(_PARTS)}")
    read_members(without(item, "type"), members, field, limits)


def _call_id(value: object, field: str, _: RequestLimits) -> str:
    call_id = text_of(value, field)
    if not (1 <= len(call_id) <= MAX_CALL_ID_CHARS and call_id.isascii() and call_id.isprintable()):
        raise wrong(field, f"must have 1 to {MAX_CALL_ID_CHARS} printable ASCII characters")
    return call_id


def _result(value: object, field: str, limits: RequestLimits) -> object:
    if not isinstance(value, list | tuple):
        return text_of(value, field)
    if not 1 <= len(value) <= limits.max_messages:
        raise wrong(field, f"must have 1 to {limits.max_messages} parts")
    for at, part in enumerate(value):
        place = f"{field}.{at}"
        if not isinstance(part, Mapping):
            raise wrong(place, "must be an object")
        if part.get("type") != "text":
            raise wrong(f"{place}.type", "must be 'text'")
        read_members(without(part, "type"), {"text": (TEXT, True)}, place, limits)
    return value


_CALL_ID: Final = BodyField(_call_id, {"type": "string", "minLength": 1, "maxLength": MAX_CALL_ID_CHARS})
KIND: Final = BodyField(
    read_kind,
    {
        "type": "string",
        "enum": list(STATED_KINDS),
        "default": TextKind.PROMPT,
        "description": "For the role 'user' alone: text that others wrote (a document, a tool's output) is "
        "screened as such.",
    },
)
_RESULT: Final = BodyField(
    _result,
    {
        "type": ["string", "array"],
        "items": {
            "type": "object",
            "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
            "required": ["type", "text"],
            "additionalProperties": False,
        },
    },
)
_PARTS: Final[Mapping[str, Mapping[str, tuple[BodyField, bool]]]] = MappingProxyType(
    {
        "text": {"text": (TEXT, True), "kind": (KIND, False)},
        "refusal": {"text": (TEXT, True)},
        "tool_call": {"call_id": (_CALL_ID, True), "name": (TOOL_NAME, True), "arguments": (TEXT, True)},
        "tool_result": {"call_id": (_CALL_ID, True), "content": (_RESULT, True), "failed": (FLAG, False)},
    }
)
"""The parts of a body's messages: their members, and True for the required ones."""


def part_schema() -> dict[str, Any]:
    """Return the JSON Schema of a part."""
    return {
        "description": "A part of a message's content.",
        "oneOf": [object_schema(members, type={"const": name}) for name, members in _PARTS.items()],
    }
