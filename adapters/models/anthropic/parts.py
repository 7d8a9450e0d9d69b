"""Parts of messages as content blocks of Anthropic's format."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from adapters.models.failures import NotCarried
from domain.inference.content import (
    Attachment,
    CacheTime,
    Content,
    Document,
    ImageAddress,
    Message,
    OpaqueItem,
    Part,
    RefusalPart,
    Speaker,
    TextPart,
    ToolCall,
    ToolResult,
)

THINKING: Final = "anthropic.thinking"
REDACTED_THINKING: Final = "anthropic.redacted_thinking"
"""Labels of the format's opaque items."""

_SHOWN: Final = (TextPart, Document, Attachment, ImageAddress)
CARRIED: Final[Mapping[Speaker, tuple[type, ...]]] = MappingProxyType(
    {
        Speaker.SYSTEM: (TextPart,),
        Speaker.USER: (*_SHOWN, ToolResult),
        Speaker.ASSISTANT: (TextPart, RefusalPart, ToolCall, OpaqueItem),
        Speaker.TOOL: (ToolResult,),
    }
)
"""The parts that the format carries, by the role of their message."""


def cache_control(time: CacheTime | None) -> dict[str, Any]:
    """Return a block's mark for the provider's cache. Five minutes are the format's default."""
    if time is None:
        return {}
    return {"cache_control": {"type": "ephemeral"} if time == "5m" else {"type": "ephemeral", "ttl": time}}


class PartWriter:
    """Writer of content blocks. ``data``: the bytes of attachments, in base64 by their digests."""

    def __init__(self, data: Mapping[str, str]) -> None:
        self._data = data

    def blocks(self, message: Message, place: str) -> list[dict[str, Any]]:
        """Return the blocks of a message, without empty texts.

        Raises:
            NotCarried: see there.
        """
        content = message.content
        if isinstance(content, str):
            if message.role is Speaker.TOOL:
                raise NotCarried(place)  # a result of no call
            return [_text(content)] if content else []
        for at, part in enumerate(content):
            if not isinstance(part, CARRIED[message.role]):
                raise NotCarried(f"{place}.content.{at}")
        return self._all(content, f"{place}.content")

    def _all(self, parts: tuple[Part, ...], place: str) -> list[dict[str, Any]]:
        made = (self._block(part, f"{place}.{at}") for at, part in enumerate(parts))
        return [block for block in made if block.get("text") != ""]

    def _block(self, part: Part, place: str) -> dict[str, Any]:
        made = self._plain(part, place)
        return made | cache_control(None if isinstance(part, RefusalPart | OpaqueItem) else part.cache)

    def _plain(self, part: Part, place: str) -> dict[str, Any]:
        match part:
            case TextPart() | RefusalPart():
                return _text(part.text)
            case ToolCall():
                return {"type": "tool_use", "id": part.call_id, "name": part.name, "input": _input(part, place)}
            case ToolResult():
                content = self._result(part.content, f"{place}.content")
                made = {"type": "tool_result", "tool_use_id": part.call_id, "content": content}
                return {**made, "is_error": True} if part.failed else made
            case Document():
                return _document(part)
            case OpaqueItem():
                return _opaque(part, place)
            case Attachment() | ImageAddress():
                return {"type": "image", "source": self._image(part, place)}

    def _image(self, part: Attachment | ImageAddress, place: str) -> dict[str, Any]:
        if isinstance(part, ImageAddress):
            return {"type": "url", "url": part.image_url}
        if not part.is_image or part.digest not in self._data:
            raise NotCarried(place)
        return {"type": "base64", "media_type": part.media_type, "data": self._data[part.digest]}

    def _result(self, content: Content, place: str) -> str | list[dict[str, Any]]:
        if isinstance(content, str):
            return content
        for at, part in enumerate(content):
            if not isinstance(part, _SHOWN):
                raise NotCarried(f"{place}.{at}")
        return self._all(content, place)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _document(part: Document) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": part.text},
    }
    heads = {"title": part.name, "context": part.context, "citations": {"enabled": True} if part.cited else None}
    return made | {name: value for name, value in heads.items() if value is not None}


def _opaque(part: OpaqueItem, place: str) -> dict[str, Any]:
    if part.label == THINKING:
        return {"type": "thinking", "thinking": part.text or "", "signature": part.data}
    if part.label != REDACTED_THINKING:
        raise NotCarried(place)
    return {"type": "redacted_thinking", "data": part.data}


def _input(call: ToolCall, place: str) -> dict[str, Any]:
    """Return the arguments of a call, which the format has as an object."""
    try:
        found = json.loads(call.arguments) if call.arguments.strip() else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotCarried(f"{place}.arguments")
    return found
