"""Carriers: where a request or an answer holds text, and what no guard can read there."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.inference.content import (
    Attachment,
    Document,
    ImageAddress,
    OpaqueItem,
    RefusalPart,
    Speaker,
    TextPart,
    ToolCall,
    ToolResult,
    UnreadItem,
)
from domain.inference.requests import ResponseFormat, Tool, ToolChoice


class Carrier(StrEnum):
    """Carriers of requests. Those of answers have the prefix ``ANSWER`` in summaries."""

    INSTRUCTIONS = "instructions"
    USER = "user"
    ASSISTANT = "assistant"
    DOCUMENT = "document"
    FILE_NAME = "file_name"
    REFUSAL = "refusal"
    REASONING = "reasoning"
    TOOL_CALL = "tool_call"
    TOOL_ARGUMENTS = "tool_arguments"
    TOOL_RESULT = "tool_result"
    TOOL_NAME = "tool_name"
    TOOL_DESCRIPTION = "tool_description"
    TOOL_SCHEMA = "tool_schema"
    RESPONSE_SCHEMA = "response_schema"
    STOP = "stop"
    IMAGE = "image"
    IMAGE_ADDRESS = "image_address"
    FILE = "file"
    OPAQUE = "opaque"


SPOKEN: Final[Mapping[Speaker, Carrier]] = MappingProxyType(
    {
        Speaker.SYSTEM: Carrier.INSTRUCTIONS,
        Speaker.USER: Carrier.USER,
        Speaker.ASSISTANT: Carrier.ASSISTANT,
        Speaker.TOOL: Carrier.TOOL_RESULT,
    }
)
"""Carriers of plain texts, by the role of their message."""
HELD: Final[Mapping[type, Mapping[str, Carrier]]] = MappingProxyType(
    {
        TextPart: {},  # by the role, or the result that it is in
        RefusalPart: {"text": Carrier.REFUSAL},
        ToolCall: {"call_id": Carrier.TOOL_CALL, "name": Carrier.TOOL_CALL, "arguments": Carrier.TOOL_ARGUMENTS},
        ToolResult: {"call_id": Carrier.TOOL_RESULT},
        OpaqueItem: dict.fromkeys(("text", "summary", "item_id"), Carrier.REASONING),
        Attachment: {"name": Carrier.FILE_NAME},
        ImageAddress: {"image_url": Carrier.IMAGE_ADDRESS},
        Document: {"text": Carrier.DOCUMENT, "context": Carrier.DOCUMENT, "name": Carrier.FILE_NAME},
        Tool: {
            "name": Carrier.TOOL_NAME,
            "description": Carrier.TOOL_DESCRIPTION,
            "parameters": Carrier.TOOL_SCHEMA,
        },
        ToolChoice: {"name": Carrier.TOOL_NAME},
        ResponseFormat: dict.fromkeys(("name", "description", "schema"), Carrier.RESPONSE_SCHEMA),
    }
)
"""Carriers of the text fields of each type."""


def unread_carrier(item: UnreadItem) -> Carrier:
    """Return the carrier of an item that no guard reads."""
    if isinstance(item, OpaqueItem):
        return Carrier.OPAQUE
    image = isinstance(item, ImageAddress) or item.is_image
    return Carrier.IMAGE if image else Carrier.FILE
