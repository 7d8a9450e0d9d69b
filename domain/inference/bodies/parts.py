"""Parts of a message's content: each with a reader, which validates, and ``content_of``, which makes the values.

The workflow reads messages by ``content_of`` alone, so both always agree.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from domain.inference.bodies.attachments import (
    FILE_NAME,
    IMAGE_DATA,
    IMAGE_TYPE,
    IMAGE_URL,
    attachment_of,
    require_image,
)
from domain.inference.bodies.tools import CACHE, TOOL_NAME
from domain.inference.bodies.values import (
    FLAG,
    TEXT,
    BodyField,
    choice_of,
    object_schema,
    read_members,
    text_of,
    without,
    wrong,
)
from domain.inference.content import (
    Content,
    Document,
    ImageAddress,
    OpaqueItem,
    Part,
    RefusalPart,
    ResultPart,
    TextKind,
    TextPart,
    ToolCall,
    ToolResult,
)
from domain.inference.requests import RequestLimits

MAX_CALL_ID_CHARS: Final = 256
_MAX_SUMMARY: Final = 64
_LABEL: Final = re.compile(r"[a-z][a-z0-9]{0,31}\.[a-z][a-z_.]{0,31}\Z")
_FILE_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}/[a-z0-9][a-z0-9.+-]{0,63}\Z")
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
        case "refusal":
            return RefusalPart(item["text"])
        case "tool_call":
            return ToolCall(item["call_id"], item["name"], item["arguments"], cache=item.get("cache"))
        case "tool_result":
            content = item["content"]
            inner = content if isinstance(content, str) else tuple(_result_part_of(part) for part in content)
            return ToolResult(item["call_id"], inner, item.get("failed", False), cache=item.get("cache"))
        case "opaque":
            return OpaqueItem(
                item["label"],
                item["data"],
                item.get("text"),
                item_id=item.get("item_id"),
                summary=tuple(item.get("summary", ())),
            )
        case _:
            return _result_part_of(item)


def _result_part_of(item: Mapping[str, Any]) -> ResultPart:
    match item["type"]:
        case "attachment":
            return attachment_of(item)
        case "image_address":
            return ImageAddress(item["image_url"], detail=item.get("detail"), cache=item.get("cache"))
        case "document":
            return Document(
                item["text"],
                item.get("name"),
                item.get("context"),
                item.get("media_type", "text/plain"),
                cited=item.get("cited", False),
                cache=item.get("cache"),
            )
        case _:
            kind = TextKind(item["kind"]) if "kind" in item else None
            return TextPart(item["text"], kind, cache=item.get("cache"))


def _check_part(item: object, field: str, limits: RequestLimits, known: tuple[str, ...] = ()) -> None:
    if not isinstance(item, Mapping):
        raise wrong(field, "must be an object")
    kind = item.get("type")
    members = _PARTS.get(kind) if isinstance(kind, str) and kind in (known or _PARTS) else None
    if members is None:
        raise wrong(f"{field}.type", f"must be one of: {', '.join(known or _PARTS)}")
    if known and "kind" in item:  # a tool's result is one, whatever it says
        raise wrong(f"{field}.kind", "is unknown")
    read = read_members(without(item, "type"), members, field, limits)
    if kind == "attachment":
        require_image(read["media_type"], read["data"], f"{field}.data", limits)


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
        _check_part(part, f"{field}.{at}", limits, _RESULT_PARTS)
    return value


def _label(value: object, field: str, _: RequestLimits) -> str:
    label = text_of(value, field)
    if not _LABEL.match(label):
        raise wrong(field, "must be a provider's format and a member of it, such as 'anthropic.thinking'")
    return label


def _summary(value: object, field: str, _: RequestLimits) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > _MAX_SUMMARY:
        raise wrong(field, f"must be a list of at most {_MAX_SUMMARY} texts")
    return tuple(text_of(text, f"{field}.{at}") for at, text in enumerate(value))


def _file_type(value: object, field: str, _: RequestLimits) -> str:
    media_type = text_of(value, field)
    if not _FILE_TYPE.match(media_type):
        raise wrong(field, "must be a media type in lower case, without parameters")
    return media_type


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
_DETAIL: Final = choice_of("auto", "low", "high", "original")
_CACHED: Final = {"cache": (CACHE, False)}
_SHOWN: Final = {"detail": (_DETAIL, False), **_CACHED}
_RESULT_PARTS: Final = ("text", "document", "attachment", "image_address")
_RESULT: Final = BodyField(
    _result,
    {
        "type": ["string", "array"],
        "items": {"$ref": f"#/components/schemas/{PART_SCHEMA}"},
        "description": f"A text, or parts of the types {', '.join(_RESULT_PARTS)}.",
    },
)
_PARTS: Final[Mapping[str, Mapping[str, tuple[BodyField, bool]]]] = MappingProxyType(
    {
        "text": {"text": (TEXT, True), "kind": (KIND, False), **_CACHED},
        "refusal": {"text": (TEXT, True)},
        "tool_call": {"call_id": (_CALL_ID, True), "name": (TOOL_NAME, True), "arguments": (TEXT, True), **_CACHED},
        "tool_result": {"call_id": (_CALL_ID, True), "content": (_RESULT, True), "failed": (FLAG, False), **_CACHED},
        "attachment": {
            "media_type": (IMAGE_TYPE, True),
            "data": (IMAGE_DATA, True),
            "name": (FILE_NAME, False),
            **_SHOWN,
        },
        "image_address": {"image_url": (IMAGE_URL, True), **_SHOWN},
        "document": {
            "text": (TEXT, True),
            "name": (FILE_NAME, False),
            "context": (TEXT, False),
            "media_type": (BodyField(_file_type, {"type": "string"}), False),
            "cited": (FLAG, False),
            **_CACHED,
        },
        "opaque": {
            "label": (BodyField(_label, {"type": "string"}), True),
            "data": (TEXT, True),
            "text": (TEXT, False),
            "item_id": (_CALL_ID, False),
            "summary": (BodyField(_summary, {"type": "array", "items": {"type": "string"}}), False),
        },
    }
)
"""The parts of a body's messages: their members, and True for the required ones."""


def part_schema() -> dict[str, Any]:
    """Return the JSON Schema of a part."""
    return {
        "description": "A part of a message's content.",
        "oneOf": [object_schema(members, type={"const": name}) for name, members in _PARTS.items()],
    }
