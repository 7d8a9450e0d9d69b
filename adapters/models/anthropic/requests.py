"""Requests in Anthropic's format of messages (docs.anthropic.com/en/api/messages).

A request that the format can't represent is refused before the call: nothing is dropped or put in another order, but
for empty texts, which the format forbids, for a seed, and for parameters that the model does not accept.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby, takewhile
from types import MappingProxyType
from typing import Any, Final

from adapters.models.failures import NotCarried
from domain.inference.content import (
    Content,
    Message,
    OpaqueItem,
    Part,
    RefusalPart,
    Speaker,
    TextPart,
    ToolCall,
    ToolResult,
)
from domain.inference.models import ModelCall
from domain.inference.requests import AnswerForm, InferenceRequest, Tool, ToolChoice, ToolUse

VERSION: Final = "2023-06-01"
"""The version of the format, in the header ``anthropic-version``."""
SYSTEM_WITHIN: Final = "mid-conversation-system-2026-04-07"
"""The feature, in the header ``anthropic-beta``, that allows the role ``system`` among messages."""

_MOST_TEMPERATURE: Final = 1.0
_CARRIED: Final[Mapping[Speaker, tuple[type, ...]]] = MappingProxyType(
    {
        Speaker.SYSTEM: (TextPart,),
        Speaker.USER: (TextPart, ToolResult),
        Speaker.ASSISTANT: (TextPart, RefusalPart, ToolCall, OpaqueItem),
        Speaker.TOOL: (ToolResult,),
    }
)
_ROLES: Final[Mapping[Speaker, str]] = MappingProxyType(
    {
        Speaker.SYSTEM: "system",
        Speaker.USER: "user",
        Speaker.ASSISTANT: "assistant",
        Speaker.TOOL: "user",
    }
)
_USES: Final[Mapping[ToolUse, str]] = MappingProxyType(
    {ToolUse.AUTO: "auto", ToolUse.NONE: "none", ToolUse.REQUIRED: "any", ToolUse.NAMED: "tool"}
)


def headers_of(call: ModelCall) -> dict[str, str]:
    """Return the headers of the call: the version, and the features that its body uses."""
    headers = {"anthropic-version": VERSION, "idempotency-key": call.call_id}
    _, messages = _split(call.request)
    if any(message.role is Speaker.SYSTEM for message in messages):
        headers["anthropic-beta"] = SYSTEM_WITHIN
    return headers


def message_body(call: ModelCall) -> dict[str, Any]:
    """Return the body of the call, as JSON values.

    Raises:
        NotCarried: see there.
    """
    request, accepts = call.request, call.model.accepts
    opening, messages = _split(request)
    tempered = accepts.temperature and request.top_p is None  # newer models refuse both together
    options = {
        "system": _system(opening),
        "temperature": min(request.temperature, _MOST_TEMPERATURE) if tempered else None,
        "top_p": request.top_p if accepts.top_p else None,
        "stop_sequences": (list(request.stop) or None) if accepts.stop else None,
        "tools": [_tool(tool, f"tools.{at}") for at, tool in enumerate(request.tools)] or None,
        "tool_choice": _choice(request.tool_choice, single=request.one_tool_call),
        "output_config": _config(request),
    }
    return {
        "model": call.model.upstream,
        "max_tokens": request.max_tokens,
        "messages": list(_messages(messages, len(opening))),
        **{name: value for name, value in options.items() if value is not None},
    }


def _split(request: InferenceRequest) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """Return the system messages that begin the conversation, and the others."""
    opening = tuple(takewhile(lambda message: message.role is Speaker.SYSTEM, request.messages))
    return opening, request.messages[len(opening) :]


def _system(opening: tuple[Message, ...]) -> str | list[dict[str, Any]] | None:
    if len(opening) == 1 and isinstance(opening[0].content, str):
        return opening[0].content
    return [block for at, message in enumerate(opening) for block in _blocks(message, f"messages.{at}")] or None


def _messages(messages: tuple[Message, ...], start: int) -> Iterator[dict[str, Any]]:
    """Yield messages, adjacent results of tools as one message of the user."""
    placed = [(message, f"messages.{at}") for at, message in enumerate(messages, start)]
    for results, group in groupby(placed, key=lambda item: item[0].role is Speaker.TOOL):
        if results:
            yield {"role": "user", "content": [block for message, at in group for block in _blocks(message, at)]}
            continue
        for message, at in group:
            content = message.content if isinstance(message.content, str) else _blocks(message, at)
            if content:
                yield {"role": _ROLES[message.role], "content": content}


def _blocks(message: Message, place: str) -> list[dict[str, Any]]:
    content = message.content
    if isinstance(content, str):
        if message.role is Speaker.TOOL:
            raise NotCarried(place)  # a result of no call
        return [_text(content)] if content else []
    for at, part in enumerate(content):
        if not isinstance(part, _CARRIED[message.role]):
            raise NotCarried(f"{place}.content.{at}")
    made = (_block(part, f"{place}.content.{at}") for at, part in enumerate(content))
    return [block for block in made if block.get("text") != ""]


def _block(part: Part, place: str) -> dict[str, Any]:
    match part:
        case TextPart() | RefusalPart():
            return _text(part.text)
        case ToolCall():
            return {"type": "tool_use", "id": part.call_id, "name": part.name, "input": _input(part, place)}
        case ToolResult():
            made = {"type": "tool_result", "tool_use_id": part.call_id, "content": _result(part.content, place)}
            return {**made, "is_error": True} if part.failed else made
        case OpaqueItem(label="thinking.signature"):
            return {"type": "thinking", "thinking": part.text or "", "signature": part.data}
        case OpaqueItem(label="redacted_thinking.data"):
            return {"type": "redacted_thinking", "data": part.data}
        case _:
            raise NotCarried(place)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _input(call: ToolCall, place: str) -> dict[str, Any]:
    """Return the arguments of a call, which the format has as an object."""
    try:
        found = json.loads(call.arguments) if call.arguments.strip() else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotCarried(f"{place}.arguments")
    return found


def _result(content: Content, place: str) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    if not all(isinstance(part, TextPart) for part in content):
        raise NotCarried(place)
    return [_text(part.text) for part in content if isinstance(part, TextPart) and part.text]


def _tool(tool: Tool, place: str) -> dict[str, Any]:
    schema = json.loads(tool.parameters)
    if not isinstance(schema, dict):
        raise NotCarried(f"{place}.parameters")
    made: dict[str, Any] = {"name": tool.name, "input_schema": schema or {"type": "object"}}
    if tool.description is not None:
        made["description"] = tool.description
    return {**made, "strict": True} if tool.strict else made


def _choice(choice: ToolChoice | None, *, single: bool) -> dict[str, Any] | None:
    if choice is None:
        return {"type": "auto", "disable_parallel_tool_use": True} if single else None
    made: dict[str, Any] = {"type": _USES[choice.use]}
    if choice.name is not None:
        made["name"] = choice.name
    if single and choice.use is not ToolUse.NONE:
        made["disable_parallel_tool_use"] = True
    return made


def _config(request: InferenceRequest) -> dict[str, Any] | None:
    wanted = request.response_format
    match wanted.form if wanted else AnswerForm.TEXT:
        case AnswerForm.TEXT:
            return None
        case AnswerForm.JSON_SCHEMA if wanted is not None:
            return {"format": {"type": "json_schema", "schema": json.loads(wanted.schema or "{}")}}
        case _:
            raise NotCarried("response_format")  # the format has JSON of a schema alone
