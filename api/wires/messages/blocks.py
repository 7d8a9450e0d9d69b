"""Content blocks of Anthropic's messages as parts of Assay's: one part for each block, in order.

Values are validated afterwards by the readers of the body, so this module checks only the form that it translates.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from api.wires.members import drop_others, list_of, object_of
from domain.inference.bodies.values import wrong

Named = set[str]
"""Names of what was dropped; readers add to it."""

_FETCHED: Final = "is refused: nothing is fetched for a request; send the text itself"


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
        return reader(block, at, ignored)

    return list_of(value, field, read) or ""


def _text(block: Mapping[str, Any], _: str, ignored: Named) -> dict[str, Any]:
    drop_others(block, frozenset({"type", "text"}), "messages.content", ignored)
    return {"type": "text", "text": block.get("text")}


def _tool_use(block: Mapping[str, Any], field: str, ignored: Named) -> dict[str, Any]:
    drop_others(block, frozenset({"type", "id", "name", "input"}), "messages.content", ignored)
    return {
        "type": "tool_call",
        "call_id": block.get("id"),
        "name": block.get("name"),
        "arguments": json_text(object_of(block.get("input"), f"{field}.input"), f"{field}.input"),
    }


def _tool_result(block: Mapping[str, Any], field: str, ignored: Named) -> dict[str, Any]:
    drop_others(block, frozenset({"type", "tool_use_id", "content", "is_error"}), "messages.content", ignored)
    content = block.get("content")
    found = blocks_of("" if content is None else content, f"{field}.content", "tool_result", ignored)
    made = {"type": "tool_result", "call_id": block.get("tool_use_id"), "content": found}
    failed = block.get("is_error")
    return made if failed is None or failed is False else {**made, "failed": failed}


def _thinking(block: Mapping[str, Any], _: str, ignored: Named) -> dict[str, Any]:
    drop_others(block, frozenset({"type", "thinking", "signature"}), "messages.content", ignored)
    made = {"type": "opaque", "label": "thinking.signature", "data": block.get("signature")}
    return {**made, "text": block["thinking"]} if block.get("thinking") else made


def _redacted_thinking(block: Mapping[str, Any], _: str, ignored: Named) -> dict[str, Any]:
    drop_others(block, frozenset({"type", "data"}), "messages.content", ignored)
    return {"type": "opaque", "label": "redacted_thinking.data", "data": block.get("data")}


def _document(block: Mapping[str, Any], field: str, ignored: Named) -> dict[str, Any]:
    """Translate a document: its title, its context and its text, as one text."""
    drop_others(block, frozenset({"type", "source", "title", "context"}), "messages.content", ignored)
    source, at = object_of(block.get("source"), f"{field}.source"), f"{field}.source"
    match source.get("type"):
        case "text":
            drop_others(source, frozenset({"type", "media_type", "data"}), "messages.content.source", ignored)
            if source.get("media_type", "text/plain") != "text/plain":
                raise wrong(f"{at}.media_type", "must be text/plain")
            texts = [source.get("data")]
        case "content":
            drop_others(source, frozenset({"type", "content"}), "messages.content.source", ignored)
            texts = _texts_within(source.get("content"), f"{at}.content", ignored)
        case "url" | "file":
            raise wrong(f"{at}.type", _FETCHED)
        case _:
            raise wrong(f"{at}.type", "is refused: a document is text, as 'text' or 'content'")
    heads = [block[name] for name in ("title", "context") if block.get(name) is not None]
    return {"type": "text", "text": _joined([*heads, *texts], field)}


def _search_result(block: Mapping[str, Any], field: str, ignored: Named) -> dict[str, Any]:
    """Translate a search result: its title, its address as text, and its texts, as one text."""
    drop_others(block, frozenset({"type", "source", "title", "content"}), "messages.content", ignored)
    texts = _texts_within(block.get("content"), f"{field}.content", ignored)
    return {"type": "text", "text": _joined([block.get("title"), block.get("source"), *texts], field)}


def _texts_within(value: object, field: str, ignored: Named) -> list[object]:
    found = blocks_of(value, field, "document", ignored)
    return [found] if isinstance(found, str) else [part["text"] for part in found]


def _joined(texts: list[object], field: str) -> str:
    if not all(isinstance(text, str) for text in texts):
        raise wrong(field, "must have strings as its texts")
    return "\n".join(str(text) for text in texts)


def _of_user(
    read: Callable[[Mapping[str, Any], str, Named], dict[str, Any]],
) -> Callable[[Mapping[str, Any], str, Named], dict[str, Any]]:
    """Make a reader that states a text as a document's: others than the user wrote it."""
    return lambda block, field, ignored: {**read(block, field, ignored), "kind": "document"}


_Reader = Callable[[Mapping[str, Any], str, Named], dict[str, Any]]
_READERS: Final[Mapping[str, Mapping[str, _Reader]]] = MappingProxyType(
    {
        "system": {"text": _text},
        "user": {
            "text": _text,
            "tool_result": _tool_result,
            "document": _of_user(_document),
            "search_result": _of_user(_search_result),
        },
        "assistant": {
            "text": _text,
            "tool_use": _tool_use,
            "thinking": _thinking,
            "redacted_thinking": _redacted_thinking,
        },
        "tool_result": {"text": _text, "document": _document, "search_result": _search_result},
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
