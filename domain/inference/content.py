"""The content of messages and answers: a text, or parts of several kinds.

Every part carries its ``type``, which identifies it in payloads. Fields that a plain text has no use for are left out
of payloads while they are unset, so that a run of plain text is written as before there were parts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Literal


def is_unset(value: object) -> bool:
    """Test for the default value of a field."""
    return value is None or value is False or value == ()


UNLESS_SET: Final[Mapping[str, Any]] = MappingProxyType({"exclude_if": is_unset})
"""Metadata of a dataclass field: payloads leave it out while it is unset. Read by ``adapters.temporal``."""


_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}/[a-z0-9][a-z0-9.+-]{0,63}")
_LABEL: Final = re.compile(r"[a-z][a-z_.]{0,63}")

CacheTime = Literal["5m", "1h"]
"""Life of a provider's cache up to a mark: a hint, for formats that have such marks."""
_FORMATS: Final[Mapping[str, str]] = MappingProxyType({"thinking": "anthropic", "redacted_thinking": "anthropic"})
ImageDetail = Literal["auto", "low", "high", "original"]
"""Resolution of an image: a hint."""


class Speaker(StrEnum):
    """Roles of a message's author. Wire formats with a role ``developer`` read it as ``system``."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class TextKind(StrEnum):
    """Origin of a text, for screening: the same words differ in meaning between a prompt and a document."""

    PROMPT = "prompt"
    DOCUMENT = "document"
    TOOL_OUTPUT = "tool_output"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text within a message. ``kind`` is the sender's statement; None leaves it to the message."""

    text: str
    kind: TextKind | None = field(default=None, metadata=UNLESS_SET)
    type: Literal["text"] = field(default="text", kw_only=True)
    cache: CacheTime | None = field(default=None, metadata=UNLESS_SET, kw_only=True)


@dataclass(frozen=True, slots=True)
class RefusalPart:
    """A model's own refusal to answer, in its words."""

    text: str
    type: Literal["refusal"] = field(default="refusal", kw_only=True)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool by the model. ``arguments`` is the text as it came: JSON, if the model kept to it."""

    call_id: str
    name: str
    arguments: str
    type: Literal["tool_call"] = field(default="tool_call", kw_only=True)
    cache: CacheTime | None = field(default=None, metadata=UNLESS_SET, kw_only=True)


@dataclass(frozen=True, slots=True)
class Attachment:
    """An image or a file, unread by guards: its SHA-256 (hexadecimal) and media type (RFC 6838).

    Its bytes are in the run's start and in the calls of models alone: see ``bodies.attachments``.

    Attributes:
        size: of the bytes.
        name: the file's name, as its sender gave it.

    Raises:
        ValueError: digest or media type have another form: neither is to carry free text past the guards.
    """

    digest: str
    media_type: str
    type: Literal["attachment"] = field(default="attachment", kw_only=True)
    size: int | None = field(default=None, metadata=UNLESS_SET, kw_only=True)
    name: str | None = field(default=None, metadata=UNLESS_SET, kw_only=True)
    detail: ImageDetail | None = field(default=None, metadata=UNLESS_SET, kw_only=True)
    cache: CacheTime | None = field(default=None, metadata=UNLESS_SET, kw_only=True)

    def __post_init__(self) -> None:
        """Check the forms."""
        if not _SHA256.fullmatch(self.digest) or not _MEDIA_TYPE.fullmatch(self.media_type):
            raise ValueError("an attachment has a SHA-256 and a media type")

    @property
    def is_image(self) -> bool:
        """Return True for an image."""
        return self.media_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class ImageAddress:
    """An image by its address, which a model's provider fetches, and Assay never."""

    image_url: str
    type: Literal["image_address"] = field(default="image_address", kw_only=True)
    detail: ImageDetail | None = field(default=None, metadata=UNLESS_SET, kw_only=True)
    cache: CacheTime | None = field(default=None, metadata=UNLESS_SET, kw_only=True)


@dataclass(frozen=True, slots=True)
class Document:
    """A file or document as text. Its kind is that of documents, whoever sent it.

    Attributes:
        name: title or file name.
        context: text about it, which is no part of it.
        media_type: of the file (RFC 6838).
        cited: the model is asked for citations.

    Raises:
        ValueError: the media type has another form.
    """

    text: str
    name: str | None = field(default=None, metadata=UNLESS_SET)
    context: str | None = field(default=None, metadata=UNLESS_SET)
    media_type: str = "text/plain"
    type: Literal["document"] = field(default="document", kw_only=True)
    cited: bool = field(default=False, metadata=UNLESS_SET, kw_only=True)
    cache: CacheTime | None = field(default=None, metadata=UNLESS_SET, kw_only=True)

    def __post_init__(self) -> None:
        """Check the media type."""
        if not _MEDIA_TYPE.fullmatch(self.media_type):
            raise ValueError("a document has a media type")


ResultPart = TextPart | Document | Attachment | ImageAddress
"""Parts of a tool's result."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a tool call. ``failed``: the tool reported an error."""

    call_id: str
    content: str | tuple[ResultPart, ...]
    failed: bool = field(default=False, metadata=UNLESS_SET)
    type: Literal["tool_result"] = field(default="tool_result", kw_only=True)
    cache: CacheTime | None = field(default=None, metadata=UNLESS_SET, kw_only=True)


@dataclass(frozen=True, slots=True)
class OpaqueItem:
    """Data of a provider that must come back unaltered, such as signed or encrypted reasoning.

    Attributes:
        label: the provider's format and the member within, such as ``responses.reasoning``, or ``thinking.signature``
            for Anthropic's. No other format carries it.
        data: not scanned, never altered.
        text: the readable part that ``data`` vouches for, if any: scanned, never altered.
        item_id: the provider's ID of it.
        summary: readable parts of a summary: scanned, never altered.

    Raises:
        ValueError: the label is no name of members.
    """

    label: str
    data: str
    text: str | None = field(default=None, metadata=UNLESS_SET)
    type: Literal["opaque"] = field(default="opaque", kw_only=True)
    item_id: str | None = field(default=None, metadata=UNLESS_SET, kw_only=True)
    summary: tuple[str, ...] = field(default=(), metadata=UNLESS_SET, kw_only=True)

    def __post_init__(self) -> None:
        """Check the label."""
        if not _LABEL.fullmatch(self.label):
            raise ValueError("a label is a name of members")

    @property
    def format(self) -> str:
        """The provider's format that the item belongs to."""
        first = self.label.partition(".")[0]
        return _FORMATS.get(first, first)


Part = TextPart | RefusalPart | ToolCall | ToolResult | Attachment | ImageAddress | Document | OpaqueItem
UnreadItem = Attachment | ImageAddress | OpaqueItem
"""Items that no guard reads, or not as a whole."""
Content = str | tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a conversation. ``kind`` is the sender's statement of its origin, if any: use ``text_kind``."""

    role: Speaker
    content: Content
    kind: TextKind | None = None

    @property
    def text_kind(self) -> TextKind:
        """Return the kind of the message's texts: as stated by the sender, or else by the role."""
        return self.kind or _KINDS.get(self.role, TextKind.PROMPT)


_KINDS: Final[Mapping[Speaker, TextKind]] = MappingProxyType(
    {Speaker.SYSTEM: TextKind.SYSTEM, Speaker.TOOL: TextKind.TOOL_OUTPUT}
)


def plain_text(content: Content) -> str:
    """Return the texts of a content, joined: of parts, those that their reader would see."""
    if isinstance(content, str):
        return content
    return "".join(part.text for part in content if isinstance(part, TextPart | RefusalPart))


def as_json(value: object) -> Any:  # noqa: ANN401 - any JSON
    """Return a content, part, tool or other value as JSON, without unset fields."""
    if isinstance(value, tuple):
        return [as_json(item) for item in value]
    if is_dataclass(value):
        found = [(member, getattr(value, member.name)) for member in fields(value)]
        return {
            member.name: as_json(inner)
            for member, inner in found
            if not ("exclude_if" in member.metadata and is_unset(inner))
        }
    return value
