"""Requests in Anthropic's format of messages (docs.anthropic.com/en/api/messages).

A request that the format can't represent is refused before the call: nothing is dropped or put in another order, but
for empty texts, which the format forbids, for a seed, and for parameters that the model does not accept.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby, takewhile
from types import MappingProxyType
from typing import Any, Final

from adapters.models.anthropic.parts import PartWriter, cache_control
from adapters.models.failures import NotCarried
from domain.inference.content import Message, Speaker
from domain.inference.models import ModelCall
from domain.inference.requests import (
    AnswerForm,
    Effort,
    InferenceRequest,
    Reasoning,
    ReasoningMode,
    Tool,
    ToolChoice,
    ToolUse,
)

VERSION: Final = "2023-06-01"
"""The version of the format, in the header ``anthropic-version``."""
SYSTEM_WITHIN: Final = "mid-conversation-system-2026-04-07"
"""The feature, in the header ``anthropic-beta``, that allows the role ``system`` among messages."""

_MOST_TEMPERATURE: Final = 1.0
_ROLES: Final[Mapping[Speaker, str]] = MappingProxyType(
    {
        Speaker.SYSTEM: "system",
        Speaker.USER: "user",
        Speaker.ASSISTANT: "assistant",
        Speaker.TOOL: "user",
    }
)
_OFF: Final = {"type": "disabled"}
_EFFORTS: Final[Mapping[Effort | None, str]] = MappingProxyType(
    {
        Effort.MINIMAL: "low",
        **{effort: effort.value for effort in Effort if effort not in (Effort.NONE, Effort.MINIMAL)},
    }
)
"""Efforts by the format's names. It has none for no effort."""
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
    writer = PartWriter(call.data)
    thinking = _thinking(request.reasoning)
    # newer models refuse both together, and reasoning refuses a temperature
    tempered = accepts.temperature and request.top_p is None and (thinking or _OFF) == _OFF
    options = {
        "system": _system(opening, writer),
        "temperature": min(request.temperature, _MOST_TEMPERATURE) if tempered else None,
        "top_k": request.top_k if tempered else None,
        "thinking": thinking,
        "top_p": request.top_p if accepts.top_p else None,
        "stop_sequences": (list(request.stop) or None) if accepts.stop else None,
        "tools": [_tool(tool, f"tools.{at}") for at, tool in enumerate(request.tools)] or None,
        "tool_choice": _choice(request.tool_choice, single=request.one_tool_call),
        "metadata": {"user_id": request.end_user} if accepts.end_user and request.end_user else None,
        "output_config": _config(request, effort=accepts.effort),
    }
    return {
        "model": call.model.upstream,
        "max_tokens": request.max_tokens,
        "messages": list(_messages(messages, len(opening), writer)),
        **{name: value for name, value in options.items() if value is not None},
    }


def _split(request: InferenceRequest) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """Return the system messages that begin the conversation, and the others."""
    opening = tuple(takewhile(lambda message: message.role is Speaker.SYSTEM, request.messages))
    return opening, request.messages[len(opening) :]


def _system(opening: tuple[Message, ...], writer: PartWriter) -> str | list[dict[str, Any]] | None:
    if len(opening) == 1 and isinstance(opening[0].content, str):
        return opening[0].content
    return [block for at, message in enumerate(opening) for block in writer.blocks(message, f"messages.{at}")] or None


def _messages(messages: tuple[Message, ...], start: int, writer: PartWriter) -> Iterator[dict[str, Any]]:
    """Yield messages, adjacent results of tools as one message of the user."""
    placed = [(message, f"messages.{at}") for at, message in enumerate(messages, start)]
    for results, group in groupby(placed, key=lambda item: item[0].role is Speaker.TOOL):
        if results:
            yield {"role": "user", "content": [block for message, at in group for block in writer.blocks(message, at)]}
            continue
        for message, at in group:
            content = message.content if isinstance(message.content, str) else writer.blocks(message, at)
            if content:
                yield {"role": _ROLES[message.role], "content": content}


def _tool(tool: Tool, place: str) -> dict[str, Any]:
    schema = json.loads(tool.parameters)
    if not isinstance(schema, dict):
        raise NotCarried(f"{place}.parameters")
    made: dict[str, Any] = {"name": tool.name, "input_schema": schema or {"type": "object"}}
    if tool.description is not None:
        made["description"] = tool.description
    if tool.strict:
        made["strict"] = True
    return made | cache_control(tool.cache)


def _choice(choice: ToolChoice | None, *, single: bool) -> dict[str, Any] | None:
    if choice is None:
        return {"type": "auto", "disable_parallel_tool_use": True} if single else None
    made: dict[str, Any] = {"type": _USES[choice.use]}
    if choice.name is not None:
        made["name"] = choice.name
    if single and choice.use is not ToolUse.NONE:
        made["disable_parallel_tool_use"] = True
    return made


def _thinking(wanted: Reasoning | None) -> dict[str, Any] | None:
    """Return the configuration of reasoning; none for a wish about its effort alone."""
    match wanted.mode if wanted else None:
        case ReasoningMode.ENABLED if wanted and wanted.budget_tokens:
            return {"type": "enabled", "budget_tokens": wanted.budget_tokens}
        case ReasoningMode.ENABLED | ReasoningMode.ADAPTIVE:
            return {"type": "adaptive"}
        case ReasoningMode.DISABLED:
            return _OFF
        case _:
            return None


def _config(request: InferenceRequest, *, effort: bool) -> dict[str, Any] | None:
    made: dict[str, Any] = {}
    wanted = request.response_format
    if wanted is not None and wanted.form is AnswerForm.JSON_SCHEMA:
        made["format"] = {"type": "json_schema", "schema": json.loads(wanted.schema or "{}")}
    elif wanted is not None and wanted.form is AnswerForm.JSON_OBJECT:
        raise NotCarried("response_format")  # the format has JSON of a schema alone
    asked = request.reasoning.effort if request.reasoning else None
    if effort and asked in _EFFORTS:
        made["effort"] = _EFFORTS[asked]
    return made or None
