"""Messages of a body."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from domain.inference.bodies.parts import KIND, PART_SCHEMA, content_of, read_content
from domain.inference.bodies.values import BodyField, inner_name, text_of, wrong
from domain.inference.content import (
    Attachment,
    Content,
    Document,
    ImageAddress,
    Message,
    OpaqueItem,
    RefusalPart,
    Speaker,
    TextKind,
    TextPart,
    ToolCall,
    ToolResult,
)
from domain.inference.requests import RequestLimits
from domain.inference.texts import texts_of_answer, unread_of_answer

MESSAGE_SCHEMA: Final = "MessageBody"
"""Name of a message's schema in the body's schema."""
_ROLES: Final = (Speaker.SYSTEM, Speaker.USER, Speaker.ASSISTANT, Speaker.TOOL)
_PARTS_OF: Final[Mapping[Speaker, tuple[type, ...]]] = MappingProxyType(
    {
        Speaker.SYSTEM: (TextPart,),
        Speaker.USER: (TextPart, ToolResult, Attachment, ImageAddress, Document),
        Speaker.ASSISTANT: (TextPart, RefusalPart, ToolCall, OpaqueItem),
        Speaker.TOOL: (ToolResult,),
    }
)


def _visible(value: object, field: str, _: RequestLimits) -> str:
    text = text_of(value, field)
    if not text.strip():
        raise wrong(field, "must not be empty")
    return text


def read_prompt(value: object, field: str, limits: RequestLimits) -> tuple[Message, ...]:
    """Read a single prompt."""
    prompt = _visible(value, field, limits)
    if len(prompt) > limits.max_prompt_chars:
        raise wrong(field, f"must have at most {limits.max_prompt_chars} characters")
    return (Message(Speaker.USER, prompt),)


def read_messages(value: object, field: str, limits: RequestLimits) -> tuple[Message, ...]:
    """Read a conversation."""
    if not isinstance(value, list | tuple):
        raise wrong(field, "must be a list")
    if not 1 <= len(value) <= limits.max_messages:
        raise wrong(field, f"must have 1 to {limits.max_messages} entries")
    messages = tuple(_message(item, f"{field}.{index}", limits) for index, item in enumerate(value))
    if sum(_length(message.content) for message in messages) > limits.max_prompt_chars:
        raise wrong(field, f"must have at most {limits.max_prompt_chars} characters in all")
    if not any(message.role is Speaker.USER for message in messages):
        raise wrong(field, "must contain a message with the role 'user'")
    _require_called(messages, field)
    _require_few_images(messages, field, limits.content.images)
    return messages


def _length(content: Content) -> int:
    if isinstance(content, str):
        return len(content)
    return sum(len(text.text) for text in texts_of_answer(content))


def _require_few_images(messages: tuple[Message, ...], field: str, most: int) -> None:
    """Require that the request has no more images than the policy allows."""
    unread = [item for message in messages for _, item in unread_of_answer(message.content)]
    if sum(not isinstance(item, OpaqueItem) for item in unread) > most:
        raise wrong(field, f"must have at most {most} images in all")


def _require_called(messages: tuple[Message, ...], field: str) -> None:
    """Require that each result of a tool answers a call before it."""
    called: set[str] = set()
    for index, message in enumerate(messages):
        for at, part in enumerate(message.content if isinstance(message.content, tuple) else ()):
            if isinstance(part, ToolCall):
                called.add(part.call_id)
            elif isinstance(part, ToolResult) and part.call_id not in called:
                raise wrong(f"{field}.{index}.content.{at}.call_id", "is the ID of no tool call before it")


def _role(value: object, field: str, _: RequestLimits) -> Speaker:
    role = text_of(value, field)
    if role not in _ROLES:
        raise wrong(field, "must be 'system', 'user', 'assistant' or 'tool'")
    return Speaker(role)


def _message(item: object, field: str, limits: RequestLimits) -> Message:
    if not isinstance(item, Mapping):
        raise wrong(field, "must be an object")
    require_known(item, MESSAGE_FIELDS, field)
    given = {
        name: member.read(item.get(name), f"{field}.{name}", limits)
        for name, member in MESSAGE_FIELDS.items()
        if name in item or name != "kind"
    }
    message = Message(**given)
    _require_fitting(message, f"{field}.content")
    if "kind" in given and message.role is not Speaker.USER:
        raise wrong(f"{field}.kind", "is allowed only with the role 'user'")
    return message


def _require_fitting(message: Message, field: str) -> None:
    """Require the role's own parts. Messages of system and user must not be blank."""
    role, content = message.role, message.content
    if isinstance(content, str):
        if role is Speaker.TOOL:
            raise wrong(field, "must be a list of parts of the type 'tool_result'")
        if role is not Speaker.ASSISTANT and not content.strip():
            raise wrong(field, "must not be empty")
        return
    for at, part in enumerate(content):
        if not isinstance(part, _PARTS_OF[role]):
            raise wrong(f"{field}.{at}.type", f"is not allowed with the role '{role}'")
        if isinstance(part, TextPart) and part.kind is not None and role is not Speaker.USER:
            raise wrong(f"{field}.{at}.kind", "is allowed only with the role 'user'")
    texts = [part.text for part in content if isinstance(part, TextPart)]
    if role in (Speaker.SYSTEM, Speaker.USER) and len(texts) == len(content) and not "".join(texts).strip():
        raise wrong(field, "must not be empty")


def require_known(item: Mapping[Any, Any], known: Mapping[str, BodyField], field: str) -> None:
    """Refuse unknown members, by name."""
    for name in item:
        if name not in known:
            raise wrong(inner_name(field, name), "is unknown")


def message_of(item: Mapping[str, Any]) -> Message:
    """Return a message of JSON that ``read_messages`` has accepted."""
    kind = TextKind(item["kind"]) if "kind" in item else None
    return Message(Speaker(item["role"]), content_of(item["content"]), kind)


MESSAGE_FIELDS: Final[Mapping[str, BodyField]] = MappingProxyType(
    {
        "role": BodyField(_role, {"type": "string", "enum": list(_ROLES)}),
        "content": BodyField(
            read_content,
            {
                "type": ["string", "array"],
                "items": {"$ref": f"#/components/schemas/{PART_SCHEMA}"},
                "minItems": 1,
                "description": "A text, or parts. A text is empty for the role 'assistant' alone: a model may have "
                "answered nothing. The results of tools are parts of the role 'tool', or 'user'.",
            },
        ),
        "kind": KIND,
    }
)
"""The fields of a message."""
