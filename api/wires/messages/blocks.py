"""Content blocks of Anthropic's messages as parts of Assay's: one part for each block, in order.

Values are validated afterwards by the readers of the body, so this module checks only the form that it translates.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from api.wires.members import drop_others, list_of, object_of
from api.wires.messages.members import known_members
from domain.inference.bodies.attachments import file_part
from domain.inference.bodies.values import text_of, wrong

Named = set[str]
"""Names of what was dropped; readers add to it."""

THINKING: Final = "anthropic.thinking"
REDACTED_THINKING: Final = "anthropic.redacted_thinking"
"""Labels of opaque items."""
_NOT_FETCHED: Final = "is refused: nothing is fetched for a request; send the data"


def blocks_of(value: object, field: str, role: str, ignored: Named) -> Any:  # noqa: ANN401 - JSON
    """Return the content of a message: a text as it is, or the parts of its blocks.

    Raises:
        Refusal: INVALID_REQUEST, with the block as the client named it.
    """
    if isinstance(value, str):
        return value
    readers = _READERS[role]

    def read(block: Mapping[str, Any], at: str) -> dict[str, Any]:
        kind = block.get("type")
        reader = readers.get(kind) if isinstance(kind, str) else None
        if reader is None:
            raise wrong(f"{at}.type", f"is refused with the role '{role}': available are {', '.join(readers)}")
        drop_others(block, known_members(str(kind)), "messages.content", ignored)
        return {**reader(block, at, ignored), **cache_of(block, at, ignored)}

    return list_of(value, field, read) or ""


def cache_of(item: Mapping[str, Any], field: str, ignored: Named) -> dict[str, str]:
    """Return the member ``cache`` of a marked block; none for others."""
    if item.get("cache_control") is None:
        return {}
    control = object_of(item["cache_control"], f"{field}.cache_control")
    drop_others(control, frozenset({"type", "ttl"}), "cache_control", ignored)
    time = control.get("ttl", "5m")
    if control.get("type") != "ephemeral" or time not in ("5m", "1h"):
        raise wrong(f"{field}.cache_control", "must have the type 'ephemeral', and '5m' or '1h' as ttl")
    return {"cache": time}


def _text(block: Mapping[str, Any], _: str, __: Named) -> dict[str, Any]:
    return {"type": "text", "text": block.get("text")}


def _tool_use(block: Mapping[str, Any], field: str, _: Named) -> dict[str, Any]:
    return {
        "type": "tool_call",
        "call_id": block.get("id"),
        "name": block.get("name"),
        "arguments": json_text(object_of(block.get("input"), f"{field}.input"), f"{field}.input"),
    }


def _tool_result(block: Mapping[str, Any], field: str, ignored: Named) -> dict[str, Any]:
    content = block.get("content")
    found = blocks_of("" if content is None else content, f"{field}.content", "tool_result", ignored)
    made = {"type": "tool_result", "call_id": block.get("tool_use_id"), "content": found}
    failed = block.get("is_error")
    return made if failed is None or failed is False else {**made, "failed": failed}


def _thinking(block: Mapping[str, Any], _: str, __: Named) -> dict[str, Any]:
    made = {"type": "opaque", "label": THINKING, "data": block.get("signature")}
    return {**made, "text": block["thinking"]} if block.get("thinking") else made


def _redacted_thinking(block: Mapping[str, Any], _: str, __: Named) -> dict[str, Any]:
    return {"type": "opaque", "label": REDACTED_THINKING, "data": block.get("data")}


def _image(block: Mapping[str, Any], field: str, ignored: Named) -> dict[str, Any]:
    """Translate an image: its data, or an address, which the policy may allow to forward."""
    source, at = object_of(block.get("source"), f"{field}.source"), f"{field}.source"
    match source.get("type"):
        case "base64":
            drop_others(source, frozenset({"type", "media_type", "data"}), "messages.content.source", ignored)
            return {"type": "attachment", "media_type": source.get("media_type"), "data": source.get("data")}
        case "url":
            return {"type": "image_address", "image_url": source.get("url")}
        case _:
            raise wrong(f"{at}.type", "is refused: send the image's data, as 'base64'")


def _document(block: Mapping[str, Any], field: str, ignored: Named) -> dict[str, Any]:
    """Translate a document of text. Files of text may be in base64."""
    source, at = object_of(block.get("source"), f"{field}.source"), f"{field}.source"
    citations = object_of(block.get("citations") or {}, f"{field}.citations")
    match source.get("type"):
        case "text":
            found: dict[str, Any] = {"type": "document", "text": source.get("data")}
            if source.get("media_type", "text/plain") != "text/plain":
                raise wrong(f"{at}.media_type", "must be text/plain")
        case "content":
            found = {"type": "document", "text": _joined(source.get("content"), f"{at}.content", ignored)}
        case "base64":
            kind, data = (
                text_of(source.get("media_type"), f"{at}.media_type"),
                text_of(source.get("data"), f"{at}.data"),
            )
            found = file_part(kind, data, None, f"{at}.data")
            if found["type"] != "document":
                raise wrong(f"{at}.media_type", "is refused: a document is a text")
        case "url" | "file":
            raise wrong(f"{at}.type", _NOT_FETCHED)
        case _:
            raise wrong(f"{at}.type", "is refused: a document is text, as 'text', 'content' or 'base64'")
    heads = {"name": block.get("title"), "context": block.get("context"), "cited": citations.get("enabled")}
    return found | {name: value for name, value in heads.items() if value not in (None, "", False)}


def _search_result(block: Mapping[str, Any], field: str, ignored: Named) -> dict[str, Any]:
    """Translate a search result: a document with its address as context, which is text and is not fetched."""
    found = {"type": "document", "text": _joined(block.get("content"), f"{field}.content", ignored)}
    heads = {"name": block.get("title"), "context": block.get("source")}
    return found | {name: value for name, value in heads.items() if value not in (None, "")}


def _joined(value: object, field: str, ignored: Named) -> str:
    """Return the texts within a document or search result as one."""
    found = blocks_of(value, field, "document", ignored)
    parts = [{"text": found}] if isinstance(found, str) else found
    return "\n".join(text_of(part["text"], f"{field}.{at}.text") for at, part in enumerate(parts))


_Reader = Callable[[Mapping[str, Any], str, Named], dict[str, Any]]
_ATTACHED: Final[Mapping[str, _Reader]] = MappingProxyType(
    {"image": _image, "document": _document, "search_result": _search_result}
)
_READERS: Final[Mapping[str, Mapping[str, _Reader]]] = MappingProxyType(
    {
        "system": {"text": _text},
        "user": {"text": _text, "tool_result": _tool_result, **_ATTACHED},
        "assistant": {
            "text": _text,
            "tool_use": _tool_use,
            "thinking": _thinking,
            "redacted_thinking": _redacted_thinking,
        },
        "tool_result": {"text": _text, **_ATTACHED},
        "document": {"text": _text},
    }
)
"""Readers of blocks by their type, for each role and for blocks within others."""


def json_text(value: object, field: str) -> str:
    """Return a value as compact JSON, its members in the order sent."""
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise wrong(field, "must be JSON, and not nested too deeply") from None
