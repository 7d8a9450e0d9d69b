"""Carriers: where a request or an answer holds text, and what no guard can read there.

Each run records, for every carrier that it has, a verdict or the reason why nothing was scanned.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
    EMBEDDING_INPUT = "embedding_input"
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


def unread_carrier(item: UnreadItem) -> tuple[Carrier, "NotScanned"]:
    """Return the carrier of an item that no guard reads, and the reason."""
    if isinstance(item, OpaqueItem):
        return Carrier.OPAQUE, NotScanned.OPAQUE
    image = isinstance(item, ImageAddress) or item.is_image
    return Carrier.IMAGE if image else Carrier.FILE, NotScanned.UNREADABLE


ANSWER = "answer."
"""Prefix of an answer's carriers in summaries."""


class NotScanned(StrEnum):
    """Reasons why a carrier has no verdict."""

    UNREADABLE = "unreadable"
    OPAQUE = "opaque"
    TOO_LONG = "too_long"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class CarrierReport:
    """Number of a carrier's items with their severest decision, or the reason for none.

    Attributes:
        carrier: of the request; of the answer with the prefix ``ANSWER``.
        count: items that have this decision or reason in common, at least one.
        decision: ``allow``, ``review`` or ``block``: the severest; None for items that were not scanned.
        reason: None for scanned items.
    """

    carrier: str
    count: int
    decision: str | None = None
    reason: NotScanned | None = None

    @property
    def label(self) -> str:
        """``user:3:allow``, ``image:1:not_scanned:unreadable``."""
        return f"{self.carrier}:{self.count}:{self.decision or f'not_scanned:{self.reason}'}"


def labels_of(reports: Iterable[CarrierReport]) -> tuple[str, ...]:
    """Return reports as records and receipts have them."""
    return tuple(report.label for report in reports)
